/**
 * Saves what is being written a moment after the last key, each room by itself, and never twice the same.
 * `save(room, text)` stores and answers when it has; `later(work, ms)` and `never(id)` are the clock, so that a
 * test can hold it. A message takes its draft along in the core: what was saved stays until it is taken.
 */
export class Drafts {
  #save
  #later
  #never
  #open = new Map()
  #saved = new Map()
  #saving = new Map()

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
    if (open.text !== (this.#saved.get(room) ?? "")) this.#keep(room, open.text)
  }

  #keep(room, text) {
    this.#saved.set(room, text)
    const saving = Promise.resolve(this.#save(room, text))
    this.#saving.set(room, saving)
    saving.finally(() => this.#saving.get(room) === saving && this.#saving.delete(room))
  }

  /** The text is being sent; answers when what was saved before it is there, which it must not overtake. */
  async sent(room) {
    this.#never(this.#open.get(room)?.timer)
    this.#open.delete(room)
    this.#saved.set(room, "")
    await this.#saving.get(room)
  }

  /** The text was not taken: it is a draft again, before what was begun since, and kept at once. */
  refused(room, text, begun = "") {
    const all = begun ? `${text}\n${begun}` : text
    this.write(room, all)
    this.flush(room)
    return all
  }
}
