/**
 * Saves what is being written a moment after the last key, each room by itself, and never twice the same.
 * `save(room, text)` stores; `later(work, ms)` and `never(id)` are the clock, so that a test can hold it.
 */
export class Drafts {
  #save
  #later
  #never
  #open = new Map()
  #saved = new Map()

  constructor(save, later = (work, ms) => setTimeout(work, ms), never = (id) => clearTimeout(id)) {
    this.#save = save
    this.#later = later
    this.#never = never
  }

  /** What the core holds for a room. */
  known(room, text) {
    if (!this.#open.has(room)) this.#saved.set(room, text ?? "")
  }

  /** The box of a room now holds this text. */
  write(room, text) {
    this.#never(this.#open.get(room)?.timer)
    this.#open.set(room, { text, timer: this.#later(() => this.flush(room), 400) })
  }

  /** What was last written and maybe not saved yet; undefined when nothing is open. */
  unsaved(room) {
    return this.#open.get(room)?.text
  }

  /** Saves now. */
  flush(room) {
    const open = this.#open.get(room)
    if (!open) return
    this.#never(open.timer)
    this.#open.delete(room)
    if (open.text === (this.#saved.get(room) ?? "")) return
    this.#saved.set(room, open.text)
    this.#save(room, open.text)
  }

  /** The text was sent: there is nothing to keep, and the core knows it. */
  sent(room) {
    this.#never(this.#open.get(room)?.timer)
    this.#open.delete(room)
    const held = this.#saved.get(room)
    this.#saved.set(room, "")
    if (held) this.#save(room, "")
  }

  /** The text was not taken: it is a draft again, unless another one was begun. */
  refused(room, text) {
    if (!this.#open.has(room)) this.write(room, text)
  }
}
