import "../message-fate/message-fate.js"
import "../message-reactions/message-reactions.js"
import "../message-text/message-text.js"
import "../person-face/person-face.js"
import "../thread-line/thread-line.js"
import "../line-icon/line-icon.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { nameOf, notice } from "../../lib/sentences.js"
import { excerpt } from "../../lib/text.js"
import { clock, moment } from "../../lib/time.js"
import { word } from "../../lib/words.js"
import { me, person, watch } from "../../state.js"

const shape = sheet(`<person-face></person-face><p class="head"><b class="author" dir="auto"></b><time></time></p><div class="body"><message-text></message-text></div>`)
const parts = {
  ".quote": sheet(`<button class="quote" type="button" dir="auto"></button>`),
  "message-reactions": sheet(`<message-reactions></message-reactions>`),
  ".pinned": sheet(`<p class="pinned"><line-icon name="pin"></line-icon><span data-word="pinned"></span></p>`),
  "thread-line": sheet(`<thread-line></thread-line>`),
  "message-fate": sheet(`<message-fate></message-fate>`),
}

/**
 * <message-item>   One message, tombstone or notice of the room; drawing the same one twice is free.
 * States, for CSS: first (opens a group), system, deleted, pending, failed, mine, for-me, shown.
 */
class MessageItem extends HTMLElement {
  #row
  #first
  #room
  #stops = []

  set item({ row, first, room }) {
    if (row === this.#row && first === this.#first) return
    const moved = row.sender !== this.#row?.sender
    this.#row = row
    this.#first = first
    this.#room = room
    if (!this.isConnected) return
    if (moved) this.#watch()
    else this.#draw()
  }

  connectedCallback() {
    this.setAttribute("role", "article")
    this.tabIndex = -1
    if (!this.firstChild) this.append(shape())
    if (this.#row) this.#watch()
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.#stops = []
  }

  get row() {
    return this.#row
  }

  get room() {
    return this.#room
  }

  /** A name that changes is drawn again: the author's, and those a notice speaks of. */
  #watch() {
    this.disconnectedCallback()
    const { sender, meta, reply, mentions } = this.#row
    const people = new Set([sender, meta?.user, meta?.by, reply?.sender, ...(mentions ?? [])].filter((user) => user != null))
    this.#draw()
    let begun = false
    this.#stops = [...people].map((user) => watch(`person:${user}`, () => begun && this.#draw()))
    begun = true
  }

  #draw() {
    const row = this.#row
    const author = nameOf(person(row.sender))
    this.querySelector("person-face").user = row.sender
    say(this.querySelector(".author"), author)
    this.querySelector("message-text").message = { ...row, text: this.#text(row) }
    this.#time(row.at)
    this.#states(row)
    this.#quote(row)
    this.#part("message-reactions", row.reactions?.length > 0, (part) => (part.row = row))
    this.#part(".pinned", row.pinned && !row.deleted, () => {})
    this.#part("thread-line", Boolean(row.replies || row.thread) && row.kind !== "system", (part) => (part.row = row))
    this.#part("message-fate", Boolean(row.state || row.pending_edit), (part) => (part.row = row))
    this.setAttribute("aria-label", word("message_by", { who: author, at: clock(row.at) }))
  }

  #text(row) {
    if (row.kind === "system") return notice(row, (user) => nameOf(person(user)))
    return row.deleted ? word("deleted") : row.text
  }

  #time(at) {
    const time = this.querySelector("time")
    say(time, clock(at))
    time.dateTime = new Date(at).toISOString()
    time.title = moment(at)
  }

  #states(row) {
    const mine = row.sender === me()
    const states = {
      first: this.#first,
      system: row.kind === "system",
      deleted: row.deleted,
      pending: row.state && row.state !== "failed" && row.seq == null,
      failed: row.state === "failed",
      mine: mine && row.kind !== "system",
      "for-me": !mine && !row.deleted && (row.mentions?.includes(me()) || row.everyone || row.reply?.sender === me()),
    }
    for (const [name, on] of Object.entries(states)) this.toggleAttribute(name, Boolean(on))
    if (row.seq != null) this.dataset.seq = row.seq
  }

  #quote({ reply, deleted }) {
    this.#part(".quote", reply && !deleted, (part) => {
      const text = reply.deleted ? word("deleted") : excerpt(reply.text)
      say(part, reply.sender ? word("quote", { who: nameOf(person(reply.sender)), text }) : word("quote_elsewhere"))
      part.onclick = () => tell(this, "jump", reply.seq)
    })
  }

  /** Parts that few messages have are made when they are needed. */
  #part(name, wanted, draw) {
    let part = this.querySelector(name)
    if (!wanted) return part?.remove()
    if (!part) {
      const body = this.querySelector(".body")
      if ([".quote", ".pinned"].includes(name)) body.prepend(parts[name]())
      else if (name === "message-fate") this.append(parts[name]())
      else body.append(parts[name]())
      part = this.querySelector(name)
    }
    draw(part)
  }
}

customElements.define("message-item", MessageItem)
