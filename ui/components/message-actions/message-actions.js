import "../line-icon/line-icon.js"
import { pickEmoji } from "../emoji-palette/emoji-palette.js"
import { sheet, tell } from "../../lib/dom.js"
import { acts } from "../../lib/may.js"
import { account, room } from "../../state.js"

const shape = sheet(`
  <button class="react" type="button" data-label="react" data-title="react" aria-haspopup="dialog"><line-icon name="smile"></line-icon></button>
  <button class="reply" type="button" data-label="reply" data-title="reply"><line-icon name="reply" turn></line-icon></button>
  <button class="thread" type="button" data-label="reply_in_thread" data-title="reply_in_thread"><line-icon name="thread"></line-icon></button>
  <button class="edit" type="button" data-label="edit" data-title="edit"><line-icon name="edit"></line-icon></button>
  <button class="remove" type="button" data-label="delete" data-title="delete"><line-icon name="trash"></line-icon></button>
  <button class="more" type="button" data-label="more" data-title="more" aria-haspopup="menu"><line-icon name="more"></line-icon></button>
  <div class="menu" popover role="menu" data-label="more">
    <button role="menuitem" type="button" class="pin"><line-icon name="pin"></line-icon><span data-word="pin"></span></button>
    <button role="menuitem" type="button" class="unpin"><line-icon name="pin"></line-icon><span data-word="unpin"></span></button>
    <button role="menuitem" type="button" class="copy"><line-icon name="copy"></line-icon><span data-word="copy_text"></span></button>
    <button role="menuitem" type="button" class="link"><line-icon name="link"></line-icon><span data-word="copy_link"></span></button>
    <button role="menuitem" type="button" class="forward"><line-icon name="forward" turn></line-icon><span data-word="forward"></span></button>
    <button role="menuitem" type="button" class="history"><line-icon name="clock"></line-icon><span data-word="edit_history"></span></button>
  </div>`)

const direct = ["reply", "thread", "edit", "remove"]
const further = ["pin", "unpin", "copy", "link", "forward", "history"]

/** <message-actions>   What can be done to a message; one toolbar, on the message that is pointed at or focused. */
class MessageActions extends HTMLElement {
  #picking = false

  connectedCallback() {
    if (this.firstChild) return
    this.setAttribute("role", "toolbar")
    this.append(shape())
    for (const name of direct) this.querySelector(`.${name}`).addEventListener("click", () => tell(this, name, this.parentNode.row))
    for (const name of further) this.querySelector(`.${name}`).addEventListener("click", () => this.#choose(name))
    this.querySelector(".react").addEventListener("click", () => this.#react())
    this.querySelector(".more").addEventListener("click", () => this.#open())
    this.#menu.addEventListener("toggle", ({ newState }) => (this.#picking = newState === "open"))
    this.#menu.addEventListener("keydown", (event) => this.#step(event))
  }

  get #menu() {
    return this.querySelector(".menu")
  }

  /** Goes to the message under the pointer or the focus. */
  point(event) {
    const item = event.target.closest("message-item")
    if (!item || this.#picking) return
    const held = event.type === "pointerover" && this.contains(document.activeElement) && this.parentNode !== item
    if (held) document.activeElement.blur()
    const row = room(item.room)
    const allowed = row ? acts(item.row, row, account()) : {}
    if (!Object.values(allowed).some(Boolean)) return this.remove()
    if (this.parentNode !== item) item.append(this)
    for (const [name, on] of Object.entries(allowed)) this.querySelector(`.${name}`).hidden = !on
    this.querySelector(".more").hidden = !further.some((name) => allowed[name])
  }

  /** The pointer left the messages. */
  leave() {
    if (!this.#picking && !this.parentNode?.contains(document.activeElement)) this.remove()
  }

  /** Below its button, or above where there is no room; always inside the window. */
  #open() {
    this.#picking = true
    this.#menu.showPopover()
    const [button, { width, height }] = [this.querySelector(".more").getBoundingClientRect(), this.#menu.getBoundingClientRect()]
    const top = button.bottom + height + 8 < innerHeight ? button.bottom + 4 : Math.max(8, button.top - height - 4)
    const left = Math.min(Math.max(8, button.right - width), innerWidth - width - 8)
    Object.assign(this.#menu.style, { left: `${left}px`, top: `${top}px` })
    this.#menu.querySelector("button:not([hidden])")?.focus()
  }

  #choose(name) {
    const item = this.parentNode
    this.#menu.hidePopover()
    item.focus({ preventScroll: true })
    // `copy` is what the system calls a selection that is copied.
    tell(item, name === "copy" ? "copy-text" : name, item.row)
  }

  #step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!by) return
    event.preventDefault()
    event.stopPropagation()
    const list = [...this.#menu.querySelectorAll("button:not([hidden])")]
    list[(list.indexOf(document.activeElement) + by + list.length) % list.length].focus()
  }

  async #react() {
    const item = this.parentNode
    const { seq, reactions } = item.row
    this.#picking = true
    const emoji = await pickEmoji(this.querySelector(".react"))
    this.#picking = false
    item.focus({ preventScroll: true })
    if (!emoji) return
    const mine = reactions?.some((reaction) => reaction.emoji === emoji && reaction.mine)
    tell(item, "react", { seq, emoji, on: !mine })
  }
}

customElements.define("message-actions", MessageActions)
