import "../sign-in-again/sign-in-again.js"
import { core } from "../../core.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { problem, why } from "../../lib/sentences.js"
import { since } from "../../lib/time.js"
import { word } from "../../lib/words.js"
import { account, connection, dismiss, outbox, state, watch } from "../../state.js"

const shape = sheet(`
  <p class="link" role="status" hidden></p>
  <div class="locked" role="alert" hidden><p dir="auto"></p><button type="button" data-word="unlock"></button></div>
  <sign-in-again hidden></sign-in-again>
  <div class="ask" role="group" hidden><p></p><button type="button" class="send" data-word="ask_send"></button></div>
  <div class="problems" role="alert"></div>`)
const bar = sheet(`<div class="problem"><p dir="auto"></p><button type="button" data-word="dismiss"></button></div>`)

/** Short breaks are nobody's concern: the bar waits this long before it speaks of them. */
const PATIENCE_MS = 1_500

/** <status-bars>   What is wrong with the link, the session, the outbox or the store, in words, under the header. */
class StatusBars extends HTMLElement {
  #stops
  #timer

  connectedCallback() {
    this.append(shape())
    this.querySelector(".send").addEventListener("click", () => this.#sendAnyway())
    this.querySelector(".locked button").addEventListener("click", () => this.#unlock())
    this.#stops = [
      watch("connection", () => this.#link()),
      watch("accounts", () => this.#link()),
      watch("outbox", () => this.#ask()),
      watch("problems", () => this.#problems()),
    ]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    clearTimeout(this.#timer)
    this.replaceChildren()
  }

  #link() {
    clearTimeout(this.#timer)
    const again = account()?.state === "signed_out" || connection().state === "signed_out"
    this.querySelector("sign-in-again").hidden = !again
    const locked = account()?.state === "locked"
    this.querySelector(".locked").hidden = !locked
    say(this.querySelector(".locked p"), locked ? problem(account().why ?? { code: "key_missing" }) : "")
    const text = again || locked ? "" : this.#words()
    const line = this.querySelector(".link")
    const wait = line.hidden && text && performance.now() > PATIENCE_MS && connection().state !== "offline"
    if (wait) this.#timer = setTimeout(() => this.#say(this.#words()), PATIENCE_MS)
    else this.#say(text)
  }

  #words() {
    const { state: link, since: at } = connection()
    if (link === "offline") return word("link_offline", { since: since(at) })
    if (link === "connecting") return word("link_connecting")
    if (link === "catching_up") return word("link_catching_up")
    return ""
  }

  #say(text) {
    const line = this.querySelector(".link")
    line.hidden = !text
    line.dataset.state = connection().state
    say(line, text)
  }

  /** After a week away nothing old goes out unasked. */
  #ask() {
    this.querySelector(".ask").hidden = !outbox().ask
    say(this.querySelector(".ask p"), word("ask", { n: outbox().waiting }))
  }

  #problems() {
    this.querySelector(".problems").replaceChildren(...[...state.problems.values()].map((row) => this.#problem(row)))
  }

  #problem(row) {
    const piece = bar()
    say(piece.querySelector("p"), problem(row))
    piece.querySelector("button").addEventListener("click", () => dismiss(row.code))
    return piece
  }

  /** The keyring may ask its person, so this can take a while. */
  async #unlock() {
    const button = this.querySelector(".locked button")
    button.disabled = true
    await core.unlock().catch((refusal) => tell(this, "notice", problem({ ...refusal, code: refusal.what })))
    button.disabled = false
  }

  async #sendAnyway() {
    try {
      await core.sendAnyway()
      this.querySelector(".ask").hidden = true
    } catch (refusal) {
      tell(this, "notice", why(refusal))
    }
  }
}

customElements.define("status-bars", StatusBars)
