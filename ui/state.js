/**
 * The one store, fed by the core's one channel. Elements look with the functions below and draw again
 * when a key they watch is touched; nobody else writes.
 */
import { apply, dataOf, emptyState, nowhere } from "./lib/changes.js"

export const state = emptyState()
const watchers = new Map()

/** Draws now and whenever `key` is touched, with the changes that touched it; answers the function that ends it. */
export function watch(key, draw) {
  if (!watchers.has(key)) watchers.set(key, new Set())
  const draws = watchers.get(key)
  draws.add(draw)
  draw([])
  return () => draws.delete(draw) && draws.size === 0 && watchers.get(key) === draws && watchers.delete(key)
}

/** Takes a batch of the feed: all of it is applied, then each key is drawn once. */
export function take(batch) {
  const touched = new Map()
  for (const change of batch) {
    for (const key of apply(state, change)) {
      if (!touched.has(key)) touched.set(key, [])
      touched.get(key).push(change)
    }
  }
  state.heard = true
  if (touched.has("all")) touchAll(touched)
  else for (const [key, changes] of touched) touch(key, changes)
}

/** Draws what still watches `key`. One element's mistake must not keep the others from drawing. */
export function touch(key, changes = []) {
  const draws = watchers.get(key)
  for (const draw of [...(draws ?? [])]) {
    try {
      if (draws.has(draw)) draw(changes)
    } catch (mistake) {
      reportError(mistake)
    }
  }
}

/** Shows something else: a page, a room, a panel at the side, a column where there is only one. */
export function show(view) {
  state.view = { ...state.view, ...view }
  touch("view")
}

/** Puts another account on the screen. */
export function choose(account) {
  state.account = account
  state.view = nowhere()
  touchAll()
}

function touchAll(touched = new Map()) {
  for (const key of [...watchers.keys()]) touch(key, touched.get(key))
}

/** Forgets an account that signed out here. */
export const forget = (account) => take([{ what: "account_gone", account }])

/** Learns people that came with an answer instead of the feed. */
export function learn(people) {
  const news = people.filter((row) => JSON.stringify(row) !== JSON.stringify(person(row.user)))
  take(news.map((person) => ({ what: "person", account: state.account, person })))
}

/** People on the screen beside those of direct rooms: their presence is wanted too. */
export function lookAt(users) {
  state.watched = users
  touch("watched")
}

/** The link that was opened is followed, or leads nowhere. */
export function followed() {
  state.link = null
  touch("link")
}

/** A problem the person has seen. */
export function dismiss(code) {
  state.problems.delete(code)
  touch("problems")
}

/** What an account has told, also one that is not on the screen. */
export const dataOfAccount = (id) => dataOf(state, id)

const data = () => dataOf(state, state.account)

/** The account on the screen. */
export const account = () => state.accounts.get(state.account) ?? null

/** The id of whoever sits here. */
export const me = () => account()?.user ?? null

export const connection = () => data().connection
export const live = () => data().connection.state === "live"
export const outbox = () => data().outbox
export const rooms = () => [...data().rooms.values()]
export const room = (id) => data().rooms.get(id) ?? null
export const people = () => [...data().people.values()]
export const person = (id) => data().people.get(id) ?? null
export const typing = (id) => data().typing.get(id) ?? []

/** How far people have read and received in a room: `user → [read, delivered]`. */
export const receipts = (id) => data().receipts.get(id) ?? new Map()

/** Marks that came with an answer instead of the feed. */
export const hearReceipts = (room, marks) => take([{ what: "receipts", account: state.account, room, marks }])

/** Whether someone is there; of me the link tells it. */
export const presence = (id) => (id === me() ? (live() ? "online" : "offline") : data().presence.get(id) ?? "offline")
