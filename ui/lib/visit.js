/** Going to a room, and remembering where one was. Only room ids are kept in the web view, never words of people. */
import { core } from "../core.js"
import { choose, room as found, show, state, take } from "../state.js"

const slot = () => `room of ${state.account}`

/** Opens a room, at a message when `at` names its `seq`. A mark set by hand asked for this, and is done. */
export function visit(room, at = null) {
  const row = found(room)
  if (row?.unread_mark) core.read({ room, seq: row.read }).catch(() => {})
  localStorage.setItem(slot(), String(room))
  // A thread belongs to its room; it stays beside that one alone.
  const kept = narrow() || (state.view.panel === "thread" && room !== state.view.room) ? null : state.view.panel
  show({ page: "room", room, at, panel: kept, column: "main" })
}

/** The room that was open last. */
export const visited = () => Number(localStorage.getItem(slot())) || null

/** One column at a time. */
export const narrow = () => matchMedia("(max-width: 699px)").matches

/** Opens a side panel, or closes the one that is open. */
export function panel(name) {
  const next = state.view.panel === name ? null : name
  show({ panel: next, column: next ? "panel" : "main" })
}

/** Opens the room an answer brought; it may come before the feed tells of it. */
export function visitNew(row) {
  take([{ what: "room", account: state.account, room: row }])
  visit(row.room)
}

/** Puts the account an answer brought on the screen. */
export function visitAccount(row) {
  localStorage.setItem("server", row.server)
  take([{ what: "account", account: row }])
  choose(row.id)
}

/** Opens the room with these people, made when it is not there. */
export async function visitPeople(users) {
  visitNew(await core.direct({ users }))
}

/** Opens a thread beside its room. */
export function openThread(room, thread) {
  if (room !== state.view.room) visit(room)
  show({ panel: "thread", thread, column: "panel" })
}
