/** How far someone has read in the room on the screen, and where the unread line stands. */
import { core } from "../core.js"

export class Reading {
  /** The line stands after this message; null: there is none yet. */
  mark = null
  /** There was something unread when the room was opened. */
  news = false
  #read = 0

  /** A room is opened. */
  enter(room) {
    this.mark = null
    this.news = (room?.unread ?? 0) > 0
    this.#read = room?.read ?? 0
  }

  /** Nobody is there: the line goes where reading ended. */
  left() {
    if (this.mark !== null) this.mark = Math.max(this.mark, this.#read)
  }

  /** A message stood in front of someone. */
  saw(room, seq) {
    if (seq <= this.#read) return
    this.#read = seq
    core.read({ room, seq }).catch(() => {})
  }
}
