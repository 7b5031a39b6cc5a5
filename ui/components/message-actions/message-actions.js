import "../line-icon/line-icon.js"
import { pickEmoji } from "../emoji-palette/emoji-palette.js"
import { sheet, tell } from "../../lib/dom.js"
import { acts } from "../../lib/may.js"
import { account, room } from "../../state.js"

const shape = sheet(`
  <button class="react" type="button" data-label="react" data-title="react" aria-haspopup="dialog"><line-icon name="smile"></line-icon></button>
  <button class="reply" type="button" data-label="reply" data-title="reply"><line-icon name="reply" turn></line-icon></button>
  <button class="edit" type="button" data-label="edit" data-title="edit"><line-icon name="edit"></line-icon></button>
  <button class="copy" type="button" data-label="copy_text" data-title="copy_text"><line-icon name="copy"></line-icon></button>
  <button class="remove" type="button" data-label="delete" data-title="delete"><line-icon name="trash"></line-icon></button>`)

/** <message-actions>   What can be done to a message; one toolbar, on the message that is pointed at or focused. */
class MessageActions extends HTMLElement {
  #picking = false

  connectedCallback() {
    if (this.firstChild) return
    this.setAttribute("role", "toolbar")
    this.append(shape())
    for (const name of ["reply", "edit", "copy", "remove"]) {
      this.querySelector(`.${name}`).addEventListener("click", () => tell(this, name, this.parentNode.row))
    }
    this.querySelector(".react").addEventListener("click", () => this.#react())
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
  }

  /** The pointer left the messages. */
  leave() {
    if (!this.#picking && !this.parentNode?.contains(document.activeElement)) this.remove()
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
