import { say, sheet, tell } from "../../lib/dom.js"
import { since } from "../../lib/time.js"
import { word } from "../../lib/words.js"
import { me, room, watch } from "../../state.js"

const shape = sheet(`<button type="button"><span class="words"></span> <time></time></button>`)

/** <thread-line>   How a message's thread stands, or that it belongs to one; opens it. State: news. */
class ThreadLine extends HTMLElement {
  #row
  #stop = () => {}

  set row(row) {
    this.#row = row
    this.#stop()
    this.#stop = watch(`room:${row.room}`, () => this.#draw())
  }

  connectedCallback() {
    if (this.firstChild) return
    this.append(shape())
    this.querySelector("button").addEventListener("click", () => tell(this, "thread"))
  }

  disconnectedCallback() {
    this.#stop()
  }

  #draw() {
    const { room: id, thread, replies } = this.#row
    if (!this.firstChild) return
    const time = this.querySelector("time")
    time.hidden = thread != null
    this.toggleAttribute("news", Boolean(replies && replies.last > (room(id)?.read ?? 0) && replies.last_sender !== me()))
    this.toggleAttribute("within", thread != null)
    if (thread != null) return say(this.querySelector(".words"), word("in_thread"))
    say(this.querySelector(".words"), word("replies", { n: replies.count }))
    say(time, since(replies.at))
    time.dateTime = new Date(replies.at).toISOString()
  }
}

customElements.define("thread-line", ThreadLine)
