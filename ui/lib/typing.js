/** Says that someone is typing, no more often than others need to hear it. */
import { core } from "../core.js"

const EVERY_MS = 3_000

export class Typing {
  #said = -Infinity

  /** A key was pressed in the box of a room. */
  pressed(room) {
    if (performance.now() - this.#said < EVERY_MS) return
    this.#said = performance.now()
    core.typing({ room }).catch(() => {})
  }

  /** The text is gone: the next one is said anew. */
  over() {
    this.#said = -Infinity
  }
}
