import "../line-icon/line-icon.js"
import "../text-box/text-box.js"
import { core } from "../../core.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { drafts, placeOf, post } from "../../lib/kept.js"
import { nameOf, why } from "../../lib/sentences.js"
import { excerpt } from "../../lib/text.js"
import { title } from "../../lib/rooms.js"
import { Typing } from "../../lib/typing.js"
import { narrow } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { person, room, watch } from "../../state.js"

const shape = sheet(`
  <div class="mode" hidden><p dir="auto"></p><button class="icon cancel" type="button" data-label="cancel"><line-icon name="close"></line-icon></button></div>
  <text-box></text-box>`)

/** <message-composer>   Where one writes. Keeps a draft for each room; replies and edits here too. State: editing. */
class MessageComposer extends HTMLElement {
  #place = null
  #mode = null
  #drafted = ""
  #typing = new Typing()
  #stop = () => {}
  #leave = () => drafts.flush(this.#place)

  set room(id) {
    this.#leave()
    this.#stop()
    this.#place = placeOf(id)
    this.#enter(null)
    this.#stop = watch(`room:${id}`, () => this.#draw())
    this.#box.put(drafts.unsaved(this.#place) ?? room(id)?.draft ?? "")
    if (!narrow()) this.focus()
  }

  connectedCallback() {
    this.append(shape())
    this.#box.addEventListener("written", ({ detail }) => this.#written(detail))
    this.#box.addEventListener("enter", ({ detail }) => this.#send(detail))
    this.#box.addEventListener("escape", (event) => this.#escape(event))
    this.#box.addEventListener("up", () => tell(this, "edit-last"))
    this.querySelector(".cancel").addEventListener("click", () => this.#cancel())
    for (const name of ["blur", "pagehide"]) addEventListener(name, this.#leave)
  }

  disconnectedCallback() {
    this.#leave()
    for (const name of ["blur", "pagehide"]) removeEventListener(name, this.#leave)
    this.#stop()
    this.replaceChildren()
  }

  get #box() {
    return this.querySelector("text-box")
  }

  focus = () => this.#box.focus()

  /** Answers a message: the next text names it. */
  reply(row) {
    this.#enter({ what: "reply", row })
    this.focus()
  }

  /** Puts a message of mine in the box; the draft waits until it is done. */
  edit(row) {
    this.#leave()
    this.#enter({ what: "edit", row })
    this.#box.put(row.text)
    this.focus()
  }

  #enter(mode) {
    this.#mode = mode
    this.toggleAttribute("editing", mode?.what === "edit")
    this.querySelector(".mode").hidden = !mode
    if (mode) {
      const who = nameOf(person(mode.row.sender))
      say(this.querySelector(".mode p"), this.hasAttribute("editing") ? word("editing") : word("replying", { who, text: excerpt(mode.row.text) }))
    }
    this.#draw()
  }

  #draw() {
    const row = room(this.#place.room)
    if (!row) return
    const editing = this.hasAttribute("editing")
    this.#box.label(editing ? word("edit_message") : word("message_to", { room: title(row) }), word(editing ? "save" : "send"))
    this.#take(row.draft ?? "")
  }

  /** A draft from elsewhere: into a box that nobody is writing in. What it put there goes as it came. */
  #take(draft) {
    const free = !this.#mode && drafts.unsaved(this.#place) === undefined
    const idle = ["", this.#drafted].includes(this.#box.value) || !this.#box.focused
    if (free && idle && draft !== this.#drafted) this.#box.put(draft)
    this.#drafted = draft
    drafts.known(this.#place, draft)
  }

  #written(text) {
    if (this.hasAttribute("editing")) return
    drafts.write(this.#place, text)
    if (text) this.#typing.pressed(this.#place.room)
  }

  #escape(event) {
    if (!this.#mode) return
    event.preventDefault()
    this.#cancel()
  }

  #cancel() {
    const edited = this.hasAttribute("editing")
    this.#enter(null)
    if (edited) this.#box.put(room(this.#place.room)?.draft ?? "")
    this.focus()
  }

  async #send(text) {
    const [mode, place] = [this.#mode, this.#place]
    this.#enter(null)
    this.#typing.over()
    this.#box.put(mode?.what === "edit" ? room(place.room)?.draft ?? "" : "")
    try {
      if (mode?.what === "edit") await this.#save(place, mode.row, text)
      else await post(place, mode?.row, text).then(() => tell(this, "said"))
    } catch (refusal) {
      this.#refused(place, mode, text)
      tell(this, "notice", why(refusal))
    }
  }

  /** What was not taken is kept, and goes back into its box before what was begun since. */
  #refused(place, mode, text) {
    const here = place === this.#place && !this.#mode
    const begun = here ? this.#box.value : room(place.room)?.draft
    const all = mode?.what === "edit" ? begun || text : drafts.refused(place, text, begun)
    if (here) this.#box.put(all)
  }

  async #save({ account, room }, row, text) {
    if (text === row.text && row.state !== "failed") return
    const which = row.seq == null ? { key: row.key } : { seq: row.seq }
    await core.edit({ account, room, ...which, text })
    if (row.seq == null && row.state === "failed") await core.retry({ account, key: row.key })
  }
}

customElements.define("message-composer", MessageComposer)
