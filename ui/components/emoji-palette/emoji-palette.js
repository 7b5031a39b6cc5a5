import { keyed, make, say, sheet } from "../../lib/dom.js"
import { chose, emoji, found, lately } from "../../lib/emoji.js"
import { word } from "../../lib/words.js"

const shape = sheet(`
  <input type="search" autocomplete="off" dir="auto" data-label="find_emoji" data-hint="find_emoji">
  <div class="groups" role="group" data-label="emoji_groups"></div>
  <div class="signs"></div>
  <p class="none" role="status"></p>`)

/** The groups of the file are known by a sign of theirs, and named in words. */
const marks = ["😀", "👋", "🐻", "☕", "🚗", "⚽", "💡", "💛", "🏁"]
const COLUMNS = 8

/** <emoji-palette>   All emoji: what one chose lately first, then by group, or found by a word. */
class EmojiPalette extends HTMLElement {
  #all = { groups: [], emoji: [] }
  #group = -1
  #nodes = new Map()

  connectedCallback() {
    if (this.firstChild) return
    this.popover = "auto"
    this.setAttribute("role", "dialog")
    this.setAttribute("aria-label", word("choose_emoji"))
    this.append(shape())
    this.#box.addEventListener("input", () => this.#draw())
    this.addEventListener("keydown", (event) => this.#step(event))
    this.#draw()
    emoji().then((all) => this.#learn(all), () => {})
  }

  get #box() {
    return this.querySelector("input")
  }

  /** Opens beside `anchor`; answers the emoji, or null when the person thought better of it. */
  choose(anchor) {
    return new Promise((done) => {
      let chosen = null
      this.onclick = ({ target }) => {
        chosen = target.closest(".signs button")?.value ?? null
        if (chosen) this.hidePopover()
      }
      this.ontoggle = ({ newState }) => newState === "closed" && done(chosen)
      this.showPopover()
      this.#place(anchor.getBoundingClientRect())
      this.#box.focus()
    })
  }

  #learn(all) {
    this.#all = all
    const groups = ["lately", ...all.groups].map((name, at) => this.#tab(at === 0 ? word("emoji_lately") : name, at - 1))
    this.querySelector(".groups").replaceChildren(...groups)
    this.#draw()
  }

  #tab(name, group) {
    const tab = make("button", { type: "button", title: name, textContent: group < 0 ? "↺" : marks[group] })
    tab.setAttribute("aria-label", name)
    tab.addEventListener("click", () => {
      this.#group = group
      this.#box.value = ""
      this.#draw()
    })
    return tab
  }

  #shown() {
    const query = this.#box.value.trim()
    if (query) return found(this.#all.emoji, query)
    if (this.#group >= 0) return this.#all.emoji.filter(({ group }) => group === this.#group)
    const labels = new Map(this.#all.emoji.map(({ sign, label }) => [sign, label]))
    return lately().map((sign) => ({ sign, label: labels.get(sign) ?? sign }))
  }

  #draw() {
    const list = this.#shown().map((one) => ({ key: one.sign, ...one }))
    const searching = this.#box.value.trim() !== ""
    keyed(this.querySelector(".signs"), this.#nodes, list, () => make("button", { type: "button" }), (button, { sign, label }) => {
      Object.assign(button, { textContent: sign, value: sign, title: label })
      button.setAttribute("aria-label", label)
    })
    const tabs = [...this.querySelector(".groups").children]
    tabs.forEach((tab, at) => tab.setAttribute("aria-pressed", String(!searching && at - 1 === this.#group)))
    say(this.querySelector(".none"), searching && list.length === 0 ? word("emoji_none") : "")
  }

  /** Above the anchor, or below where there is no room; always inside the window. */
  #place(box) {
    const { width, height } = this.getBoundingClientRect()
    const left = Math.min(Math.max(8, box.right - width), innerWidth - width - 8)
    const above = box.top - height - 6
    const top = above > 8 ? above : Math.max(8, Math.min(box.bottom + 6, innerHeight - height - 8))
    Object.assign(this.style, { left: `${left}px`, top: `${top}px` })
  }

  #step(event) {
    const list = [...this.querySelectorAll(".signs button")]
    const typing = event.target === this.#box
    if (typing && event.key === "Enter") return event.preventDefault(), list[0]?.click()
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key]
    if (!by || list.length === 0 || (typing && event.key !== "ArrowDown")) return
    event.preventDefault()
    const at = list.indexOf(document.activeElement)
    if (typing) return list[0].focus()
    if (at >= 0 && at + by < 0) return this.#box.focus()
    if (at >= 0) list[Math.min(list.length - 1, at + by)].focus()
  }
}

customElements.define("emoji-palette", EmojiPalette)

/** Lets the person choose an emoji beside `anchor`. */
export async function pickEmoji(anchor) {
  const palette = make("emoji-palette")
  document.body.append(palette)
  const chosen = await palette.choose(anchor)
  palette.remove()
  if (chosen) chose(chosen)
  return chosen
}
