// Makes the files beside it from npm `emojibase-data`: node make.mjs <folder of the package> en de
import { readFileSync, writeFileSync } from "node:fs"

const [from, ...languages] = process.argv.slice(2)
const read = (path) => JSON.parse(readFileSync(`${from}/${path}`, "utf8"))
const every = (...lists) => [...new Set(lists.flat().filter(Boolean))]
const codes = [read("en/shortcodes/iamcal.json"), read("en/shortcodes/github.json"), read("en/shortcodes/emojibase.json")]
const COMPONENTS = 2

// What is drawn in colour by itself needs no selector: one emoji is one text, or reactions would stand twice.
const bare = (sign) => (/^\p{Emoji_Presentation}\uFE0F$/u.test(sign) ? sign.slice(0, -1) : sign)

for (const language of languages) {
  const { groups } = read(`${language}/messages.json`)
  const kept = groups.filter(({ order }) => order !== COMPONENTS)
  const place = new Map(kept.map(({ order }, at) => [order, at]))
  const list = read(`${language}/compact.json`)
    .filter(({ group }) => place.has(group))
    .sort((a, b) => a.order - b.order)
    .map(({ unicode, label, tags, hexcode, group }) => [bare(unicode), label, every(...codes.map((code) => code[hexcode])).join(" "), (tags ?? []).join(" "), place.get(group)])
  const text = `{"groups":${JSON.stringify(kept.map(({ message }) => message))},"emoji":[\n${list.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`
  writeFileSync(new URL(`${language}.json`, import.meta.url), text)
}
