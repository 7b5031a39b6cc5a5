import "../line-icon/line-icon.js"
import { core } from "../../core.js"
import { addressOf } from "../../lib/address.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { problem, wantsCode, why } from "../../lib/sentences.js"
import { turnBack } from "../../lib/links.js"
import { visitAccount } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { account, followed, state, watch } from "../../state.js"

const shape = sheet(`
  <form novalidate>
    <span class="mark" aria-hidden="true"></span>
    <h1 data-word="sign_in_title"></h1>
    <label><span data-word="server_address"></span>
      <input name="url" type="text" inputmode="url" autocomplete="url" autocapitalize="none" spellcheck="false" dir="ltr" data-hint="server_hint" required></label>
    <p class="found" role="status"></p>
    <label><span data-word="your_name"></span>
      <input name="login" autocomplete="username" autocapitalize="none" spellcheck="false" dir="auto" required></label>
    <label class="new"><span data-word="display_name"></span>
      <input name="display_name" autocomplete="name" dir="auto" data-hint="display_name_hint"></label>
    <label><span data-word="password"></span>
      <input name="password" type="password" autocomplete="current-password" required></label>
    <label class="factor" hidden><span data-word="factor_code"></span>
      <input name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" dir="ltr"></label>
    <label class="new invite"><span data-word="invite_code"></span>
      <input name="invite" autocomplete="off" autocapitalize="none" spellcheck="false" dir="ltr"></label>
    <p class="wrong" role="alert"></p>
    <div class="buttons">
      <button class="main" type="submit"></button>
      <button class="turn quiet" type="button"></button>
      <button class="back quiet" type="button" data-word="cancel"></button>
    </div>
  </form>`)

/** The address is looked up when the typing has rested this long: until then it is half an address. */
const REST_MS = 350

/** <sign-in>   Signing in or registering at a server; the address is checked while it is typed. States: registering, busy. */
class SignIn extends HTMLElement {
  #server
  #timer
  #asked = 0
  #stop

  connectedCallback() {
    this.append(shape())
    say(this.querySelector(".mark"), word("mark"))
    this.#form.addEventListener("submit", (event) => this.#submit(event))
    this.#field("url").addEventListener("input", () => this.#typed())
    this.querySelector(".turn").addEventListener("click", () => this.#turn(!this.hasAttribute("registering")))
    this.querySelector(".back").addEventListener("click", turnBack)
    this.querySelector(".back").hidden = !account() || account().state === "thrown_out"
    this.#begin()
    this.#stop = watch("link", () => this.#follow())
    tell(this, "settled")
  }

  disconnectedCallback() {
    this.#stop()
    clearTimeout(this.#timer)
    this.#asked += 1
    this.replaceChildren()
  }

  /** A link that led here fills in what it knows; one into a room goes on once somebody signed in. */
  #follow() {
    const { link } = state
    if (!link) return
    const invited = link.to === "invite"
    this.#field("url").value = invited ? `hallway://${link.host}/invite/${link.code}` : link.host
    this.#turn(invited)
    this.#say(invited ? "" : word("link_sign_in"))
    this.#check()
    this.#field("login").focus()
    if (invited) followed()
  }

  get #form() {
    return this.querySelector("form")
  }

  #field(name) {
    return this.#form.elements[name]
  }

  #begin() {
    const ended = account()?.state === "thrown_out" ? account() : null
    this.#field("url").value = ended?.server ?? localStorage.getItem("server") ?? ""
    this.#field("login").value = ended?.name ?? ""
    if (ended) this.#say(word("thrown_out", { server: ended.server_name }))
    else this.#say([...state.problems.values()].map(problem).join(" "))
    this.#turn(false)
    if (this.#field("url").value) this.#check()
    this.#field(this.#field("url").value ? "login" : "url").focus()
  }

  #turn(registering) {
    this.toggleAttribute("registering", registering)
    say(this.querySelector("h1"), word(registering ? "register_title" : "sign_in_title"))
    say(this.querySelector(".main"), word(registering ? "register" : "sign_in"))
    say(this.querySelector(".turn"), word(registering ? "have_account" : "new_here"))
    this.#field("password").autocomplete = registering ? "new-password" : "current-password"
    for (const part of this.querySelectorAll(".new")) part.hidden = !registering
    this.#factor(false)
    this.#drawServer()
  }

  #typed() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#check(), REST_MS)
  }

  /** An invite link fills everything; the server it names, or the address, is looked up. */
  async #check() {
    const asked = ++this.#asked
    const { url, invite } = addressOf(this.#field("url").value)
    if (invite) {
      this.#field("url").value = url
      this.#field("invite").value = invite
      this.#turn(true)
    }
    this.#server = null
    this.#found(url ? word("server_looking") : "", "")
    if (!url) return
    try {
      const server = await core.checkServer({ url })
      if (asked !== this.#asked) return
      this.#server = server
      this.#drawServer()
    } catch {
      if (asked === this.#asked) this.#found(word("server_none"), "bad")
    }
  }

  #drawServer() {
    const server = this.#server
    if (!server) return
    const open = { open: "registration_open", invite: "registration_invite" }[server.registration] ?? "registration_closed"
    this.#found(word("server_found", { name: server.name, registration: word(open) }), "good")
    const invite = this.querySelector(".invite")
    invite.hidden = !this.hasAttribute("registering") || (server.registration === "open" && !this.#field("invite").value)
    this.querySelector(".turn").hidden = server.registration === "closed" && !this.hasAttribute("registering")
  }

  #found(text, state) {
    const line = this.querySelector(".found")
    say(line, text)
    line.dataset.state = state
  }

  #say = (text) => say(this.querySelector(".wrong"), text)

  async #submit(event) {
    event.preventDefault()
    const missing = [...this.#form.elements].find((field) => field.required && !field.closest("[hidden]") && !field.value.trim())
    if (missing) return this.#miss(missing)
    if (this.hasAttribute("busy")) return
    this.toggleAttribute("busy", true)
    this.#say("")
    try {
      visitAccount(await this.#ask())
    } catch (refusal) {
      this.#refused(refusal)
    } finally {
      this.toggleAttribute("busy", false)
    }
  }

  /** A right password may not be enough: the server asks for a code by naming it. */
  #refused(refusal) {
    const wanted = wantsCode(refusal)
    const asked = this.#field("code").value !== ""
    if (wanted) this.#factor(true)
    this.#say(wanted ? word(asked ? "code_not_good" : "code_wanted") : why(refusal))
    if (wanted) this.#field("code").select()
  }

  #factor(wanted) {
    this.querySelector(".factor").hidden = !wanted
    if (!wanted) this.#field("code").value = ""
    else this.#field("code").focus()
  }

  #miss(field) {
    this.#say(word("fill_in", { field: field.closest("label").querySelector("span").textContent }))
    field.focus()
  }

  #ask() {
    const value = (name) => this.#field(name).value.trim()
    const url = this.#server?.url ?? addressOf(value("url")).url
    const password = this.#field("password").value
    if (!this.hasAttribute("registering")) return core.signIn({ url, login: value("login"), password, code: value("code") || null })
    const invite = value("invite") || null
    return core.register({ url, name: value("login"), display_name: value("display_name") || null, password, invite })
  }
}

customElements.define("sign-in", SignIn)
