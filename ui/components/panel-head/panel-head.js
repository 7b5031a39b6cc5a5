import "../line-icon/line-icon.js"
import { say, sheet } from "../../lib/dom.js"
import { panel } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { state } from "../../state.js"

const shape = sheet(`<h2></h2><button class="icon" type="button" data-label="close"><line-icon name="close"></line-icon></button>`)

/** <panel-head panel="members">   The title of what is open at the side, and its end. */
class PanelHead extends HTMLElement {
  connectedCallback() {
    this.append(shape())
    say(this.querySelector("h2"), word(this.getAttribute("panel")))
    this.querySelector("button").addEventListener("click", () => panel(state.view.panel))
  }

  disconnectedCallback() {
    this.replaceChildren()
  }
}

customElements.define("panel-head", PanelHead)
