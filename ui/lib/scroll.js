/** Where a scrolled list stands: kept still under the reader, moved only when the reader asks. */
import { tell } from "./dom.js"

/** Runs `change` and keeps what is being read where it is: the bottom when `bottom`, else the topmost visible child. */
export function hold(scroller, rows, bottom, change) {
  const edge = scroller.getBoundingClientRect().top
  const seen = bottom ? [] : visible(rows, edge)
  change()
  if (bottom) scroller.scrollTop = scroller.scrollHeight
  const kept = seen.find(([node]) => node.parentNode === rows)
  if (kept) scroller.scrollTop += kept[0].getBoundingClientRect().top - kept[1]
}

/** The children from the first visible one on, each with its top. */
function visible(rows, edge) {
  const seen = []
  for (const node of rows.children) {
    const box = node.getBoundingClientRect()
    if (box.bottom > edge && box.height > 0) seen.push([node, box.top])
    if (seen.length === 40) break
  }
  return seen
}

/** The last confirmed row that stands wholly in sight. */
export function lastSeen(scroller, rows, nodes) {
  const edge = scroller.getBoundingClientRect().bottom + 4
  return rows.findLast((row) => row.seq != null && nodes.get(row.id)?.getBoundingClientRect().bottom <= edge)
}

/** Pixels below what is in sight. */
export const below = ({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight

/** How near the end, in pixels, counts as being there. */
const NEAR_END_PX = 40

/** Whether the reader follows the end of a list. A list or box that changes its size is not a reader who scrolls. */
export class End {
  followed = true
  #size = ""

  /** Something was scrolled; `more` says that the list goes on beyond what is held. */
  moved(scroller, more) {
    const size = `${scroller.clientHeight} ${scroller.scrollHeight}`
    const resized = size !== this.#size
    this.#size = size
    if (resized && this.followed) this.keep(scroller, more)
    else this.followed = below(scroller) < NEAR_END_PX && !more
  }

  /** What grows or shrinks (a box, a font that came late) does not push the end out of sight. */
  keep(scroller, more) {
    if (this.followed && !more) scroller.scrollTop = scroller.scrollHeight
  }
}

/** Brings the unread line to the upper quarter; without one, or when all after it fits, the end. */
export function toLine(scroller, line) {
  scroller.scrollTop = scroller.scrollHeight
  if (!line) return
  const gone = scroller.getBoundingClientRect().top + scroller.clientHeight / 4 - line.getBoundingClientRect().top
  if (gone > 0) scroller.scrollTop -= gone
}

/** Whether the unread line lies above what is in sight: held there, or not held and `earlier` than all that is. */
export function lineAbove(scroller, line, earlier) {
  if (!line) return earlier
  return line.getBoundingClientRect().bottom < scroller.getBoundingClientRect().top
}

/** Brings a row to the middle and marks it for a moment. */
export function showRow(node) {
  node.scrollIntoView({ block: "center" })
  node.removeAttribute("shown")
  requestAnimationFrame(() => node.setAttribute("shown", ""))
  setTimeout(() => node.removeAttribute("shown"), 2_000)
}

/**
 * Keys inside the messages. Arrows go from one to the next; Tab goes through what can be done with the one
 * that is focused, and then on to the composer, not through a hundred messages.
 */
export function walk(rows, event) {
  const item = document.activeElement.closest("message-item")
  if (event.key === "Tab") return leave(rows, item, event)
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!by || event.altKey || event.target.closest("button, a")) return
  const list = [...rows.querySelectorAll("message-item")]
  const at = list.indexOf(item)
  const to = list[at < 0 ? list.length - 1 : Math.min(list.length - 1, Math.max(0, at + by))]
  if (!to) return
  event.preventDefault()
  to.focus()
}

function leave(rows, item, event) {
  const stops = item ? [item, ...item.querySelectorAll("button:not([hidden], :disabled), a, pre")] : []
  const next = stops[stops.indexOf(document.activeElement) + (event.shiftKey ? -1 : 1)]
  if (!item && event.shiftKey) return
  event.preventDefault()
  if (next) next.focus()
  else if (event.shiftKey) rows.parentNode.focus()
  else tell(rows, "leave-log")
}
