/** Completing names where they are typed. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { complete, matches, mentionAt } from "../lib/mentions.js"

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
  assert.deepEqual(complete("hi @a!", 5, 3, "ada"), { text: "hi @ada !", caret: 8 })
  assert.deepEqual(complete("@l there", 2, 0, "lin"), { text: "@lin there", caret: 5 })
})
