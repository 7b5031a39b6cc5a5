/** Completing names where they are typed. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { complete, emojiAt, everyone, matches, mentionAt } from "../lib/mentions.js"

const people = [
  { user: 1, name: "ada", display_name: "Ada Byron" },
  { user: 2, name: "lin", display_name: "Lin" },
  { user: 3, name: "bob", display_name: "Berta Adams" },
  { user: 4, name: "gone", display_name: "Adam", deleted: true },
]

test("a name is completed where an @ begins a word", () => {
  assert.deepEqual(mentionAt("hi @ad", 6), { from: 3, query: "ad" })
  assert.deepEqual(mentionAt("@", 1), { from: 0, query: "" })
  assert.equal(mentionAt("me@home", 7), null)
  assert.equal(mentionAt("@ad x", 5), null)
  assert.deepEqual(mentionAt("(@å", 3), { from: 1, query: "å" })
})

test("names that begin so come before names that contain it; the deleted never", () => {
  assert.deepEqual(matches(people, "ad").map(({ user }) => user), [1, 3])
  assert.deepEqual(matches(people, "LIN").map(({ user }) => user), [2])
  assert.equal(matches(people, "", 2).length, 2)
})

test("the name is put in with one space after it", () => {
  assert.deepEqual(complete("hi @a!", 5, 3, "@ada"), { text: "hi @ada !", caret: 8 })
  assert.deepEqual(complete("@l there", 2, 0, "@lin"), { text: "@lin there", caret: 5 })
})

test("an emoji is completed where a colon begins a word, from two letters on", () => {
  assert.deepEqual(emojiAt("hi :sm", 6), { from: 3, query: "sm", whole: false })
  assert.deepEqual(emojiAt(":tea:", 5), { from: 0, query: "tea", whole: true })
  assert.deepEqual(emojiAt("(:+1", 4), { from: 1, query: "+1", whole: false })
  for (const text of ["at 12:30", ":s", "a:smile", "http://x", ":)"]) assert.equal(emojiAt(text, text.length), null, text)
})

test("everybody is called by the beginning of that word", () => {
  assert.deepEqual(["", "e", "every", "everyone", "eve n", "x"].map((query) => everyone(query)), [false, true, true, true, false, false])
})
