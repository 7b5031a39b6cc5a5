/** Emoji are found by name and word in each language, and each of them is one text. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { found, known } from "../lib/emoji.js"
import { root } from "./sources.js"

const read = (language) => known(JSON.parse(readFileSync(new URL(`vendor/emoji/${language}.json`, root), "utf8")))
const [english, german] = [read("en"), read("de")]
const first = (list, query) => found(list.emoji, query, 3).map(({ sign }) => sign)

test("an exact name comes first, then its beginnings, then words", () => {
  assert.equal(first(english, "tea")[0], "🍵")
  assert.equal(first(english, "+1")[0], "👍")
  assert.equal(first(english, ":coffee:")[0], "☕")
  assert.ok(first(english, "smil").includes("😄") || first(english, "smil").includes("😃"))
  assert.deepEqual(first(english, "nothing-is-called-so"), [])
})

test("each language finds by its own words, and by the names that all know", () => {
  assert.ok(found(german.emoji, "kaffee").some(({ sign }) => sign === "☕"))
  assert.equal(first(german, "tada")[0], "🎉")
  assert.deepEqual(german.emoji.map(({ sign }) => sign).sort(), english.emoji.map(({ sign }) => sign).sort())
  assert.equal(german.groups.length, english.groups.length)
})

test("no emoji stands twice, with and without a selector", () => {
  const bare = english.emoji.map(({ sign }) => sign.replaceAll("\uFE0F", ""))
  assert.equal(new Set(bare).size, bare.length)
})

test("every group is known by a sign and has emoji", () => {
  english.groups.forEach((_, group) => assert.ok(english.emoji.filter((one) => one.group === group).length > 50, String(group)))
  assert.equal(english.groups.length, 9)
})
