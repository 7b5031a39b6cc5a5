import "../room-row/room-row.js"
import "../line-icon/line-icon.js"
import { keyed, make, sheet } from "../../lib/dom.js"
import { held, ordered, sections } from "../../lib/rooms.js"
import { rooms, show, watch } from "../../state.js"

const shape = sheet(`
  <div class="section">
    <h2 id="rooms-title" data-word="rooms"></h2>
    <button class="find" type="button" data-label="find_room" data-title="find_room"><line-icon name="compass"></line-icon></button>
    <button class="create" type="button" data-label="create_room" data-title="create_room"><line-icon name="plus"></line-icon></button>
  </div>
  <ul class="rooms" role="list" aria-labelledby="rooms-title"></ul>
  <p class="none" data-word="no_rooms_yet"></p>
  <div class="section">
    <h2 id="people-title" data-word="people"></h2>
    <button class="direct" type="button" data-label="write_to" data-title="write_to"><line-icon name="plus"></line-icon></button>
  </div>
  <ul class="people" role="list" aria-labelledby="people-title"></ul>
  <p class="nobody" data-word="no_people_yet"></p>`)

/** <room-list>   Rooms and people with what is unread; the order stays while someone points at it. */
class RoomList extends HTMLElement {
  #order = []
  #nodes = { rooms: new Map(), people: new Map() }
  #stop

  connectedCallback() {
    this.append(shape())
    const page = (name) => () => show({ page: name, panel: null, column: "main", chosen: true })
    this.querySelector(".find").addEventListener("click", page("join"))
    this.querySelector(".create").addEventListener("click", page("create"))
    this.querySelector(".direct").addEventListener("click", page("direct"))
    this.addEventListener("pointerleave", () => this.#draw())
    this.addEventListener("focusout", () => this.#draw())
    this.#stop = watch("rooms", () => this.#draw())
  }

  disconnectedCallback() {
    this.#stop()
    this.replaceChildren()
    this.#nodes = { rooms: new Map(), people: new Map() }
  }

  /** The rooms in the order they stand in. */
  shown() {
    const { rooms: some, people } = sections(this.#order.map((id) => rooms().find(({ room }) => room === id)).filter(Boolean))
    return [...some, ...people]
  }

  #draw() {
    const busy = this.matches(":hover") || this.matches(":focus-within")
    const list = busy ? held(rooms(), this.#order) : ordered(rooms())
    this.#order = list.map(({ room }) => room)
    const parts = sections(list)
    for (const part of ["rooms", "people"]) {
      const items = parts[part].map((row) => ({ key: row.room, row }))
      keyed(this.querySelector(`.${part}`), this.#nodes[part], items, () => make("room-row"), (node, { row }) => (node.room = row))
    }
    this.querySelector(".none").hidden = parts.rooms.length > 0
    this.querySelector(".nobody").hidden = parts.people.length > 0
  }
}

customElements.define("room-list", RoomList)
