import { say } from "../../lib/dom.js"
import { hue, initials } from "../../lib/faces.js"
import { nameOf } from "../../lib/sentences.js"
import { person, presence, watch } from "../../state.js"

/** <person-face>   Initials on the hue of a person; `show-presence` adds the dot, `presence` states it for CSS. */
class PersonFace extends HTMLElement {
  #user
  #stops = []

  set user(user) {
    if (user === this.#user) return
    this.#user = user
    if (this.isConnected) this.#watch()
  }

  connectedCallback() {
    this.setAttribute("aria-hidden", "true")
    if (this.#user != null) this.#watch()
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.#stops = []
  }

  #watch() {
    this.disconnectedCallback()
    const keys = this.hasAttribute("show-presence") ? [`person:${this.#user}`, "presence"] : [`person:${this.#user}`]
    this.#stops = keys.map((key) => watch(key, () => this.#draw()))
  }

  #draw() {
    const text = initials(nameOf(person(this.#user)))
    say(this, text)
    this.style.setProperty("--hue", hue(this.#user))
    if (this.hasAttribute("show-presence")) this.setAttribute("presence", presence(this.#user))
  }
}

customElements.define("person-face", PersonFace)
