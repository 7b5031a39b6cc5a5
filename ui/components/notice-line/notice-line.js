import { make } from "../../lib/dom.js"

/** <notice-line>   Says a short thing that happened and is over: copied, left, refused. Read out, gone after a while. */
class NoticeLine extends HTMLElement {
  #timer
  #hear = (event) => this.#say(event.detail)

  connectedCallback() {
    this.setAttribute("role", "status")
    document.addEventListener("notice", this.#hear)
  }

  disconnectedCallback() {
    document.removeEventListener("notice", this.#hear)
    clearTimeout(this.#timer)
  }

  #say(text) {
    clearTimeout(this.#timer)
    this.replaceChildren(make("p", { textContent: text }))
    this.#timer = setTimeout(() => this.replaceChildren(), 5_000)
  }
}

customElements.define("notice-line", NoticeLine)
