import "../line-icon/line-icon.js"
import { say, sheet } from "../../lib/dom.js"
import { word } from "../../lib/words.js"
import { show } from "../../state.js"

const shape = sheet(`
  <button class="icon back" type="button" data-label="back"><line-icon name="back" turn></line-icon></button>
  <h1></h1>`)

/** <page-head page="create_room">   The title of a page that is not a room, and the way back to the list. */
class PageHead extends HTMLElement {
  connectedCallback() {
    this.append(shape())
    const title = this.getAttribute("page")
    say(this.querySelector("h1"), title ? word(title) : "")
    this.querySelector(".back").addEventListener("click", () => show({ column: "list" }))
  }

  disconnectedCallback() {
    this.replaceChildren()
  }
}

customElements.define("page-head", PageHead)
