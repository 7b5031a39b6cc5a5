import "../message-composer/message-composer.js"
import "../room-head/room-head.js"
import "../status-bars/status-bars.js"
import "../time-line/time-line.js"
import "../typing-line/typing-line.js"
import { confirmed } from "../confirm-box/confirm-box.js"
import { core } from "../../core.js"
import { copy } from "../../lib/copy.js"
import { sheet, tell } from "../../lib/dom.js"
import { nameOf, why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { person, room, state, watch } from "../../state.js"

const shape = sheet(`
  <room-head></room-head>
  <status-bars></status-bars>
  <time-line></time-line>
  <typing-line></typing-line>
  <message-composer></message-composer>
  <p class="closed" data-word="room_closed"></p>`)

/** <room-view>   A conversation: its head, its messages, the box to write in. Does what its messages ask for. */
class RoomView extends HTMLElement {
  #room
  #stops

  connectedCallback() {
    this.append(shape())
    for (const [name, work] of Object.entries(this.#acts)) this.addEventListener(name, (event) => this.#do(work, event.detail))
    this.addEventListener("said", () => this.querySelector("time-line").toEnd())
    this.addEventListener("edit-last", () => this.#editLast())
    this.addEventListener("leave-log", () => this.#composer.focus())
    this.#stops = [watch("view", () => this.#draw()), watch("rooms", () => this.#door())]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  get #composer() {
    return this.querySelector("message-composer")
  }

  #draw() {
    const { page, room: id, at } = state.view
    if (page !== "room") return
    const moved = id !== this.#room
    this.#room = id
    if (moved) for (const part of ["room-head", "typing-line", "message-composer"]) this.querySelector(part).room = id
    if (moved || at) this.querySelector("time-line").open(id, at)
    state.view.at = null
    this.#door()
  }

  /** Who is no longer in the room reads what is left and cannot write. */
  #door() {
    const closed = Boolean(room(this.#room)?.gone)
    this.querySelector(".closed").hidden = !closed
    this.#composer.hidden = closed
  }

  #acts = {
    reply: (row) => this.#composer.reply(row),
    edit: (row) => this.#composer.edit(row),
    jump: (seq) => this.querySelector("time-line").jump(seq),
    copy: (row) => copy(row.text),
    react: ({ seq, emoji, on }) => core.react({ room: this.#room, seq, emoji, on }),
    retry: ({ key, change }) => core.retry({ key: change ?? key }),
    discard: ({ key, change }) => core.discard({ key: change ?? key }),
    remove: (row) => this.#remove(row),
  }

  /** A refusal is said, wherever it came from. */
  async #do(work, detail) {
    try {
      await work(detail)
    } catch (refusal) {
      tell(this, "notice", why(refusal))
    }
  }

  async #remove(row) {
    const who = nameOf(person(row.sender))
    const question = { title: word("delete_title"), text: word("delete_text", { who }), act: word("delete_message") }
    if (!(await confirmed(question))) return
    const which = row.seq == null ? { key: row.key } : { seq: row.seq }
    await core.remove({ room: this.#room, ...which })
  }

  #editLast() {
    const row = this.querySelector("time-line").lastMine()
    if (row && room(this.#room)) this.#composer.edit(row)
  }
}

customElements.define("room-view", RoomView)
