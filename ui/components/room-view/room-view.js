import "../message-composer/message-composer.js"
import "../read-line/read-line.js"
import "../room-head/room-head.js"
import "../status-bars/status-bars.js"
import "../time-line/time-line.js"
import "../typing-line/typing-line.js"
import { goToDay } from "../../lib/days.js"
import { serve } from "../../lib/acts.js"
import { sheet } from "../../lib/dom.js"
import { room, state, watch } from "../../state.js"

const shape = sheet(`
  <room-head></room-head>
  <status-bars></status-bars>
  <time-line></time-line>
  <read-line></read-line>
  <typing-line></typing-line>
  <message-composer></message-composer>
  <p class="closed" data-word="room_closed"></p>`)

/** <room-view>   A conversation: its head, its messages, the box to write in. Does what its messages ask for. */
class RoomView extends HTMLElement {
  #room
  #stops

  connectedCallback() {
    this.append(shape())
    serve(this, {
      reply: (row) => this.#composer.reply(row),
      edit: (row) => this.#composer.edit(row),
      day: (at, _, line) => goToDay(this.#room, line, at),
      jump: (seq) => this.querySelector("time-line").jump(seq),
    })
    this.addEventListener("said", () => this.querySelector("time-line").toEnd())
    this.addEventListener("edit-last", () => this.#editLast())
    this.addEventListener("newest", ({ detail }) => (this.querySelector("read-line").last = detail))
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
    if (moved) for (const part of ["room-head", "read-line", "typing-line", "message-composer"]) this.querySelector(part).room = id
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

  #editLast() {
    const row = this.querySelector("time-line").lastMine()
    if (row && room(this.#room)) this.#composer.edit(row)
  }
}

customElements.define("room-view", RoomView)
