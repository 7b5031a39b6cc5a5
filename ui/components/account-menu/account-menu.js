import "../person-face/person-face.js"
import "../line-icon/line-icon.js"
import { core } from "../../core.js"
import { make, say, sheet, tell } from "../../lib/dom.js"
import { confirmed } from "../confirm-box/confirm-box.js"
import { why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { account, choose, forget, outbox, person, show, state, watch } from "../../state.js"

const shape = sheet(`
  <button class="me" type="button" aria-haspopup="menu" data-label="account_menu" data-title="account_menu"><person-face show-presence></person-face></button>
  <div class="menu" popover role="menu" data-label="account_menu">
    <p class="who"><b dir="auto"></b><span dir="auto"></span></p>
    <form class="status"><input name="status" maxlength="140" autocomplete="off" dir="auto" data-label="status" data-hint="status_hint"><button class="icon" type="submit" data-label="save" data-title="save"><line-icon name="done"></line-icon></button></form>
    <div class="others"></div>
    <button role="menuitem" type="button" class="invite"><line-icon name="person-plus"></line-icon><span data-word="invite_someone"></span></button>
    <button role="menuitem" type="button" class="add"><line-icon name="plus"></line-icon><span data-word="add_server"></span></button>
    <button role="menuitem" type="button" class="out"><line-icon name="leave" turn></line-icon><span data-word="sign_out"></span></button>
  </div>`)

/** <account-menu>   Who I am here, my other servers, inviting someone, signing out. */
class AccountMenu extends HTMLElement {
  #stops

  connectedCallback() {
    this.append(shape())
    this.querySelector(".me").addEventListener("click", () => this.#open())
    const page = (name) => show({ page: name, panel: null, column: "main", chosen: true })
    this.#item(".invite", () => page("invite"))
    this.#item(".add", () => page("sign-in"))
    this.#item(".out", () => this.#out())
    this.#menu.addEventListener("keydown", (event) => this.#step(event))
    this.querySelector(".status").addEventListener("submit", (event) => this.#status(event))
    this.#stops = [watch("accounts", () => this.#draw()), watch("people", () => this.#draw())]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  get #menu() {
    return this.querySelector(".menu")
  }

  #item(part, work) {
    this.querySelector(part).addEventListener("click", () => {
      this.#menu.hidePopover()
      work()
    })
  }

  #open() {
    this.#menu.togglePopover()
    this.#menu.querySelector("[role=menuitem]:not([hidden])")?.focus()
  }

  #step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!by) return
    event.preventDefault()
    const list = [...this.#menu.querySelectorAll("input, button:not([hidden])")]
    const at = list.indexOf(document.activeElement)
    list[(at + by + list.length) % list.length].focus()
  }

  #draw() {
    const mine = account()
    if (!mine) return
    this.querySelector("person-face").user = mine.user
    say(this.querySelector(".who b"), mine.display_name || mine.name)
    say(this.querySelector(".who span"), word("account_at", { name: mine.name, server: mine.server_name }))
    const { status } = this.querySelector(".status").elements
    if (document.activeElement !== status) status.value = person(mine.user)?.status ?? ""
    this.querySelector(".invite").hidden = !["owner", "admin"].includes(mine.role)
    const others = [...state.accounts.values()].filter(({ id }) => id !== mine.id)
    this.querySelector(".others").replaceChildren(...others.map((row) => this.#other(row)))
  }

  async #status(event) {
    event.preventDefault()
    const { status } = event.target.elements
    try {
      await core.updateMe({ status: status.value })
      this.#menu.hidePopover()
    } catch (refusal) {
      tell(this, "notice", why(refusal))
    }
  }

  #other(row) {
    const text = word("account_at", { name: row.name, server: row.server_name })
    const button = make("button", { type: "button", textContent: text, dir: "auto" })
    button.setAttribute("role", "menuitem")
    button.addEventListener("click", () => choose(row.id))
    return button
  }

  async #out() {
    const { waiting, failed } = outbox()
    const text = waiting + failed > 0 ? word("sign_out_unsent", { n: waiting + failed }) : word("sign_out_text")
    if (!(await confirmed({ title: word("sign_out_title"), text, act: word("sign_out") }))) return
    const leaving = state.account
    try {
      await core.signOut()
      forget(leaving)
    } catch (refusal) {
      tell(document, "notice", why(refusal))
    }
  }
}

customElements.define("account-menu", AccountMenu)
