/**
 * What a change of the core's feed does to the store. Pure: a state and a change in, the keys that have to be
 * drawn again out. Messages are not kept here: a timeline keeps the few it shows.
 */

import { risen } from "./receipts.js"

/** What the window knows of one account. */
export const emptyAccount = () => ({
  rooms: new Map(),
  people: new Map(),
  typing: new Map(),
  presence: new Map(),
  receipts: new Map(),
  connection: { state: "connecting", since: 0, retry_ms: null, why: null },
  outbox: { waiting: 0, failed: 0, ask: false },
})

/** A store that has heard nothing yet. */
export const emptyState = () => ({
  heard: false,
  account: null,
  accounts: new Map(),
  data: new Map(),
  problems: new Map(),
  watched: [],
  link: null,
  view: nowhere(),
})

/** Everything an account has told so far; a new account starts empty. */
export function dataOf(state, account) {
  if (!state.data.has(account)) state.data.set(account, emptyAccount())
  return state.data.get(account)
}

/** Applies one change; answers the keys it touched, of the account on the screen alone. */
export function apply(state, change) {
  if (change.what === "problem") return problem(state, change)
  if (change.what === "account") return account(state, change)
  if (change.what === "account_gone") return gone(state, change.account)
  if (change.what === "open") return ["open"]
  if (change.what === "link") return link(state, change)
  if (change.what === "missed") return missed(state)
  const work = kinds[change.what]
  if (!work) return []
  const keys = work(dataOf(state, change.account), change)
  return change.account === state.account ? keys : ["elsewhere"]
}

/** What kept an account shut is over once it is open. */
const shut = new Set(["keyring_locked", "keyring_broken", "no_keyring", "key_missing", "core_broken"])

function account(state, { account: row }) {
  state.accounts.set(row.id, row)
  dataOf(state, row.id)
  state.account ??= row.id
  if (row.state !== "open") return ["accounts"]
  const over = [...state.problems.values()].filter(({ account, code }) => account === row.id && shut.has(code))
  over.forEach(({ code }) => state.problems.delete(code))
  return over.length > 0 ? ["accounts", "problems"] : ["accounts"]
}

/** Where nobody has chosen yet. */
export const nowhere = () => ({ page: "none", room: null, panel: null, column: "list" })

/** The next account takes the screen; then everything is drawn, which `"all"` says. */
function gone(state, id) {
  if (!state.accounts.delete(id)) return []
  state.data.delete(id)
  if (id !== state.account) return ["accounts"]
  state.account = state.accounts.keys().next().value ?? null
  state.view = nowhere()
  return ["all"]
}

/** Changes were dropped; all there is follows in the same batch. */
function missed(state) {
  state.data.clear()
  return ["all", "missed"]
}

function problem(state, change) {
  state.problems.set(change.code, change)
  return ["problems"]
}

/** A link that was opened waits for whoever can follow it. */
function link(state, { host, to, room, seq, code }) {
  state.link = { host, to, room, seq, code }
  return ["link"]
}

const kinds = {
  /** Who is there and who types is known only while the link is live. */
  connection(data, { state, since, retry_ms, why }) {
    data.connection = { state, since, retry_ms, why }
    if (state === "live") return ["connection", "presence"]
    const rooms = [...data.typing.keys()].map((room) => `typing:${room}`)
    data.typing.clear()
    data.presence.clear()
    return ["connection", "presence", ...rooms]
  },
  room(data, { room }) {
    data.rooms.set(room.room, room)
    return ["rooms", `room:${room.room}`]
  },
  room_gone(data, { room }) {
    data.rooms.delete(room)
    data.receipts.delete(room)
    data.typing.delete(room)
    return ["rooms", `room:${room}`, "gone"]
  },
  person(data, { person }) {
    data.people.set(person.user, person)
    return ["people", `person:${person.user}`]
  },
  typing(data, { room, users }) {
    data.typing.set(room, users)
    return [`typing:${room}`]
  },
  presence(data, { users }) {
    for (const [user, state] of users) data.presence.set(user, state)
    return ["presence"]
  },
  receipts(data, { room, marks }) {
    data.receipts.set(room, risen(data.receipts.get(room) ?? new Map(), marks))
    return [`receipts:${room}`]
  },
  outbox(data, { waiting, failed, ask }) {
    data.outbox = { waiting, failed, ask }
    return ["outbox"]
  },
  messages: (_, { room }) => [`messages:${room}`],
  message_gone: (_, { room }) => [`messages:${room}`],
}
