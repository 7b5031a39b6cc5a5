/** The words of the interface: all there, none left over, plurals and directions as they should be. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { choose, list, use, word } from "../lib/words.js"
import { code, root } from "./sources.js"

const english = JSON.parse(readFileSync(new URL("words/en.json", root), "utf8"))
const asked = [...code.matchAll(/\bword\(\s*"([a-z_]+)"|data-(?:word|label|hint|title)="([a-z_]+)"|(?:panel|page)="([a-z_]+)"/g)].map((m) => m[1] ?? m[2] ?? m[3])

test("every word asked for is in the language file", () => {
  assert.deepEqual([...new Set(asked)].filter((key) => !(key in english)), [])
})

test("every word of the language file is used", () => {
  const quoted = new Set([...code.matchAll(/"([a-z_]+)"/g)].map((match) => match[1]))
  assert.deepEqual(Object.keys(english).filter((key) => !quoted.has(key)), [])
})

test("words that stand in tables are in the language file too", () => {
  const tables = [...code.matchAll(/"((?:notice|why|state|role|problem|emoji|registration|link)_[a-z_]+)"/g)].map((match) => match[1])
  assert.ok(tables.length > 40)
  assert.deepEqual(tables.filter((key) => !(key in english)), [])
})

const german = JSON.parse(readFileSync(new URL("words/de.json", root), "utf8"))
const places = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort()

test("German has every word that English has, and no other", () => {
  assert.deepEqual(Object.keys(german).sort(), Object.keys(english).sort())
})

test("the same places are filled in in both languages, and plurals are plurals in both", () => {
  for (const [key, entry] of Object.entries(english)) {
    assert.equal(typeof german[key], typeof entry, key)
    // A number may be said by a word: "die neueste" for one.
    const [here, there] = typeof entry === "string" ? [entry, german[key]] : [entry.other, german[key].other]
    assert.deepEqual(places(there), places(here), key)
    assert.ok(JSON.stringify(german[key]).length > 2, key)
  }
})

test("a sentence of German is not one of English, but for names and signs", () => {
  const same = Object.keys(english).filter((key) => typeof english[key] === "string" && english[key] === german[key])
  const names = ["hallway", "mark", "server_hint", "server_found", "your_name", "invite_link", "jump_key_mac", "details", "offline", "status", "message_by", "quote", "emoji", "name_hint"]
  assert.deepEqual(same.filter((key) => !names.includes(key)), [])
})

test("a plural has a sentence for every number of English", () => {
  for (const [key, entry] of Object.entries(english)) {
    if (typeof entry !== "string") assert.deepEqual(Object.keys(entry).sort(), ["one", "other"], key)
  }
})

test("numbers choose the plural and are written as the language writes them", () => {
  use(english, "en")
  assert.equal(word("ask", { n: 1 }).startsWith("1 message was"), true)
  assert.equal(word("ask", { n: 1200 }).startsWith("1,200 messages were"), true)
})

test("a language with other plurals gets them", () => {
  use({ new: { one: "{n} nowa", few: "{n} nowe", many: "{n} nowych", other: "{n}" } }, "pl")
  assert.deepEqual([1, 3, 5].map((n) => word("new", { n })), ["1 nowa", "3 nowe", "5 nowych"])
  use(english, "en")
})

test("a name in the other direction cannot turn the sentence around", () => {
  use(english, "en")
  assert.equal(word("notice_joined", { who: "Ada" }), "Ada joined.")
  assert.equal(word("notice_joined", { who: "דנה" }), "\u2068דנה\u2069 joined.")
  assert.equal(list(["Ada", "Lin", "Bob"]), "Ada, Lin, and Bob")
})

test("what is filled in is never read as a place to fill in", () => {
  use(english, "en")
  assert.equal(word("account_at", { name: "{server}", server: "home" }), "{server} at home")
})

test("the first language wanted that exists is spoken, else English", () => {
  assert.equal(choose(["en-GB"]), "en")
  assert.equal(choose(["de-AT", "en"]), "de")
  assert.equal(choose(["xx", "yy"]), "en")
})
