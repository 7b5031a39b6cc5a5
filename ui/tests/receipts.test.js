/** Read marks as they are heard, and days as they stand on a sheet. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { daysFrom, midnight, weeks, weekStart } from "../lib/calendar.js"
import { apply, dataOf, emptyState } from "../lib/changes.js"
import { readers, risen } from "../lib/receipts.js"

test("marks rise and never fall, and what was read was received", () => {
  const marks = risen(risen(new Map(), [[1, 5, 9], [2, 0, 3]]), [[1, 4, 8], [2, 7, 0]])
  assert.deepEqual([...marks], [[1, [5, 9]], [2, [7, 7]]])
})

test("who read a message, and who only has it; never myself", () => {
  const marks = new Map([[1, [9, 9]], [2, [8, 8]], [3, [2, 8]], [4, [2, 7]]])
  assert.deepEqual(readers(marks, 8, 1), { read: [2], delivered: [3] })
})

test("the feed's marks are kept by room and go with it", () => {
  const state = emptyState()
  state.account = "a"
  assert.deepEqual(apply(state, { what: "receipts", account: "a", room: 7, marks: [[2, 5, 5]] }), ["receipts:7"])
  assert.deepEqual(dataOf(state, "a").receipts.get(7).get(2), [5, 5])
  apply(state, { what: "room_gone", account: "a", room: 7, why: "left" })
  assert.equal(dataOf(state, "a").receipts.size, 0)
})

const days = (rows) => rows.map((row) => row.map((at) => new Date(at).getDate()))

test("a month stands in whole weeks, from the day a week begins with", () => {
  assert.deepEqual(days(weeks(2026, 10)), [
    [26, 27, 28, 29, 30, 31, 1],
    [2, 3, 4, 5, 6, 7, 8],
    [9, 10, 11, 12, 13, 14, 15],
    [16, 17, 18, 19, 20, 21, 22],
    [23, 24, 25, 26, 27, 28, 29],
    [30, 1, 2, 3, 4, 5, 6],
  ])
  assert.deepEqual(days(weeks(2026, 10, 7))[0], [1, 2, 3, 4, 5, 6, 7])
  assert.deepEqual(days(weeks(2027, 1)).length, 4)
  for (let month = 0; month < 24; month += 1) {
    for (const at of weeks(2026, month).flat()) assert.equal(at, midnight(at))
  }
})

test("a day later is a day later, whatever the clocks do", () => {
  for (let at = new Date(2026, 0, 1).getTime(), n = 0; n < 400; n += 1) {
    const next = daysFrom(at, 1)
    assert.notEqual(new Date(next).getDate(), new Date(at).getDate())
    assert.equal(daysFrom(next, -1), at)
    at = next
  }
})

test("a week begins where people say it does", () => {
  assert.equal(weekStart("de"), 1)
  assert.ok([1, 7].includes(weekStart("en")))
})
