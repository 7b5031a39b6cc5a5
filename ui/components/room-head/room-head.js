import "../line-icon/line-icon.js"
import { say, sheet } from "../../lib/dom.js"
import { presenceWord } from "../../lib/sentences.js"
import { title } from "../../lib/rooms.js"
import { panel } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { person, presence, room, show, state, watch } from "../../state.js"

const shape = sheet(`
  <button class="icon back" type="button" data-label="back"><line-icon name="back" turn></line-icon></button>
  <div class="about"><h1 dir="auto"></h1><p class="topic" dir="auto"></p></div>
  <div class="tools">
    <button class="members" type="button" data-label="members"><span data-word="members"></span><line-icon name="people"></line-icon></button>
    <button class="pins" type="button" data-label="pinned_messages"><span data-word="pinned_messages"></span><line-icon name="pin"></line-icon></button>
    <button class="details" type="button" data-label="room_details"><span data-word="details"></span><line-icon name="info"></line-icon></button>
    <button class="search" type="button" data-label="search"><span data-word="search"></span><line-icon name="search"></line-icon></button>
  </div>`)

const PANELS = ["members", "pins", "details", "search"]

/** <room-head>   The room's name and topic, and what can be opened at its side. */
class RoomHead extends HTMLElement {
  #room
  #stops = []

  set room(id) {
    this.#room = id
    this.#watch()
  }

  connectedCallback() {
    this.append(shape())
    this.querySelector(".back").addEventListener("click", () => show({ column: "list" }))
    for (const name of PANELS) {
      this.querySelector(`.${name}`).addEventListener("click", () => panel(name))
    }
    this.#watch()
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  #watch() {
    this.#stops.forEach((stop) => stop())
    this.#stops = [`room:${this.#room}`, "presence", "people", "view"].map((key) => watch(key, () => this.#draw()))
  }

  #draw() {
    const row = room(this.#room)
    if (!row) return
    say(this.querySelector("h1"), title(row))
    say(this.querySelector(".topic"), row.kind === "direct" ? this.#there(row) : row.topic)
    for (const name of PANELS) {
      this.querySelector(`.${name}`).setAttribute("aria-pressed", String(state.view.panel === name))
    }
  }

  #there({ people }) {
    const [one] = people ?? []
    const words = [presenceWord(presence(one)), person(one)?.status].filter(Boolean)
    return people?.length === 1 ? words.join(" · ") : word("people_count", { n: (people?.length ?? 0) + 1 })
  }
}

customElements.define("room-head", RoomHead)
