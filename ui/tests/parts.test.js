/** The small pure parts: rooms, keys, jumping, addresses, rights, faces, time. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { addressOf, codeOf } from "../lib/address.js"
import { hue, initials } from "../lib/faces.js"
import { places } from "../lib/jump.js"
import { wish } from "../lib/keys.js"
import { acts, may, mayPost, mayRemove } from "../lib/may.js"
import { forwarded, linkOf, placeOfLink } from "../lib/places.js"
import { badge, concerns, held, ordered, sections, stepped, title } from "../lib/rooms.js"
import { clock, dayLine, dayOf, since } from "../lib/time.js"

const room = (id, more = {}) => ({ room: id, kind: "channel", name: `r${id}`, unread: 0, mentions: 0, people: [], last_at: id, ...more })
const ids = (rooms) => rooms.map(({ room }) => room)

test("rooms stand by favourite, last talk, name", () => {
  assert.deepEqual(ids(ordered([room(1), room(3), room(2, { favourite: true }), room(4, { last_at: 3, name: "a" })])), [2, 4, 3, 1])
})

test("while someone points at the list it keeps its order, and new rooms come last", () => {
  assert.deepEqual(ids(held([room(1, { last_at: 99 }), room(2), room(5)], [2, 1])), [2, 1, 5])
})

test("people are the direct rooms", () => {
  const { rooms, people } = sections([room(1), room(2, { kind: "direct" })])
  assert.deepEqual([ids(rooms), ids(people)], [[1], [2]])
  assert.deepEqual([title(room(1)), title(room(2, { kind: "direct", name: "Lin" }))], ["# r1", "Lin"])
})

test("the badge is warm only for what concerns me", () => {
  assert.deepEqual(badge(room(1, { unread: 5 })), { warm: false, weight: true, count: "5" })
  assert.deepEqual(badge(room(1, { unread: 5, mentions: 2 })), { warm: true, weight: true, count: "2" })
  assert.deepEqual(badge(room(1, { unread: 100 })).count, "99+")
  assert.deepEqual(badge(room(1)), { warm: false, weight: false, count: "" })
  assert.equal(badge(room(1, { unread_mark: true })).weight, true)
  assert.deepEqual(badge(room(1, { unread: 5, mentions: 2, notify: "none" })), { warm: false, weight: false, count: "5" })
  assert.equal(badge(room(1, { unread: 5, muted_until: 20 }), 10).weight, false)
  assert.equal(badge(room(1, { unread: 5, muted_until: 20 }), 30).weight, true)
  assert.equal(concerns([room(1, { unread: 9, mentions: 2 }), room(2, { mentions: 3, notify: "none" })]), 2)
})

test("steps go round, and may skip what is read", () => {
  const list = [room(1), room(2), room(3, { unread: 1 })]
  assert.equal(stepped(list, 3, 1), 1)
  assert.equal(stepped(list, 1, -1), 3)
  assert.equal(stepped(list, 1, 1, true), 3)
  assert.equal(stepped(list, 9, 1), 1)
  assert.equal(stepped([], 9, 1), null)
})

const people = [
  { user: 1, name: "ada", display_name: "Ada Byron" },
  { user: 2, name: "lin", display_name: "Lin" },
  { user: 3, name: "bob", display_name: "Berta Adams" },
  { user: 4, name: "gone", display_name: "Adam", deleted: true },
]

const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more })

test("keys of the window, with the main key of each system", () => {
  assert.equal(wish(press("k", { ctrlKey: true }), false), "jump")
  assert.equal(wish(press("k", { ctrlKey: true }), true), null)
  assert.equal(wish(press("F", { metaKey: true }), true), "search")
  assert.equal(wish(press("ArrowUp", { altKey: true }), false), "previous")
  assert.equal(wish(press("ArrowDown", { altKey: true, shiftKey: true }), false), "next-unread")
  assert.equal(wish(press("F6"), false), "region")
  assert.equal(wish(press("F6", { shiftKey: true }), false), "region-back")
  assert.equal(wish(press("k"), false), null)
})

test("jumping finds rooms and the people one has no room with", () => {
  const rooms = [room(1, { name: "kitchen", last_at: 5 }), room(2, { kind: "direct", name: "Lin", people: [2], last_at: 9 })]
  assert.deepEqual(places("", rooms, people, 1).map(({ text }) => text), ["Lin", "# kitchen"])
  assert.deepEqual(places("#kit", rooms, people, 1).map(({ text }) => text), ["# kitchen"])
  assert.deepEqual(places("b", rooms, people, 1).map(({ text }) => text), ["Berta Adams"])
  assert.deepEqual(places("ktn", rooms, people, 1).map(({ text }) => text), ["# kitchen"])
  assert.deepEqual(places("zzz", rooms, people, 1), [])
})

test("an invite link fills the address and the code", () => {
  assert.deepEqual(addressOf("hallway://chat.example:7340/invite/Ab-9"), { url: "chat.example:7340", invite: "Ab-9" })
  assert.deepEqual(addressOf(" https://chat.example/invite/Ab%209 "), { url: "https://chat.example", invite: "Ab 9" })
  assert.deepEqual(addressOf("http://127.0.0.1:7340/?x=/invite/q"), { url: "http://127.0.0.1:7340", invite: "q" })
  assert.deepEqual(addressOf("chat.example"), { url: "chat.example", invite: null })
  assert.deepEqual(addressOf("https://chat.example/invite/%zz"), { url: "https://chat.example", invite: "%zz" })
  assert.equal(codeOf("hallway://x/join/K7QX-M2PA"), "K7QX-M2PA")
  assert.equal(codeOf(" k7qxm2pa "), "k7qxm2pa")
})

test("what is offered follows the role", () => {
  const member = room(1, { role: "member", visibility: "private" })
  const admin = { ...member, role: "admin" }
  const owner = { ...member, role: "owner" }
  const [person, boss] = [{ user: 1, role: "member" }, { user: 1, role: "owner" }]
  assert.deepEqual(["leave", "rename", "add", "roles", "delete"].filter((act) => may(act, member, person)), ["leave"])
  assert.deepEqual(["leave", "rename", "add", "roles", "delete"].filter((act) => may(act, admin, person)), ["leave", "rename", "add"])
  assert.equal(may("delete", owner, person), true)
  assert.equal(may("rename", member, boss), false)
  assert.equal(may("rename", { ...member, visibility: "public" }, boss), true)
  assert.deepEqual(["leave", "rename", "delete"].filter((act) => may(act, room(2, { kind: "direct" }), boss)), ["leave"])
  assert.deepEqual([mayRemove("member", admin, person), mayRemove("admin", admin, person), mayRemove("admin", owner, person)], [true, false, true])
  assert.deepEqual([mayPost(member), mayPost(room(1)), mayPost({ ...member, gone: "removed" })], [true, false, false])
})

test("what may be done to a message", () => {
  const here = room(1, { role: "member" })
  const me = { user: 1, role: "member" }
  const on = (row, where = here) => Object.entries(acts(row, where, me)).filter(([, may]) => may).map(([act]) => act)
  const any = ["react", "reply", "thread"]
  assert.deepEqual(on({ seq: 5, sender: 1, kind: "text" }), [...any, "edit", "copy", "link", "forward", "remove"])
  assert.deepEqual(on({ seq: 5, sender: 2, kind: "text", edited: true }), [...any, "copy", "link", "forward", "history"])
  assert.deepEqual(on({ seq: 5, sender: 2, kind: "text" }, { ...here, role: "admin" }), [...any, "copy", "link", "forward", "pin", "remove"])
  assert.deepEqual(on({ seq: 5, sender: 2, kind: "text", pinned: true }, room(1, { kind: "direct" })), [...any, "copy", "link", "forward", "unpin"])
  assert.deepEqual(on({ sender: 1, kind: "text", state: "queued" }), ["edit", "copy", "forward"])
  assert.deepEqual(on({ seq: 5, sender: 1, kind: "text", deleted: true }), [])
  assert.deepEqual(on({ seq: 5, sender: 1, kind: "system" }), [])
})

test("a link names its server, its room and its message, and nothing else is one", () => {
  assert.equal(linkOf("https://chat.example:7340", 7, 812), "hallway://chat.example:7340/room/7/812")
  assert.equal(linkOf("http://127.0.0.1:7340", 7), "hallway://127.0.0.1:7340/room/7")
  assert.deepEqual(placeOfLink("hallway://Chat.example:7340/room/7/812"), { host: "chat.example:7340", room: 7, seq: 812 })
  assert.deepEqual(placeOfLink("hallway://chat.example/room/7"), { host: "chat.example", room: 7, seq: null })
  for (const bad of ["hallway://x/room/seven", "https://x/room/7", "hallway://x/join/AB", "hallway://x/room/7/8/9", "hallway:///room/7", ""]) {
    assert.equal(placeOfLink(bad), null, bad)
  }
})

test("what is forwarded is a quote that says whose it is and where it stands", () => {
  assert.equal(forwarded("one\ntwo", "Lin", "hallway://x/room/7/8"), "> one\n> two\n[Lin](hallway://x/room/7/8)")
  assert.equal(forwarded("x", "L[i]n(y)", "hallway://x/room/7/8"), "> x\n[L(i)n(y)](hallway://x/room/7/8)")
  assert.ok([...forwarded("a".repeat(9_000), "Lin", "hallway://x/room/7/8")].length <= 4_000)
})

test("faces", () => {
  assert.deepEqual(["Ada", "Ada Byron King", "  ", "🫖 pot", "élan"].map(initials), ["A", "AK", "", "🫖P", "É"])
  assert.ok(Math.abs(hue(1) - hue(2)) > 60)
  assert.ok(hue(2 ** 44) >= 0 && hue(2 ** 44) < 360)
})

test("times in the system's format", () => {
  const at = new Date(2026, 10, 19, 13, 41).getTime()
  assert.equal(dayOf(at), 20261119)
  assert.match(clock(at), /41/)
  assert.match(dayLine(at, at), /19/)
  assert.doesNotMatch(dayLine(at, at), /2026/)
  assert.match(dayLine(at, new Date(2027, 0, 1).getTime()), /2026/)
  assert.equal(since(at, at), clock(at))
  assert.notEqual(since(at, at + 24 * 3_600_000), clock(at))
})
