import "../day-line/day-line.js"
import "../message-actions/message-actions.js"
import "../message-item/message-item.js"
import "../time-pills/time-pills.js"
import { core } from "../../core.js"
import { keyed, make, sheet, tell } from "../../lib/dom.js"
import { History } from "../../lib/history.js"
import { present, whenPresent } from "../../lib/present.js"
import { Reading } from "../../lib/reading.js"
import { below, End, hold, lastSeen, lineAbove, showRow, toLine, walk } from "../../lib/scroll.js"
import { why } from "../../lib/sentences.js"
import { dayOf } from "../../lib/time.js"
import { ends, items } from "../../lib/timeline.js"
import { word } from "../../lib/words.js"
import { learn, live, me, room, watch } from "../../state.js"

const shape = sheet(`
  <div class="scroll" role="log" tabindex="0" data-label="messages"><div class="rows"></div></div>
  <p class="wrong" role="status" hidden></p>
  <time-pills></time-pills>`)

/** Rows asked for at once, and how near an end, in pixels, the next ones are fetched. */
const PAGE = 50
const NEAR_PX = 600

/** <time-line>   The window on a room's messages: a few rows of any history, never moving under the reader. */
class TimeLine extends HTMLElement {
  #room = null
  #history = new History((where) => core.timeline({ room: this.#room, limit: PAGE, ...where }))
  #nodes = new Map()
  #reading = new Reading()
  #end = new End()
  #stops = []
  #roomStops = []
  #size
  #scroller
  #rows
  #actions = make("message-actions")

  connectedCallback() {
    this.append(shape())
    this.#scroller = this.querySelector(".scroll")
    this.#rows = this.querySelector(".rows")
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true })
    this.#scroller.addEventListener("keydown", (event) => walk(this.#rows, event))
    for (const name of ["pointerover", "focusin"]) this.#rows.addEventListener(name, (event) => this.#actions.point(event))
    this.#scroller.addEventListener("pointerleave", () => this.#actions.leave())
    this.addEventListener("to-end", () => this.toEnd())
    this.addEventListener("to-first", () => this.#toFirst())
    this.#size = new ResizeObserver(() => this.#end.keep(this.#scroller, this.#history.window.after))
    this.#size.observe(this.#scroller)
    this.#size.observe(this.#rows)
    this.#stops = [whenPresent(() => this.#look()), watch("connection", () => live() && this.#scrolled()), watch("missed", (again) => again.length > 0 && this.#again())]
  }

  disconnectedCallback() {
    this.#size.disconnect()
    for (const stop of [...this.#stops, ...this.#roomStops]) stop()
    this.#history.leave()
    this.replaceChildren()
  }

  /** Shows a room: at a message, at the first unread one, else at the end. */
  async open(id, at = null) {
    if (id === this.#room) return this.jump(at)
    this.#clear(id)
    const { read, unread } = room(id) ?? {}
    const where = at != null ? { around: at } : unread > PAGE / 2 ? { around: read } : {}
    const page = await this.#fetch(() => this.#history.open(where))
    if (page) {
      this.#reading.mark = page.read ?? read ?? null
      this.#end.followed = at == null
      this.#draw()
      if (at == null || !this.#show(at)) toLine(this.#scroller, this.#nodes.get("new"))
      this.#scrolled()
    }
    tell(this, "settled")
  }

  #clear(id) {
    this.#roomStops.forEach((stop) => stop())
    this.#history.leave()
    this.#nodes.clear()
    this.#rows.replaceChildren()
    this.querySelector("time-pills").look({})
    this.#room = id
    this.#reading.enter(room(id))
    this.#roomStops = [watch(`messages:${id}`, (changes) => this.#hear(changes)), watch(`room:${id}`, () => this.#pill())]
  }

  /** Goes to a message, held or not, and marks it for a moment. */
  async jump(seq) {
    if (seq == null || this.#show(seq) || !(await this.#around(seq))) return
    this.#show(seq)
  }

  async #around(seq) {
    if (!(await this.#fetch(() => this.#history.open({ around: seq })))) return false
    this.#end.followed = false
    this.#draw()
    return true
  }

  /** Goes to the newest message. */
  async toEnd() {
    this.#end.followed = true
    if (this.#history.window.after) await this.#fetch(() => this.#history.open({}))
    this.#end.followed = true
    this.#draw()
  }

  /** Reads anew what is shown, where the reader stands: changes of it were missed. */
  async #again() {
    const row = this.#end.followed ? null : lastSeen(this.#scroller, this.#history.window.rows, this.#nodes)
    if (this.#room != null && (await this.#fetch(() => this.#history.open(row ? { around: row.seq } : {})))) this.#draw()
  }

  /** My last message that can be edited. */
  lastMine = () => this.#history.window.rows.findLast((row) => row.sender === me() && row.kind !== "system" && !row.deleted && row.state !== "failed")

  async #fetch(work) {
    this.#scroller.setAttribute("aria-busy", "true")
    try {
      const page = await work()
      if (page) learn(page.people)
      if (page) this.#say(page.rows.length === 0 && page.more_before && !live() ? word("older_offline") : "")
      return page
    } catch (refusal) {
      this.#say(why(refusal))
      return null
    } finally {
      this.#scroller?.setAttribute("aria-busy", "false")
    }
  }

  #say = (text) => Object.assign(this.querySelector(".wrong") ?? {}, { hidden: !text, textContent: text })

  #hear(changes) {
    if (!this.#history.hear(changes, this.#end.followed)) return
    this.#draw()
    if (this.#end.followed && this.#history.window.after) this.#more("after")
  }

  async #more(side) {
    if (this.#history.loading) return
    const page = await this.#fetch(() => this.#history.more(side))
    if (page) this.#draw()
    if (page?.rows.length > 0) this.#scrolled()
  }

  #draw() {
    const list = items(this.#history.window, { mark: this.#reading.mark, me: me(), dayOf })
    const bottom = this.#end.followed && !this.#history.window.after
    const create = ({ what }) => make(what === "message" ? "message-item" : "day-line")
    hold(this.#scroller, this.#rows, bottom, () => {
      keyed(this.#rows, this.#nodes, list, create, (node, item) => (node.item = { ...item, room: this.#room }))
    })
    tell(this, "newest", this.#history.window.after ? null : this.#history.window.rows.at(-1))
    this.#look()
  }

  #scrolled() {
    const { before, after, rows } = this.#history.window
    if (this.#scroller.clientHeight === 0 || rows.length === 0) return
    this.#end.moved(this.#scroller, after)
    if (this.#scroller.scrollTop < NEAR_PX && before) this.#more("before")
    else if (below(this.#scroller) < NEAR_PX && after) this.#more("after")
    this.#look()
  }

  /** Marks as read what is in front of someone; when nobody is there, the unread line goes where reading ended. */
  #look() {
    this.#pill()
    if (!present()) return this.#reading.left()
    const seen = lastSeen(this.#scroller, this.#history.window.rows, this.#nodes)
    if (seen) this.#reading.saw(this.#room, seen.seq)
  }

  #pill() {
    const { mark, news } = this.#reading
    const far = this.#history.window.after || below(this.#scroller) > this.#scroller.clientHeight
    const above = news && lineAbove(this.#scroller, this.#nodes.get("new"), ends(this.#history.window)[0] > mark)
    this.querySelector("time-pills")?.look({ above, far, unread: room(this.#room)?.unread, followed: this.#end.followed })
  }

  /** Goes to the line above what was unread when the room was opened. */
  async #toFirst() {
    if (!this.#nodes.has("new")) await this.#around(this.#reading.mark)
    this.#end.followed = false
    this.#nodes.get("new")?.scrollIntoView({ block: "center" })
  }

  #show(seq) {
    const row = this.#history.window.rows.find((held) => held.seq === seq)
    if (row) showRow(this.#nodes.get(row.id))
    return Boolean(row)
  }
}

customElements.define("time-line", TimeLine)
