import { core } from "../../core.js"
import { say, sheet } from "../../lib/dom.js"
import { readers } from "../../lib/receipts.js"
import { nameOf } from "../../lib/sentences.js"
import { list, word } from "../../lib/words.js"
import { hearReceipts, me, person, receipts, watch } from "../../state.js"

const shape = sheet(`<p dir="auto"></p>`)

/** Names that are said; more are a number. */
const NAMED = 3

/** <read-line>   Who has read my last message, while it is the last one of the room. */
class ReadLine extends HTMLElement {
  #room
  #row = null
  #stops = []

  set room(id) {
    this.#room = id
    this.#row = null
    this.#stops.forEach((stop) => stop())
    this.#stops = [watch(`receipts:${id}`, () => this.#draw())]
    this.#ask(id)
  }

  /** The last message of the room, as far as it is shown. */
  set last(row) {
    this.#row = row
    this.#draw()
  }

  connectedCallback() {
    this.append(shape())
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.replaceChildren()
  }

  async #ask(room) {
    const items = await core.receipts({ room }).catch(() => [])
    if (room === this.#room) hearReceipts(room, items.map(({ user, read, delivered }) => [user, read, delivered]))
  }

  #draw() {
    const line = this.querySelector("p")
    if (line) say(line, this.#words())
  }

  #words() {
    const row = this.#row
    if (!row || row.seq == null || row.sender !== me() || row.deleted || row.kind === "system") return ""
    const { read, delivered } = readers(receipts(this.#room), row.seq, me())
    if (read.length > NAMED) return word("read_by_many", { n: read.length })
    if (read.length > 0) return word("read_by", { names: list(read.map((user) => nameOf(person(user)))) })
    return delivered.length > 0 ? word("delivered") : ""
  }
}

customElements.define("read-line", ReadLine)
