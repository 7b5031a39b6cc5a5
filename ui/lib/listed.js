/** A list of messages at the side while it is open: asked for once, told by the feed, asked again when the link is back. */
import "../components/message-actions/message-actions.js"
import "../components/message-item/message-item.js"
import { keyed, make, say } from "./dom.js"
import { why } from "./sentences.js"
import { told } from "./threads.js"
import { learn, live, watch } from "../state.js"

export class Listed {
  rows = []
  #nodes = new Map()
  #stops = []
  #asked = 0
  #actions = make("message-actions")
  #list
  #line
  #none

  /** Shows in `list`; what goes wrong, or `none` where nothing is there, in `line`. */
  constructor(list, line, none) {
    this.#list = list
    this.#line = line
    this.#none = none
    for (const name of ["pointerover", "focusin"]) list.addEventListener(name, (event) => this.#actions.point(event))
    list.addEventListener("pointerleave", () => this.#actions.leave())
  }

  /** Shows what `ask` answers of a room, and what the feed says of the rows that belong. */
  open(room, ask, belongs) {
    this.close()
    const load = () => this.#load(ask)
    const feed = watch(`messages:${room}`, (changes) => changes.length > 0 && this.#draw(told(this.rows, changes, belongs)))
    this.#stops = [feed, watch("connection", () => live() && load()), watch("missed", (again) => again.length > 0 && load())]
    if (!live()) load()
  }

  close() {
    this.#asked += 1
    this.#stops.forEach((stop) => stop())
    this.#stops = []
    this.#draw([])
    say(this.#line, "")
  }

  async #load(ask) {
    const asked = ++this.#asked
    try {
      const { rows, people } = await ask()
      if (asked !== this.#asked) return
      learn(people)
      this.#draw(rows)
      say(this.#line, rows.length === 0 ? this.#none : "")
    } catch (refusal) {
      if (asked === this.#asked) say(this.#line, why(refusal))
    }
  }

  #draw(rows) {
    const grown = rows.length > this.rows.length
    this.rows = rows
    if (rows.length > 0) say(this.#line, "")
    const items = rows.map((row) => ({ key: row.id, row, room: row.room, first: true }))
    keyed(this.#list, this.#nodes, items, () => make("message-item"), (node, item) => (node.item = item))
    if (grown) this.grew?.()
  }
}
