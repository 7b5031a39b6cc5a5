/** The store: what changes do to it, and who is drawn. */
import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import { emptyState } from "../lib/changes.js"
import { accountAt } from "../lib/links.js"
import * as store from "../state.js"

const account = (id, user = 1) => ({ what: "account", account: { id, user, server: "s", server_name: "S", name: "ada", display_name: "Ada", role: "owner", state: "open" } })
const room = (id, more = {}) => ({ what: "room", account: "a", room: { room: id, kind: "channel", name: `r${id}`, ...more } })

beforeEach(() => {
  Object.assign(store.state, emptyState())
  store.take([account("a")])
})

test("the first account is on the screen, another one is not", () => {
  store.take([account("b", 2)])
  assert.equal(store.me(), 1)
  store.choose("b")
  assert.equal(store.me(), 2)
})

test("a key is drawn at once, then once a batch, until it is stopped", () => {
  const drawn = []
  const stop = store.watch("rooms", (changes) => drawn.push(changes.length))
  store.take([room(1), room(2)])
  stop()
  store.take([room(3)])
  assert.deepEqual(drawn, [0, 2])
})

test("what is drawn sees the whole batch", () => {
  let name
  store.watch("rooms", () => (name = store.person(2)?.name))
  store.take([room(1), { what: "person", account: "a", person: { user: 2, name: "lin" } }])
  assert.equal(name, "lin")
})

test("an element that left while its key was drawn is not drawn any more", () => {
  const drawn = []
  let stop = () => {}
  store.watch("rooms", () => stop())
  stop = store.watch("rooms", () => drawn.push(1))
  store.take([room(1)])
  assert.deepEqual(drawn, [1])
})

test("one element's mistake does not keep the others from drawing", () => {
  const reported = []
  globalThis.reportError = (mistake) => reported.push(mistake.message)
  let calls = 0
  store.watch("typing:1", () => {
    if (calls++ > 0) throw new Error("mine")
  })
  let drawn = 0
  store.watch("typing:1", () => drawn++)
  store.take([{ what: "typing", account: "a", room: 1, users: [2] }])
  assert.deepEqual([reported, drawn], [["mine"], 2])
})

test("changes of another account are kept and not drawn here", () => {
  store.take([account("b", 2)])
  let drawn = 0
  store.watch("rooms", () => drawn++)
  store.take([{ ...room(9), account: "b" }])
  assert.deepEqual([drawn, store.rooms().length], [1, 0])
  store.choose("b")
  assert.deepEqual([drawn, store.rooms().length], [2, 1])
})

test("what kept an account shut is over once it is open, and nothing else is", () => {
  const problem = (account, code) => ({ what: "problem", account, code, message: "" })
  store.take([account("b", 2), problem("a", "keyring_locked"), problem("a", "disk_full"), problem("b", "no_keyring")])
  let drawn = -1
  store.watch("problems", () => drawn++)
  store.take([account("a")])
  assert.deepEqual([[...store.state.problems.keys()], drawn], [["disk_full", "no_keyring"], 1])
})

test("a room that is gone is gone, with what was typed in it", () => {
  store.take([room(1), { what: "typing", account: "a", room: 1, users: [2] }])
  let why
  store.watch("gone", ([change]) => (why = change?.why))
  store.take([{ what: "room_gone", account: "a", room: 1, why: "removed" }])
  assert.deepEqual([store.room(1), store.typing(1), why], [null, [], "removed"])
})

test("connection, presence, outbox and problems are what was last said", () => {
  store.take([
    { what: "connection", account: "a", state: "offline", since: 5, retry_ms: 10, why: null },
    { what: "presence", account: "a", users: [[2, "online"]] },
    { what: "outbox", account: "a", waiting: 2, failed: 1, ask: true },
    { what: "problem", account: null, code: "disk_full", message: "full" },
  ])
  assert.deepEqual([store.connection().state, store.live(), store.presence(2), store.presence(3), store.presence(1), store.outbox().ask], ["offline", false, "online", "offline", "offline", true])
  store.take([{ what: "connection", account: "a", state: "live", since: 6, retry_ms: null, why: null }])
  assert.equal(store.presence(1), "online")
  assert.equal(store.state.problems.get("disk_full").message, "full")
  store.dismiss("disk_full")
  assert.equal(store.state.problems.size, 0)
})

test("messages are handed on, not kept", () => {
  let heard = []
  store.watch("messages:7", (changes) => (heard = changes))
  store.take([{ what: "messages", account: "a", room: 7, rows: [{ key: "k" }] }, { what: "message_gone", account: "a", room: 7, key: "k" }])
  assert.deepEqual(heard.map(({ what }) => what), ["messages", "message_gone"])
})

test("an account that signed out makes place for the next", () => {
  store.take([account("b", 2)])
  let drawn = 0
  store.watch("rooms", () => drawn++)
  store.forget("a")
  assert.deepEqual([store.me(), drawn], [2, 2])
  store.forget("a")
  assert.equal(store.me(), 2)
  store.forget("b")
  assert.deepEqual([store.account(), store.me()], [null, null])
})

test("after a gap only what is told anew counts, and all of it is drawn", () => {
  store.take([room(1), room(2)])
  const drawn = { rooms: 0, missed: 0 }
  for (const key of Object.keys(drawn)) store.watch(key, (changes) => (drawn[key] = changes.length))
  store.take([{ what: "missed" }, account("a"), room(2, { name: "books" })])
  assert.deepEqual(store.rooms().map(({ name }) => name), ["books"])
  assert.deepEqual(drawn, { rooms: 1, missed: 1 })
})

test("a change of a later version is left alone", () => {
  assert.doesNotThrow(() => store.take([{ what: "hologram", account: "a" }]))
})

test("a click on a notice names its account, whichever is on the screen", () => {
  let opened
  store.watch("open", ([change]) => (opened = change))
  store.take([account("b", 2), { what: "open", account: "b", room: 7, seq: 3 }])
  assert.deepEqual([opened.account, opened.room, opened.seq], ["b", 7, 3])
})

test("without a link nobody is seen to be there or to type", () => {
  store.take([{ what: "presence", account: "a", users: [[2, "online"]] }, { what: "typing", account: "a", room: 7, users: [2] }])
  let drawn = 0
  store.watch("typing:7", () => drawn++)
  store.take([{ what: "connection", account: "a", state: "offline", since: 1, retry_ms: null, why: null }])
  assert.deepEqual([store.presence(2), store.typing(7), drawn], ["offline", [], 2])
})

test("a link waits until it is followed, and is for an account at its host", () => {
  store.take([{ what: "link", host: "h:1", to: "room", room: 7, seq: 8 }])
  assert.deepEqual(store.state.link, { host: "h:1", to: "room", room: 7, seq: 8, code: undefined })
  store.followed()
  assert.equal(store.state.link, null)
  const at = (id, server, state = "open") => ({ id, server, state })
  const all = [at("a", "https://h.example"), at("b", "http://h:1"), at("c", "http://h:1"), at("d", "https://gone", "thrown_out")]
  assert.equal(accountAt(all, "a", "h:1").id, "b")
  assert.equal(accountAt(all, "c", "h:1").id, "c")
  assert.equal(accountAt(all, "c", "h.example").id, "a")
  assert.equal(accountAt(all, "a", "gone"), null)
  assert.equal(accountAt(all, "a", "h"), null)
})
