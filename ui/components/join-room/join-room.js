import "../line-icon/line-icon.js"
import "../page-head/page-head.js"
import "../status-bars/status-bars.js"
import { core } from "../../core.js"
import { codeOf } from "../../lib/address.js"
import { keyed, make, say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { visit, visitNew } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { room, show, state, watch } from "../../state.js"

const shape = sheet(`
  <page-head page="find_room"></page-head>
  <status-bars></status-bars>
  <div class="sheet">
    <form class="code">
      <label><span data-word="join_code"></span><input name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" dir="ltr"></label>
      <button class="quiet" type="submit" data-word="join_by_code"></button>
    </form>
    <form class="search" role="search"><label><span data-word="public_rooms"></span><input name="query" type="search" autocomplete="off" dir="auto" data-hint="directory_hint"></label></form>
    <p class="wrong" role="status"></p>
    <ul role="list" data-label="public_rooms"></ul>
  </div>`)
const line = sheet(`<div class="about"><b dir="auto"></b><span dir="auto"></span></div><button class="quiet" type="button"></button>`)

const WAIT_MS = 200

/** <join-room>   The rooms anyone may enter, and the way in by a code. */
class JoinRoom extends HTMLElement {
  #nodes = new Map()
  #rows = []
  #timer
  #asked = 0
  #stops = []

  connectedCallback() {
    this.append(shape())
    this.querySelector(".code").addEventListener("submit", (event) => this.#byCode(event))
    this.querySelector(".search").addEventListener("submit", (event) => event.preventDefault())
    this.querySelector("[name=query]").addEventListener("input", () => this.#later())
    const shown = [watch("connection", () => this.#find()), watch("rooms", () => this.#draw())]
    this.querySelector("[name=query]").focus()
    this.#stops = [...shown, watch("view", () => this.#given())]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    clearTimeout(this.#timer)
    this.#asked += 1
    this.replaceChildren()
    this.#nodes.clear()
  }

  /** A link brought a code; who opened it still says so. */
  #given() {
    const { code } = state.view
    if (!code) return
    this.querySelector("[name=code]").value = code
    this.querySelector(".code button").focus()
    show({ code: null })
  }

  #later() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#find(), WAIT_MS)
  }

  async #find() {
    const asked = ++this.#asked
    try {
      const rows = await core.directory({ query: this.querySelector("[name=query]").value.trim() })
      if (asked !== this.#asked) return
      this.#rows = rows
      this.#say(rows.length === 0 ? word("directory_none") : "")
      this.#draw()
    } catch (refusal) {
      if (asked === this.#asked) this.#say(why(refusal))
    }
  }

  #draw() {
    const items = this.#rows.map((row) => ({ key: row.room, row }))
    keyed(this.querySelector("ul"), this.#nodes, items, () => this.#line(), (node, { row }) => {
      const inside = room(row.room) !== null
      say(node.querySelector("b"), row.name)
      const count = row.members == null ? "" : word("people_count", { n: row.members })
      say(node.querySelector("span"), [row.topic, count].filter(Boolean).join(" · "))
      const button = node.querySelector("button")
      say(button, word(inside ? "open" : "join"))
      button.setAttribute("aria-label", word(inside ? "open_room" : "join_room", { room: row.name }))
      button.onclick = () => (inside ? visit(row.room) : this.#join({ room: row.room }))
    })
  }

  #line() {
    const node = make("li")
    node.append(line())
    return node
  }

  #byCode(event) {
    event.preventDefault()
    const code = codeOf(this.querySelector("[name=code]").value)
    if (code) this.#join({ code })
  }

  async #join(which) {
    try {
      const { room: entered } = await core.join(which)
      if (entered.kind) visitNew(entered)
      else if (room(entered)) visit(entered)
      else this.#say(word("join_waiting"))
    } catch (refusal) {
      this.#say(refusal.code === "not_found" && which.code ? word("code_wrong") : why(refusal))
    }
  }

  #say(text) {
    const wrong = this.querySelector(".sheet .wrong")
    if (wrong) say(wrong, text)
  }
}

customElements.define("join-room", JoinRoom)
