/** Lists that are no stretch of history: what the feed says of them, in order, and nothing else. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { isPinned, ofThread, placed, told } from "../lib/threads.js"

const row = (seq, more = {}) => ({ id: `7:${seq}`, seq, ...more })
const ids = (rows) => rows.map(({ id }) => id)

test("confirmed ones stand by number, unsent ones behind them as they were written", () => {
  assert.deepEqual(ids(placed([{ id: "b" }, row(9), { id: "a" }, row(2)])), ["7:2", "7:9", "b", "a"])
})

test("a thread takes what belongs to it, once, and nothing of the room", () => {
  const before = [row(2), row(5, { thread: 2 })]
  const changes = [
    { what: "messages", rows: [row(6), row(7, { thread: 2 }), row(5, { thread: 2, text: "new" })] },
    { what: "messages", rows: [{ id: "k", seq: null, thread: 2 }] },
    { what: "messages", rows: [{ id: "k", seq: 8, thread: 2 }] },
  ]
  const after = told(before, changes, ofThread(2))
  assert.deepEqual(ids(after), ["7:2", "7:5", "7:7", "k"])
  assert.equal(after[1].text, "new")
})

test("what is unpinned, deleted or gone leaves the pins", () => {
  const before = [row(1, { pinned: true }), row(2, { pinned: true }), row(3, { pinned: true })]
  const changes = [
    { what: "messages", rows: [row(1, { pinned: false }), row(2, { pinned: true, deleted: true }), row(4, { pinned: true })] },
    { what: "message_gone", key: "7:3" },
  ]
  assert.deepEqual(ids(told(before, changes, isPinned)), ["7:4"])
})
