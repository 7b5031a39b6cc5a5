import "../line-icon/line-icon.js"
import "../mention-list/mention-list.js"
import { pickEmoji } from "../emoji-palette/emoji-palette.js"
import { core } from "../../core.js"
import { say, sheet, tell } from "../../lib/dom.js"
import { drafts, placeOf, post } from "../../lib/kept.js"
import { TEXT } from "../../lib/limits.js"
import { nameOf, space, why } from "../../lib/sentences.js"
import { excerpt, length } from "../../lib/text.js"
import { title } from "../../lib/rooms.js"
import { narrow } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { person, room, watch } from "../../state.js"

const shape = sheet(`
  <div class="mode" hidden><p dir="auto"></p><button class="icon cancel" type="button" data-label="cancel"><line-icon name="close"></line-icon></button></div>
  <div class="frame">
    <mention-list></mention-list>
    <textarea rows="1" dir="auto" autocomplete="off"></textarea>
    <button class="icon emoji" type="button" data-label="emoji" data-title="emoji" aria-haspopup="dialog"><line-icon name="smile"></line-icon></button>
    <button class="main send" type="button" data-word="send"></button>
  </div>
  <p class="over" role="status"></p>`)

const TYPING_MS = 3_000
const HINT_MAX = 32

/** <message-composer>   Where one writes. Keeps a draft for each room; replies and edits here too. States: editing, over. */
class MessageComposer extends HTMLElement {
  #box
  #place = null
  #mode = null
  #drafted = ""
  #typed = 0
  #stop = () => {}
  #leave = () => drafts.flush(this.#place)
  #width = new ResizeObserver(() => this.#fit())

  set room(id) {
    this.#leave()
    this.#stop()
    this.#place = placeOf(id)
    this.#enter(null)
    this.#stop = watch(`room:${id}`, () => this.#draw())
    this.#put(drafts.unsaved(this.#place) ?? room(id)?.draft ?? "")
    if (!narrow()) this.focus()
  }

  connectedCallback() {
    this.append(shape())
    this.#box = this.querySelector("textarea")
    this.#box.addEventListener("input", () => this.#input())
    this.#box.addEventListener("keydown", (event) => this.#key(event))
    this.#box.addEventListener("mention", ({ detail }) => this.#put(detail.text, detail.caret))
    this.querySelector("mention-list").box = this.#box
    this.querySelector(".send").addEventListener("click", () => this.#send())
    this.querySelector(".cancel").addEventListener("click", () => this.#cancel())
    this.querySelector(".emoji").addEventListener("click", (event) => this.#emoji(event.currentTarget))
    this.#width.observe(this)
    for (const name of ["blur", "pagehide"]) addEventListener(name, this.#leave)
  }

  disconnectedCallback() {
    this.#leave()
    this.#width.disconnect()
    for (const name of ["blur", "pagehide"]) removeEventListener(name, this.#leave)
    this.#stop()
    this.replaceChildren()
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
    this.#put(row.text)
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
    say(this.querySelector(".send"), word(this.hasAttribute("editing") ? "save" : "send"))
    this.#draw()
  }

  #draw() {
    const row = room(this.#place.room)
    if (!row) return
    const name = word("message_to", { room: title(row) })
    this.#box.setAttribute("aria-label", this.hasAttribute("editing") ? word("edit_message") : name)
    this.#box.placeholder = name.length > HINT_MAX ? word("message_hint") : name
    this.#take(row.draft ?? "")
  }

  /** A draft from elsewhere: into a box that nobody is writing in. What it put there goes as it came. */
  #take(draft) {
    const free = !this.#mode && drafts.unsaved(this.#place) === undefined
    const idle = ["", this.#drafted].includes(this.#box.value) || document.activeElement !== this.#box
    if (free && idle && draft !== this.#drafted) this.#put(draft)
    this.#drafted = draft
    drafts.known(this.#place, draft)
  }

  #put(text, caret = text.length) {
    this.#box.value = text
    this.#box.setSelectionRange(caret, caret)
    this.#fit()
  }

  #input() {
    this.#fit()
    if (this.hasAttribute("editing")) return
    drafts.write(this.#place, this.#box.value)
    if (this.#box.value && performance.now() - this.#typed > TYPING_MS) {
      this.#typed = performance.now()
      core.typing({ room: this.#place.room }).catch(() => {})
    }
  }

  /** As high as its text, and a count when the limit is near. The room above does not notice the measuring. */
  #fit() {
    const box = this.#box
    this.style.minBlockSize = `${this.offsetHeight}px`
    box.style.blockSize = "auto"
    box.style.blockSize = `${box.scrollHeight}px`
    this.style.minBlockSize = ""
    const left = TEXT - length(box.value)
    this.toggleAttribute("over", left < 0)
    say(this.querySelector(".over"), space(left))
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) this.#send()
    else if (event.key === "Escape" && this.#mode) this.#cancel()
    else if (event.key === "ArrowUp" && !this.#box.value && !event.altKey) tell(this, "edit-last")
    else return
    event.preventDefault()
  }

  #cancel() {
    const edited = this.hasAttribute("editing")
    this.#enter(null)
    if (edited) this.#put(room(this.#place.room)?.draft ?? "")
    this.#box.focus()
  }

  async #emoji(anchor) {
    const sign = await pickEmoji(anchor)
    if (sign) this.#box.setRangeText(sign, this.#box.selectionStart, this.#box.selectionEnd, "end")
    if (sign) this.#input()
    this.#box.focus()
  }

  async #send() {
    const text = this.#box.value.trimEnd()
    if (!text.trim() || this.hasAttribute("over")) return
    const [mode, place] = [this.#mode, this.#place]
    this.#enter(null)
    this.#typed = 0
    this.#put(mode?.what === "edit" ? room(place.room)?.draft ?? "" : "")
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
    if (here) this.#put(all)
  }

  async #save({ account, room }, row, text) {
    if (text === row.text && row.state !== "failed") return
    const which = row.seq == null ? { key: row.key } : { seq: row.seq }
    await core.edit({ account, room, ...which, text })
    if (row.seq == null && row.state === "failed") await core.retry({ account, key: row.key })
  }
}

customElements.define("message-composer", MessageComposer)
