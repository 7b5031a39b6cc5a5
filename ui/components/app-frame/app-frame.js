import "../hall-frame/hall-frame.js"
import "../notice-line/notice-line.js"
import "../sign-in/sign-in.js"
import { account, state, watch } from "../../state.js"
import { make } from "../../lib/dom.js"

/** <app-frame>   The whole window: signing in, or the hall of the account on the screen. */
class AppFrame extends HTMLElement {
  #stops

  connectedCallback() {
    this.append(make("notice-line"))
    this.#stops = ["accounts", "view"].map((key) => watch(key, () => this.#draw()))
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  #draw() {
    if (!state.heard) return
    const inside = account() && account().state !== "thrown_out" && state.view.page !== "sign-in"
    const tag = inside ? "hall-frame" : "sign-in"
    if (this.firstChild.localName === tag) return
    if (this.children.length > 1) this.firstChild.remove()
    this.prepend(make(tag))
  }
}

customElements.define("app-frame", AppFrame)
