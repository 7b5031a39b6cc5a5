import "../completion-list/completion-list.js"
import "../line-icon/line-icon.js"
import { pickEmoji } from "../emoji-palette/emoji-palette.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { TEXT } from "../../lib/limits.js"
import { space } from "../../lib/sentences.js"
import { length } from "../../lib/text.js"
import { word } from "../../lib/words.js"

const shape = sheet(`
  <div class="frame">
    <completion-list></completion-list>
    <textarea rows="1" dir="auto" autocomplete="off"></textarea>
    <button class="icon emoji" type="button" data-label="emoji" data-title="emoji" aria-haspopup="dialog"><line-icon name="smile"></line-icon></button>
    <button class="main send" type="button" data-word="send"></button>
  </div>
  <p class="over" role="status"></p>`)

const HINT_MAX = 32

/** <text-box>   A box for a message, as high as its text. Tells `written`, `enter`, `escape`, `up`. State: over. */
class TextBox extends HTMLElement {
  #box
  #width = new ResizeObserver(() => this.#fit())

  connectedCallback() {
    this.append(shape())
    this.#box = this.querySelector("textarea")
    this.#box.addEventListener("input", () => this.#input())
    this.#box.addEventListener("keydown", (event) => this.#key(event))
    this.#box.addEventListener("completed", ({ detail }) => this.put(detail.text, detail.caret))
    this.querySelector("completion-list").box = this.#box
    this.querySelector(".send").addEventListener("click", () => this.#enter())
    this.querySelector(".emoji").addEventListener("click", (event) => this.#emoji(event.currentTarget))
    this.#width.observe(this)
  }

  disconnectedCallback() {
    this.#width.disconnect()
    this.replaceChildren()
  }

  focus() {
    this.#box.focus()
  }

  get value() {
    return this.#box.value
  }

  get focused() {
    return document.activeElement === this.#box
  }

  /** What the box is for, and what its button does. */
  label(name, act) {
    this.#box.setAttribute("aria-label", name)
    this.#box.placeholder = name.length > HINT_MAX ? word("message_hint") : name
    say(this.querySelector(".send"), act)
  }

  put(text, caret = text.length) {
    this.#box.value = text
    this.#box.setSelectionRange(caret, caret)
    this.#fit()
  }

  #input() {
    this.#fit()
    tell(this, "written", this.#box.value)
  }

  /** As high as its text, and a count when the limit is near. What is above does not notice the measuring. */
  #fit() {
    const box = this.#box
    this.style.minBlockSize = `${this.offsetHeight}px`
    box.style.blockSize = "auto"
    box.style.blockSize = `${box.scrollHeight}px`
    this.style.minBlockSize = ""
    const left = TEXT - length(box.value)
    this.toggleAttribute("over", left < 0)
    say(this.querySelector(".over"), space(left))
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return
    if (event.key === "Escape") return void (tell(this, "escape") || event.preventDefault())
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) this.#enter()
    else if (event.key === "ArrowUp" && !this.#box.value && !event.altKey) tell(this, "up")
    else return
    event.preventDefault()
  }

  #enter() {
    const text = this.#box.value.trimEnd()
    if (text.trim() && !this.hasAttribute("over")) tell(this, "enter", text)
  }

  async #emoji(anchor) {
    const sign = await pickEmoji(anchor)
    if (sign) this.#box.setRangeText(sign, this.#box.selectionStart, this.#box.selectionEnd, "end")
    if (sign) this.#input()
    this.#box.focus()
  }
}

customElements.define("text-box", TextBox)
