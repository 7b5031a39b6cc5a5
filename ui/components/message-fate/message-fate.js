import { say, sheet, tell } from "../../lib/dom.js"
import { fate } from "../../lib/sentences.js"
import { live, watch } from "../../state.js"

const shape = sheet(`<span class="words" dir="auto"></span>`)
const steps = sheet(`
  <button class="retry" type="button" data-word="retry"></button>
  <button class="edit" type="button" data-word="edit"></button>
  <button class="discard" type="button" data-word="discard"></button>`)

/** Waiting is nobody's concern until it lasts this long. */
const PATIENCE_MS = 700

/** <message-fate>   What becomes of a message that is not confirmed, in words, with the next step beside it. */
class MessageFate extends HTMLElement {
  #row
  #stop
  #timer

  set row(row) {
    this.#row = row
    if (this.isConnected) this.#draw()
  }

  connectedCallback() {
    if (!this.firstChild) this.append(shape())
    this.#stop = watch("connection", () => this.#row && this.#draw())
    this.#timer = setTimeout(() => this.toggleAttribute("late", true), PATIENCE_MS)
  }

  disconnectedCallback() {
    this.#stop()
    clearTimeout(this.#timer)
    this.removeAttribute("late")
  }

  #draw() {
    const failed = this.#row.state === "failed"
    this.toggleAttribute("failed", failed)
    this.toggleAttribute("waiting", !live())
    this.setAttribute("role", failed ? "alert" : "presentation")
    const text = fate(this.#row, live())
    const line = this.querySelector(".words")
    say(line, text)
    if (failed && !this.querySelector("button")) this.append(this.#steps())
    if (!failed) for (const button of this.querySelectorAll("button")) button.remove()
    const edit = this.querySelector(".edit")
    if (edit) edit.hidden = this.#row.deleted || this.#row.kind === "system"
  }

  #steps() {
    const piece = steps()
    for (const name of ["retry", "edit", "discard"]) {
      piece.querySelector(`.${name}`).addEventListener("click", () => tell(this, name, this.#row))
    }
    return piece
  }
}

customElements.define("message-fate", MessageFate)
