import "../member-row/member-row.js"
import "../panel-head/panel-head.js"
import "../people-list/people-list.js"
import { confirmed } from "../confirm-box/confirm-box.js"
import { core } from "../../core.js"
import { keyed, make, say, sheet, tell } from "../../lib/dom.js"
import { may } from "../../lib/may.js"
import { nameOf, why } from "../../lib/sentences.js"
import { title } from "../../lib/rooms.js"
import { word } from "../../lib/words.js"
import { account, learn, lookAt, person, room, state, watch } from "../../state.js"

const shape = sheet(`
  <panel-head panel="members"></panel-head>
  <div class="inside">
    <form class="add" role="search"><label><span data-word="add_people"></span><input type="search" autocomplete="off" dir="auto" data-hint="name_hint"></label></form>
    <people-list></people-list>
    <p class="wrong" role="status"></p>
    <ul role="list" data-label="members"></ul>
  </div>`)

/** <members-panel>   Who belongs to the room, what they may, and adding or removing people for those who may. */
class MembersPanel extends HTMLElement {
  #room
  #rows = []
  #nodes = new Map()
  #stops = []
  #feed = () => {}

  connectedCallback() {
    this.append(shape())
    this.#input.addEventListener("input", () => this.#find())
    this.querySelector("form").addEventListener("submit", (event) => event.preventDefault())
    this.querySelector("people-list").addEventListener("chosen", ({ detail }) => this.#add(detail))
    this.addEventListener("role", ({ detail }) => this.#do(() => core.setMember({ room: this.#room, ...detail })))
    this.addEventListener("take-out", ({ detail }) => this.#takeOut(detail))
    this.#stops = [watch("view", () => this.#enter()), watch("connection", () => this.#room && this.#load())]
  }

  disconnectedCallback() {
    for (const stop of [...this.#stops, this.#feed]) stop()
    lookAt([])
    this.replaceChildren()
    this.#nodes.clear()
  }

  get #input() {
    return this.querySelector("input")
  }

  #enter() {
    if (state.view.room === this.#room) return
    this.#feed()
    this.#room = state.view.room
    this.#rows = []
    const moved = ({ rows }) => rows?.some(({ kind }) => kind === "system")
    this.#feed = watch(`messages:${this.#room}`, (changes) => changes.some(moved) && this.#load())
    this.#draw()
    this.#load()
  }

  async #load() {
    const asked = this.#room
    try {
      const { rows, people } = await core.members({ room: asked })
      if (asked !== this.#room || !this.isConnected) return
      learn(people)
      this.#rows = rows.toSorted((a, b) => this.#place(a).localeCompare(this.#place(b)))
      lookAt(rows.map(({ user }) => user))
      this.#say("")
    } catch (refusal) {
      if (asked === this.#room) this.#say(this.#rows.length > 0 ? "" : why(refusal))
    }
    this.#draw()
  }

  /** Owners first, then admins, each by name. */
  #place({ user, role }) {
    return `${["owner", "admin", "member"].indexOf(role)} ${nameOf(person(user))}`
  }

  #say(text) {
    const line = this.querySelector(".wrong")
    if (line) say(line, text)
  }

  #draw() {
    const here = room(this.#room)
    const list = this.querySelector("ul")
    if (!here || !list) return
    this.querySelector(".add").hidden = !may("add", here, account())
    const items = this.#rows.map((row) => ({ key: row.user, row, here }))
    keyed(list, this.#nodes, items, () => make("member-row"), (node, item) => (node.member = item))
  }

  #find() {
    const list = this.querySelector("people-list")
    list.hidden = !this.#input.value.trim()
    if (!list.hidden) list.find(this.#input.value.trim(), this.#rows.map(({ user }) => user))
  }

  #add({ user }) {
    this.#input.value = ""
    this.#find()
    return this.#do(() => core.setMember({ room: this.#room, user }))
  }

  async #takeOut({ user }) {
    const who = nameOf(person(user))
    const text = word("remove_member_text", { who, room: title(room(this.#room)) })
    const question = { title: word("remove_member_title", { who }), text, act: word("remove_member") }
    if (await confirmed(question)) await this.#do(() => core.removeMember({ room: this.#room, user }))
  }

  async #do(work) {
    try {
      await work()
      await this.#load()
    } catch (refusal) {
      tell(this, "notice", why(refusal))
      this.#draw()
    }
  }
}

customElements.define("members-panel", MembersPanel)
