import "../page-head/page-head.js"
import "../status-bars/status-bars.js"
import { core } from "../../core.js"
import { copy } from "../../lib/copy.js"
import { say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"

const shape = sheet(`
  <page-head page="invite_someone"></page-head>
  <status-bars></status-bars>
  <form class="sheet">
    <p data-word="invite_text"></p>
    <label><span data-word="invite_uses"></span><input name="uses" type="number" min="1" max="1000" value="1" inputmode="numeric"></label>
    <div><button class="main" type="submit" data-word="invite_make"></button></div>
    <p class="wrong" role="alert"></p>
    <dl hidden>
      <dt data-word="invite_link"></dt><dd><code class="link" dir="ltr"></code><button class="quiet" type="button" data-word="copy_link"></button></dd>
      <dt data-word="invite_code"></dt><dd><code class="code" dir="ltr"></code><button class="quiet" type="button" data-word="copy_code"></button></dd>
    </dl>
  </form>`)

/** <invite-box>   Makes an invite: a link to send, or a code to read out. */
class InviteBox extends HTMLElement {
  connectedCallback() {
    this.append(shape())
    this.querySelector("form.sheet").addEventListener("submit", (event) => this.#make(event))
    for (const part of this.querySelectorAll("dd")) {
      part.querySelector("button").addEventListener("click", () => copy(part.querySelector("code").textContent))
    }
    this.querySelector(".sheet input").focus()
  }

  disconnectedCallback() {
    this.replaceChildren()
  }

  async #make(event) {
    event.preventDefault()
    const wrong = this.querySelector(".sheet .wrong")
    say(wrong, "")
    try {
      const { code, link } = await core.invite({ uses: Number(this.querySelector(".sheet input").value) || 1 })
      say(this.querySelector(".sheet .link"), link)
      say(this.querySelector(".sheet .code"), code)
      this.querySelector("dl").hidden = false
    } catch (refusal) {
      say(wrong, why(refusal))
    }
  }
}

customElements.define("invite-box", InviteBox)
