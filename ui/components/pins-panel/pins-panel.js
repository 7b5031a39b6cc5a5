import "../panel-head/panel-head.js"
import { core } from "../../core.js"
import { serve } from "../../lib/acts.js"
import { sheet } from "../../lib/dom.js"
import { Listed } from "../../lib/listed.js"
import { isPinned } from "../../lib/threads.js"
import { visit } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { show, state, watch } from "../../state.js"

const shape = sheet(`
  <panel-head panel="pinned_messages"></panel-head>
  <div class="inside"><div class="rows" role="list" data-label="pinned_messages"></div><p class="wrong" role="status"></p></div>`)

/** <pins-panel>   What is pinned in the room; a pressed time goes to where it was said. */
class PinsPanel extends HTMLElement {
  #room
  #listed
  #stop = () => {}

  connectedCallback() {
    this.append(shape())
    this.#listed = new Listed(this.querySelector(".rows"), this.querySelector(".wrong"), word("no_pins"))
    const composer = () => document.querySelector("message-composer")
    serve(this, {
      reply: (row) => (this.#main(), composer().reply(row)),
      edit: (row) => (this.#main(), composer().edit(row)),
      jump: (seq) => visit(this.#room, seq),
    })
    this.addEventListener("dblclick", (event) => this.#go(event))
    this.addEventListener("keydown", (event) => event.key === "Enter" && this.#go(event))
    this.#stop = watch("view", () => this.#enter())
  }

  disconnectedCallback() {
    this.#stop()
    this.#listed.close()
    this.replaceChildren()
  }

  #enter() {
    const { room } = state.view
    if (room === this.#room) return
    this.#room = room
    this.#listed.open(room, () => core.pins({ room }), isPinned)
  }

  #main() {
    if (matchMedia("(max-width: 1000px)").matches) show({ panel: null, column: "main" })
  }

  #go(event) {
    const item = event.target.closest("message-item")
    if (item && !event.target.closest("button, a")) visit(this.#room, item.row.seq)
  }
}

customElements.define("pins-panel", PinsPanel)
