/** A history that moves while the core is asked about it. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { History } from "../lib/history.js"

const row = (seq, text = `m${seq}`) => ({ id: `k${seq}`, key: `k${seq}`, seq, n: seq, sender: 2, at: seq, kind: "text", text })
const said = (...rows) => [{ what: "messages", rows }]

/** A core whose answers come when the test says so. */
function core() {
  const asked = []
  const ask = (where) => new Promise((answer, refuse) => asked.push({ where, answer, refuse }))
  return { asked, history: new History(ask) }
}
const page = (rows, more_before = false, more_after = false) => ({ rows, more_before, more_after })
const texts = (history) => history.window.rows.map(({ text }) => text)

test("what the feed says while a page is on its way is newer than the page", async () => {
  const { asked, history } = core()
  const opening = history.open({})
  history.hear(said(row(2, "edited"), row(3)), true)
  asked[0].answer(page([row(1), row(2)]))
  await opening
  assert.deepEqual(texts(history), ["m1", "edited", "m3"])
})

test("a message discarded while a page is on its way does not come back with it", async () => {
  const { asked, history } = core()
  const opening = history.open({})
  history.hear([{ what: "message_gone", key: "k2" }], true)
  asked[0].answer(page([row(1), row(2)]))
  await opening
  assert.deepEqual(texts(history), ["m1"])
})

test("an answer for a room that was left is dropped", async () => {
  const { asked, history } = core()
  const first = history.open({})
  history.leave()
  const second = history.open({})
  asked[1].answer(page([row(9)]))
  asked[0].answer(page([row(1)]))
  assert.deepEqual([await first, (await second).rows.length], [null, 1])
  assert.deepEqual(texts(history), ["m9"])
})

test("more is asked from the ends on", async () => {
  const { asked, history } = core()
  const opening = history.open({ around: 50 })
  asked[0].answer(page([row(49), row(50), row(51)], true, true))
  await opening
  const older = history.more("before")
  asked[1].answer(page([row(48)], true, true))
  await older
  const newer = history.more("after")
  asked[2].answer(page([row(52)], true, false))
  await newer
  assert.deepEqual(asked.map(({ where }) => where), [{ around: 50 }, { before: 49 }, { after: 51 }])
  assert.deepEqual(texts(history), ["m48", "m49", "m50", "m51", "m52"])
  assert.deepEqual([history.window.before, history.window.after], [true, false])
})

test("a refused question leaves the window as it was and can be asked again", async () => {
  const { asked, history } = core()
  const opening = history.open({})
  asked[0].answer(page([row(5)], true))
  await opening
  const older = history.more("before")
  asked[1].refuse(new Error("offline"))
  await assert.rejects(older)
  assert.deepEqual([texts(history), history.loading], [["m5"], false])
})

test("hearing nothing new says so", async () => {
  const { asked, history } = core()
  const opening = history.open({})
  asked[0].answer(page([row(5)], true, true))
  await opening
  assert.equal(history.hear(said(row(9)), false), false)
  assert.equal(history.hear(said(row(5, "x")), false), true)
})
