/**
 * The window on a room while it moves: asks the core for pages, takes the feed, and keeps the two straight.
 * What the feed says while a page is on its way is newer than the page. No DOM; `ask(where)` is the core.
 */
import { emptyWindow, ends, extended, heard, opened, without } from "./timeline.js"

export class History {
  window = emptyWindow()
  loading = false
  #ask
  #turn = 0
  #meanwhile = []

  constructor(ask) {
    this.#ask = ask
  }

  /** Shows the page asked for and nothing else; answers it, or null when something else was asked meanwhile. */
  open(where) {
    return this.#load(where, opened)
  }

  /** Fetches what lies `"before"` or `"after"` the window. */
  more(side) {
    const [low, high] = ends(this.window)
    return this.#load({ [side]: side === "before" ? low : high }, (page) => extended(this.window, page, side))
  }

  /** Takes changes of the feed; answers whether the window is another one. */
  hear(changes, following) {
    if (this.loading) this.#meanwhile.push(...changes)
    const before = this.window
    for (const change of changes) {
      if (change.what === "messages") this.window = heard(this.window, change.rows, following)
      else if (change.what === "message_gone") this.window = without(this.window, change.key)
    }
    return this.window !== before
  }

  /** Lets go of the room; an answer on its way is dropped. */
  leave() {
    this.#turn += 1
    this.loading = false
    this.window = emptyWindow()
  }

  async #load(where, place) {
    const turn = ++this.#turn
    this.loading = true
    this.#meanwhile = []
    try {
      const page = await this.#ask(where)
      if (turn !== this.#turn) return null
      this.window = place(page)
      this.loading = false
      this.hear(this.#meanwhile, false)
      return page
    } finally {
      if (turn === this.#turn) this.loading = false
    }
  }
}
