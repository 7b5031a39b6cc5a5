/** The window of a timeline: what stands in it, in which order, and what stays outside. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { CAP, emptyWindow, ends, extended, heard, items, opened, without } from "../lib/timeline.js"
import { dayOf } from "../lib/time.js"

const MINUTE = 60_000
const START = new Date(2026, 10, 19, 12).getTime()
const named = (row) => ({ id: row.key, ...row })
const row = (seq, more = {}) => named({ key: `k${seq}`, seq, n: seq, sender: 2, at: START + seq * MINUTE, kind: "text", text: `m${seq}`, ...more })
const pending = (key, more = {}) => named({ key, sender: 1, at: START + 999 * MINUTE, kind: "text", text: key, state: "queued", ...more })
const rows = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => row(from + at))
const page = (list, more_before = false, more_after = false) => ({ rows: list, more_before, more_after })
const keys = (window) => window.rows.map(({ key }) => key)
const look = { mark: null, me: 1, dayOf }

test("confirmed rows stand by seq, pending ones after them in the order of the outbox", () => {
  const window = opened(page([pending("b"), row(2), pending("a"), row(1)]))
  assert.deepEqual(keys(window), ["k1", "k2", "b", "a"])
})

test("a pending row that is confirmed keeps its key and takes its place", () => {
  const window = heard(opened(page([row(1), pending("mine"), pending("later")])), [{ ...pending("mine"), seq: 2, n: 2, state: undefined }], true)
  assert.deepEqual(keys(window), ["k1", "mine", "later"])
  assert.deepEqual(ends(window), [1, 2])
})

test("a message that was confirmed before others are heard of lets them in front of it", () => {
  let window = heard(opened(page([row(1), pending("mine")])), [{ ...pending("mine"), seq: 4, n: 4 }], true)
  window = heard(window, [row(2), row(3)], true)
  assert.deepEqual(keys(window), ["k1", "k2", "k3", "mine"])
  assert.equal(window.after, false)
})

test("the same rows again change nothing that is seen", () => {
  const window = opened(page(rows(1, 5)))
  assert.deepEqual(keys(heard(window, rows(1, 5), true)), keys(window))
})

test("an edit replaces its row in place, and one outside the window stays outside", () => {
  const window = opened(page(rows(10, 12), true))
  const next = heard(window, [row(11, { text: "new" }), row(3, { text: "old" })], true)
  assert.deepEqual(next.rows.map(({ text }) => text), ["m10", "new", "m12"])
})

test("a gap in the count is not closed up: the window says that there is more", () => {
  const window = heard(opened(page(rows(1, 5))), rows(100, 102), true)
  assert.deepEqual(keys(window), keys(opened(page(rows(1, 5)))))
  assert.equal(window.after, true)
})

test("notices of the room have no count and leave no gap", () => {
  const window = heard(opened(page([row(1, { n: 1 })])), [row(2, { key: "7:2", n: undefined, kind: "system" }), row(3, { n: 2 })], true)
  assert.deepEqual(keys(window), ["k1", "7:2", "k3"])
})

test("what comes while there is more below stays below", () => {
  const window = opened(page(rows(1, 5), false, true))
  assert.equal(heard(window, [row(9), pending("p")], false), window)
})

test("an empty room takes its first message", () => {
  assert.deepEqual(keys(heard(emptyWindow(), [row(40, { n: 1 })], true)), ["k40"])
})

test("following the end, the start gives way; reading above, the arrivals wait outside", () => {
  const full = opened(page(rows(1, CAP)))
  const following = heard(full, [row(CAP + 1)], true)
  assert.deepEqual([following.rows.length, following.before, following.after], [CAP, true, false])
  assert.equal(following.rows.at(-1).seq, CAP + 1)
  const reading = heard(full, [row(CAP + 1)], false)
  assert.deepEqual([reading.rows.length, reading.before, reading.after], [CAP, false, true])
  assert.equal(reading.rows[0].seq, 1)
})

test("walking over a long history in both directions never holds more than the cap and misses nothing", () => {
  const all = rows(1, 1_000)
  const before = (seq) => page(all.filter((r) => r.seq < seq).slice(-50), seq > 51, true)
  const after = (seq) => page(all.filter((r) => r.seq > seq).slice(0, 50), true, seq < 950)
  let window = opened(page(all.slice(-50), true))
  const seen = new Set(keys(window))
  while (window.before) {
    window = extended(window, before(ends(window)[0]), "before")
    assert.ok(window.rows.length <= CAP)
    for (const key of keys(window)) seen.add(key)
  }
  assert.equal(seen.size, 1_000)
  assert.deepEqual([ends(window)[0], window.after], [1, true])
  while (window.after) window = extended(window, after(ends(window)[1]), "after")
  assert.deepEqual([ends(window)[1], window.rows.length, window.before], [1_000, CAP, true])
})

test("a discarded message goes", () => {
  assert.deepEqual(keys(without(opened(page([row(1), pending("p")])), "p")), ["k1"])
})

test("even with a day to each message there are fewer than 300 nodes", () => {
  const daily = rows(1, CAP).map((r, at) => ({ ...r, at: START + at * 24 * 60 * MINUTE }))
  const list = items(opened(page(daily)), { ...look, mark: 3 })
  assert.ok(list.length > 2 * CAP && list.length <= 300, `${list.length}`)
})

test("messages of one person close together stand under one name", () => {
  const list = items(opened(page([row(1), row(2), row(8), row(9, { sender: 3 })], true)), look).filter(({ what }) => what === "message")
  assert.deepEqual(list.map(({ first }) => first), [true, false, true, true])
})

test("a notice of the room belongs to no group and ends one", () => {
  const list = items(opened(page([row(1), row(2, { kind: "system" }), row(3)], true)), look).filter(({ what }) => what === "message")
  assert.deepEqual(list.map(({ first }) => first), [true, true, true])
})

test("each day begins with its line", () => {
  const list = items(opened(page([row(1), row(2, { at: START + 24 * 60 * MINUTE })], true)), look)
  assert.deepEqual(list.map(({ what }) => what), ["day", "message", "day", "message"])
})

test("a clock that ran backwards makes no line twice", () => {
  const list = items(opened(page([row(1), row(2, { at: START + 24 * 60 * MINUTE }), row(3, { at: START })], true)), look)
  assert.equal(new Set(list.map(({ key }) => key)).size, list.length)
})

test("the unread line stands before the first message of others after the mark", () => {
  const window = opened(page([row(1), row(2, { sender: 1 }), row(3, { kind: "system" }), row(4), row(5)], true))
  const list = items(window, { ...look, mark: 1 })
  assert.equal(list[list.findIndex(({ what }) => what === "new") + 1].key, "k4")
})

test("no unread line where all is read, and none where its place is not at hand", () => {
  const shows = (window, mark) => items(window, { ...look, mark }).some(({ what }) => what === "new")
  assert.equal(shows(opened(page(rows(5, 9), true)), 9), false)
  assert.equal(shows(opened(page(rows(5, 9), true)), 2), false)
  assert.equal(shows(opened(page(rows(5, 9), false)), 2), true)
  assert.equal(shows(opened(page(rows(5, 9), true)), null), false)
})

test("the beginning is said where the room begins, and only there", () => {
  assert.equal(items(opened(page(rows(1, 2))), look)[0].what, "begin")
  assert.equal(items(emptyWindow(), look)[0].what, "begin")
  assert.notEqual(items(opened(page(rows(1, 2), true)), look)[0].what, "begin")
})

test("a message that comes before the first page does not stand under the beginning", () => {
  const [row] = rows(7, 7)
  assert.notEqual(items(heard(emptyWindow(), [row], true), look)[0].what, "begin")
  const [first] = rows(1, 1)
  assert.equal(items(heard(emptyWindow(), [first], true), look)[0].what, "begin")
})
