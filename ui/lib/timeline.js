/**
 * The window a timeline shows of a room: a few rows of a history of any length. Pure: a window and rows in,
 * a window out. Confirmed rows stand by `seq`, pending ones after them in the order of the outbox.
 * `before` and `after` say that there is more on that side.
 */

/** Rows held at once; with day lines at most twice as many nodes, so never more than 300. */
export const CAP = 140

/** Messages of one person this close together stand under one name. */
const GROUP_MS = 5 * 60_000

export const emptyWindow = () => ({ rows: [], before: false, after: false })

/** The window that holds just this answer of the core. */
export const opened = (page) => ({ rows: sorted(page.rows), before: page.more_before, after: page.more_after })

/** The window with an answer put in front (`"before"`) or behind (`"after"`); the other end gives way. */
export function extended(window, page, side) {
  const rows = sorted([...fresh(window.rows, page.rows), ...page.rows])
  const grown = { ...window, rows }
  if (side === "before") return capped({ ...grown, before: page.more_before }, "end")
  return capped({ ...grown, after: page.more_after }, "start")
}

/** The held rows that the answer does not bring anew. */
function fresh(held, brought) {
  const keys = new Set(brought.map((row) => row.id))
  return held.filter((row) => !keys.has(row.id))
}

/**
 * Rows of the feed, into the window. What lies beyond its ends stays outside, and so does a row that would
 * leave a gap; then `after` says that there is more to load. Following the end, the start gives way.
 */
export function heard(window, rows, following) {
  let next = window
  for (const row of sorted(rows)) next = withRow(next, row)
  if (next === window) return window
  return capped({ ...next, rows: sorted(next.rows) }, following ? "start" : "end")
}

function withRow(window, row) {
  const at = window.rows.findIndex((held) => held.id === row.id)
  if (at >= 0) return { ...window, rows: window.rows.with(at, row) }
  const [low, high] = ends(window)
  const within = row.seq != null && row.seq > low && row.seq < high
  if (within) return { ...window, rows: [...window.rows, row] }
  if (row.seq != null && row.seq < low) return window.before ? window : { ...window, rows: [row, ...window.rows] }
  if (window.after || gap(window, row)) return window.after ? window : { ...window, after: true }
  // Alone in a window that never had its first page, it is hardly the first of its room.
  const before = window.before || (window.rows.length === 0 && row.seq > 1)
  return { ...window, rows: [...window.rows, row], before }
}

/** The lowest and the highest `seq` held; both 0 when none is. */
export function ends({ rows }) {
  const confirmed = rows.filter((row) => row.seq != null)
  return confirmed.length > 0 ? [confirmed[0].seq, confirmed.at(-1).seq] : [0, 0]
}

/** Whether messages are missing between the window and this row: `n` counts them without holes. */
function gap({ rows }, row) {
  const last = rows.reduce((n, held) => Math.max(n, held.n ?? 0), 0)
  return last > 0 && row.n > last + 1
}

/** The window without a row that is no more. */
export const without = (window, id) => ({ ...window, rows: window.rows.filter((row) => row.id !== id) })

function capped(window, side) {
  const over = window.rows.length - CAP
  if (over <= 0) return window
  if (side === "start") return { ...window, rows: window.rows.slice(over), before: true }
  return { ...window, rows: window.rows.slice(0, CAP), after: true }
}

/** By `seq`; what has none stays behind, in the order it came. */
function sorted(rows) {
  const confirmed = rows.filter((row) => row.seq != null).sort((a, b) => a.seq - b.seq)
  return [...confirmed, ...rows.filter((row) => row.seq == null)]
}

/**
 * What stands on the screen: messages with their day lines, the unread line after `mark`, the beginning.
 * `first` opens a group under a name. `dayOf` tells days apart.
 */
export function items(window, { mark, me, dayOf }) {
  const list = []
  if (!window.before && !window.after && window.rows.length === 0) return [{ key: "begin", what: "begin" }]
  if (!window.before && window.rows.length > 0) list.push({ key: "begin", what: "begin" })
  const line = newLine(window, mark, me)
  let last = null
  for (const row of window.rows) {
    const day = dayOf(row.at)
    const turned = last === null || dayOf(last.at) !== day
    if (turned) list.push({ key: `day:${day}`, what: "day", at: row.at })
    if (row.id === line) list.push({ key: "new", what: "new" })
    const first = turned || row.id === line || !grouped(last, row)
    list.push({ key: row.id, what: "message", row, first })
    last = row
  }
  return list.filter(({ key }, at) => at === list.findIndex((item) => item.key === key))
}

/** The key of the first unread row, when what precedes it is at hand. */
function newLine(window, mark, me) {
  if (mark == null) return null
  const at = window.rows.findIndex((row) => row.seq > mark && row.sender !== me && row.kind !== "system")
  if (at < 0 || (at === 0 && window.before)) return null
  return window.rows[at].id
}

function grouped(last, row) {
  const alike = last.kind !== "system" && row.kind !== "system" && last.sender === row.sender
  return alike && row.at - last.at < GROUP_MS
}
