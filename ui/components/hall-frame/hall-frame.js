import "../create-room/create-room.js"
import "../empty-page/empty-page.js"
import "../invite-box/invite-box.js"
import "../join-room/join-room.js"
import "../jump-box/jump-box.js"
import "../members-panel/members-panel.js"
import "../people-finder/people-finder.js"
import "../pins-panel/pins-panel.js"
import "../room-details/room-details.js"
import "../room-view/room-view.js"
import "../search-panel/search-panel.js"
import "../side-bar/side-bar.js"
import "../thread-panel/thread-panel.js"
import { make, sheet, tell } from "../../lib/dom.js"
import { onMac, wish } from "../../lib/keys.js"
import { Here } from "../../lib/here.js"
import { concerns, ordered, stepped, title } from "../../lib/rooms.js"
import { narrow, panel, visit, visited } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { choose, room, rooms, show, state, watch } from "../../state.js"

const shape = sheet(`<side-bar></side-bar><main></main><aside hidden></aside><jump-box></jump-box>`)

const pages = {
  room: "room-view",
  create: "create-room",
  join: "join-room",
  direct: "people-finder",
  invite: "invite-box",
  none: "empty-page",
}
const panels = { members: "members-panel", details: "room-details", search: "search-panel", thread: "thread-panel", pins: "pins-panel" }

/** <hall-frame>   The signed-in window: rooms, the conversation, what is open at its side; and its keys. State: column. */
class HallFrame extends HTMLElement {
  #stops
  #here = new Here()
  #key = (event) => this.#press(event)

  connectedCallback() {
    this.append(shape())
    document.addEventListener("keydown", this.#key)
    this.#here.start()
    this.#stops = [
      watch("rooms", () => this.#rooms()),
      watch("view", () => this.#draw()),
      watch("gone", (changes) => this.#gone(changes)),
      watch("missed", (again) => again.length > 0 && state.view.page === "room" && !room(state.view.room) && this.#nowhere()),
      watch("open", (changes) => changes.forEach((change) => this.#open(change))),
    ]
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#key)
    this.#here.stop()
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  /** At the start, opens the room that was open last, else the first that concerns me, else the first. */
  #rooms() {
    const list = ordered(rooms())
    const { page, chosen } = state.view
    if (page === "none" && !chosen && list.length > 0) {
      const last = list.find(({ room }) => room === visited()) ?? list.find((row) => row.mentions > 0) ?? list[0]
      show({ page: "room", room: last.room, at: null, chosen: true, column: narrow() ? "list" : "main" })
    }
    this.#title()
  }

  #title() {
    const here = state.view.page === "room" ? room(state.view.room) : null
    const sum = concerns(rooms())
    const name = here ? `${title(here)} – ${word("hallway")}` : word("hallway")
    document.title = sum > 0 ? `(${sum}) ${name}` : name
  }

  #draw() {
    const { page, panel: side, column } = state.view
    this.setAttribute("column", column)
    this.#put(this.querySelector(":scope > main"), pages[page] ?? pages.none)
    const aside = this.querySelector(":scope > aside")
    this.#put(aside, page === "room" || side === "search" ? panels[side] : undefined)
    aside.hidden = aside.children.length === 0
    this.toggleAttribute("panel", !aside.hidden)
    this.#title()
  }

  #put(place, tag) {
    if (place.firstChild?.localName === tag) return
    place.replaceChildren(...(tag ? [make(tag)] : []))
  }

  #gone(changes) {
    for (const { room, why } of changes) {
      if (why !== "left") tell(this, "notice", word(why === "deleted" ? "room_deleted" : "room_removed"))
      if (room === state.view.room) this.#nowhere()
    }
  }

  #nowhere() {
    show({ page: "none", room: null, panel: null, chosen: true, column: "list" })
  }

  /** A click on a notice: its account, its room, its message. */
  #open({ account, room, seq }) {
    if (account !== state.account) choose(account)
    visit(room, seq ?? null)
  }

  #press(event) {
    if (event.key === "Escape" && !event.defaultPrevented && state.view.panel && !document.querySelector(":popover-open, dialog[open]")) return this.#close()
    const wanted = wish(event, onMac())
    if (!wanted) return this.#write(event)
    event.preventDefault()
    this.#wishes[wanted]()
  }

  #wishes = {
    jump: () => this.querySelector("jump-box").open(),
    search: () => this.#search(),
    previous: () => this.#step(-1),
    next: () => this.#step(1),
    "previous-unread": () => this.#step(-1, true),
    "next-unread": () => this.#step(1, true),
    region: () => this.#region(1),
    "region-back": () => this.#region(-1),
  }

  /** Letters typed beside any box belong to the composer. */
  #write(event) {
    const letter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey
    const free = letter && !event.target.closest("input, textarea, select, dialog, [popover]")
    if (free) this.querySelector("message-composer:not([hidden])")?.focus()
  }

  #close() {
    panel(state.view.panel)
    this.querySelector("message-composer")?.focus()
  }

  #search() {
    if (state.view.panel !== "search") panel("search")
    this.querySelector("search-panel input")?.focus()
  }

  #step(by, unread) {
    const list = this.querySelector("room-list").shown()
    const to = stepped(list, state.view.room, by, unread)
    if (to != null) visit(to)
  }

  /** F6 goes round: rooms, messages, composer, what is open at the side. */
  #region(by) {
    const stops = ["room-row[here] button", "time-line .scroll", "message-composer textarea", "main .sheet input", "aside input, aside button"]
    const parts = stops.map((stop) => this.querySelector(stop)).filter((part) => part?.checkVisibility())
    const owners = parts.map((part) => part.closest("room-list, time-line, message-composer, main, aside"))
    const at = owners.findIndex((owner) => owner.contains(document.activeElement))
    parts[(at + by + parts.length) % parts.length]?.focus()
  }
}

customElements.define("hall-frame", HallFrame)
