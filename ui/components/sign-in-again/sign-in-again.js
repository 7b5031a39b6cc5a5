import { core } from "../../core.js"
import { say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { account, watch } from "../../state.js"

const shape = sheet(`
  <form>
    <p dir="auto"></p>
    <input type="password" name="password" autocomplete="current-password" data-label="password" data-hint="password" required>
    <button class="main" type="submit" data-word="sign_in"></button>
    <p class="wrong" role="alert"></p>
  </form>`)

/** <sign-in-again>   The session is over; everything stays to read, and the password opens it again. */
class SignInAgain extends HTMLElement {
  #stop

  connectedCallback() {
    this.append(shape())
    this.querySelector("form").addEventListener("submit", (event) => this.#submit(event))
    this.#stop = watch("accounts", () => this.#draw())
  }

  disconnectedCallback() {
    this.#stop()
    this.replaceChildren()
  }

  #draw() {
    const mine = account()
    if (mine) say(this.querySelector("p"), word("signed_out_here", { name: mine.name, server: mine.server_name }))
  }

  async #submit(event) {
    event.preventDefault()
    const box = this.querySelector("input")
    const wrong = this.querySelector(".wrong")
    say(wrong, "")
    try {
      await core.signInAgain({ password: box.value })
      box.value = ""
    } catch (refusal) {
      say(wrong, why(refusal))
    }
  }
}

customElements.define("sign-in-again", SignInAgain)
