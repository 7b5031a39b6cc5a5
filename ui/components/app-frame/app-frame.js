import "../hall-frame/hall-frame.js"
import "../notice-line/notice-line.js"
import "../sign-in/sign-in.js"
import { account, state, watch } from "../../state.js"
import { make, tell } from "../../lib/dom.js"
import { follow } from "../../lib/links.js"
import { word } from "../../lib/words.js"

/** <app-frame>   The whole window: signing in, or the hall of the account on the screen. */
class AppFrame extends HTMLElement {
  #stops

  connectedCallback() {
    this.append(make("notice-line"))
    const drawn = ["accounts", "view"].map((key) => watch(key, () => this.#draw()))
    const followed = ["link", "accounts", "connection", "rooms"].map((key) => watch(key, () => this.#follow()))
    this.#stops = [...drawn, ...followed]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  /** A link that was opened, as soon as what it leads to is known. */
  #follow() {
    const nowhere = state.heard ? follow() : null
    if (nowhere) tell(this, "notice", word(nowhere))
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
