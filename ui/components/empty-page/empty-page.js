import "../page-head/page-head.js"
import "../status-bars/status-bars.js"
import { sheet, tell } from "../../lib/dom.js"
import { rooms, show, watch } from "../../state.js"

const shape = sheet(`
  <page-head></page-head>
  <status-bars></status-bars>
  <div class="empty">
    <p></p>
    <div class="buttons"><button class="main create" type="button" data-word="create_room"></button><button class="quiet find" type="button" data-word="find_room"></button></div>
  </div>`)
const texts = { none: sheet(`<p data-word="empty_none"></p>`), some: sheet(`<p data-word="empty_some"></p>`) }

/** <empty-page>   No room is open: says what to do next. */
class EmptyPage extends HTMLElement {
  #stop

  connectedCallback() {
    this.append(shape())
    const page = (name) => () => show({ page: name, panel: null, column: "main", chosen: true })
    this.querySelector(".create").addEventListener("click", page("create"))
    this.querySelector(".find").addEventListener("click", page("join"))
    this.#stop = watch("rooms", () => this.#draw())
    tell(this, "settled")
  }

  disconnectedCallback() {
    this.#stop()
    this.replaceChildren()
  }

  #draw() {
    this.querySelector(".empty p").replaceWith(rooms().length > 0 ? texts.some() : texts.none())
  }
}

customElements.define("empty-page", EmptyPage)
