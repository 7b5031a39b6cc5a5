import { core } from "../../core.js"
import { say, sheet } from "../../lib/dom.js"
import { wantsCode, why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { account, watch } from "../../state.js"

const shape = sheet(`
  <form>
    <p dir="auto"></p>
    <input type="password" name="password" autocomplete="current-password" data-label="password" data-hint="password" required>
    <input name="code" autocomplete="one-time-code" inputmode="numeric" data-label="factor_code" data-hint="factor_code" hidden>
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
    const [box, code] = this.querySelectorAll("input")
    const wrong = this.querySelector(".wrong")
    say(wrong, "")
    try {
      await core.signInAgain({ password: box.value, code: code.value || null })
      box.value = code.value = ""
      code.hidden = true
    } catch (refusal) {
      const wanted = wantsCode(refusal)
      say(wrong, wanted ? word(code.value ? "code_not_good" : "code_wanted") : why(refusal))
      if (!wanted) return
      code.hidden = false
      code.select()
    }
  }
}

customElements.define("sign-in-again", SignInAgain)
