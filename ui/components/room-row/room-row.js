import "../line-icon/line-icon.js"
import "../person-face/person-face.js"
import { say, sheet } from "../../lib/dom.js"
import { badge } from "../../lib/rooms.js"
import { visit } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { state, watch } from "../../state.js"

const shape = sheet(`
  <button type="button"><span class="sign"></span><span class="name" dir="auto"></span><span class="hint"></span><span class="count"></span></button>`)
const face = sheet(`<person-face show-presence></person-face>`)
const icon = sheet(`<line-icon></line-icon>`)

/** <room-row>   One room of the list. States: here, unread, warm, failed. */
class RoomRow extends HTMLElement {
  #room
  #stop

  set room(room) {
    if (room === this.#room) return
    this.#room = room
    if (this.isConnected) this.#draw()
  }

  connectedCallback() {
    this.setAttribute("role", "listitem")
    if (!this.firstChild) this.append(shape())
    this.firstElementChild.onclick = () => visit(this.#room.room)
    this.#stop = watch("view", () => this.#here())
    if (this.#room) this.#draw()
  }

  disconnectedCallback() {
    this.#stop()
  }

  #here() {
    const here = state.view.page === "room" && state.view.room === this.#room?.room
    this.toggleAttribute("here", here)
    const button = this.firstElementChild
    if (here) button.setAttribute("aria-current", "page")
    else button.removeAttribute("aria-current")
  }

  #draw() {
    const { room, name, draft, pending, failed, unread, mentions } = this.#room
    const { weight, warm, count } = badge(this.#room)
    const hint = failed > 0 ? word("row_failed") : pending > 0 ? word("row_pending") : draft && !this.hasAttribute("here") ? word("row_draft") : ""
    this.dataset.room = room
    this.#sign()
    say(this.querySelector(".name"), name)
    say(this.querySelector(".hint"), hint)
    say(this.querySelector(".count"), count)
    this.toggleAttribute("unread", Boolean(weight))
    this.toggleAttribute("warm", warm)
    this.toggleAttribute("failed", failed > 0)
    const news = mentions > 0 ? word("row_for_you", { n: mentions }) : unread > 0 ? word("row_unread", { n: unread }) : ""
    this.firstElementChild.setAttribute("aria-label", [name, news, hint].filter(Boolean).join(", "))
    this.#here()
  }

  /** People show a face, rooms what kind of door they have. */
  #sign() {
    const { kind, visibility, people } = this.#room
    const sign = this.querySelector(".sign")
    const tag = kind === "direct" ? "person-face" : "line-icon"
    if (sign.firstChild?.localName !== tag) sign.replaceChildren(kind === "direct" ? face() : icon())
    if (kind === "direct") sign.firstChild.user = people?.[0] ?? 0
    else sign.firstChild.setAttribute("name", visibility === "private" ? "lock" : "hash")
  }
}

customElements.define("room-row", RoomRow)
