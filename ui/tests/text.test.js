/** Texts in short: what was found in them, how long they are. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { excerpt, highlighted, length } from "../lib/text.js"

test("hits are counted in characters, not in halves of them", () => {
  const parts = highlighted("🫖🫖 tea", [[3, 6]])
  assert.deepEqual(parts, [{ text: "🫖🫖 ", hit: false }, { text: "tea", hit: true }])
})

test("a long text is cut around its first hit, and overlapping hits are drawn once", () => {
  const text = `${"a".repeat(500)}tea${"b".repeat(500)}`
  const parts = highlighted(text, [[500, 503], [501, 502]])
  assert.equal(parts.filter(({ hit }) => hit).map(({ text }) => text).join(), "tea")
  assert.equal(parts[0].text, "…")
  assert.equal(parts.at(-1).text, "…")
  assert.ok(parts.map(({ text }) => text).join("").length < 300)
})

test("length counts as the wire does", () => {
  assert.equal(length("a🫖"), 2)
})

test("an excerpt is one line, and says when it is not all", () => {
  assert.equal(excerpt("tea\n\n  now "), "tea now")
  assert.equal(excerpt("🫖".repeat(9), 4), "🫖🫖🫖🫖…")
})
