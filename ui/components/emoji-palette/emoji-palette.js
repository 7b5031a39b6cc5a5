import { make } from "../../lib/dom.js"
import { word } from "../../lib/words.js"

const emoji = {
  "👍": "emoji_thumb",
  "❤️": "emoji_heart",
  "😂": "emoji_tears",
  "🎉": "emoji_party",
  "😮": "emoji_wow",
  "😢": "emoji_sad",
  "🙏": "emoji_thanks",
  "👀": "emoji_eyes",
  "✅": "emoji_done",
  "🔥": "emoji_fire",
  "☕": "emoji_cup",
  "👎": "emoji_thumb_down",
}
const COLUMNS = 6

/** <emoji-palette>   A few emoji to choose from; a whole picker comes with the whole desktop. */
class EmojiPalette extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return
    this.popover = "auto"
    this.setAttribute("role", "dialog")
    this.setAttribute("aria-label", word("choose_emoji"))
    const signs = make("div", { className: "signs" })
    this.append(signs)
    for (const [sign, name] of Object.entries(emoji)) {
      const button = make("button", { type: "button", textContent: sign, value: sign, title: word(name) })
      button.setAttribute("aria-label", word(name))
      signs.append(button)
    }
    this.addEventListener("keydown", (event) => this.#step(event))
  }

  /** Opens beside `anchor`; answers the emoji, or null when the person thought better of it. */
  choose(anchor) {
    return new Promise((done) => {
      let chosen = null
      this.onclick = ({ target }) => {
        chosen = target.closest("button")?.value ?? null
        if (chosen) this.hidePopover()
      }
      this.ontoggle = ({ newState }) => newState === "closed" && done(chosen)
      this.showPopover()
      this.#place(anchor.getBoundingClientRect())
      this.querySelector("button").focus()
    })
  }

  /** Above the anchor, or below where there is no room; always inside the window. */
  #place(box) {
    const { width, height } = this.getBoundingClientRect()
    const left = Math.min(Math.max(8, box.right - width), innerWidth - width - 8)
    const top = box.top - height - 6 > 8 ? box.top - height - 6 : box.bottom + 6
    Object.assign(this.style, { left: `${left}px`, top: `${top}px` })
  }

  #step(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key]
    if (!by) return
    event.preventDefault()
    const list = [...this.querySelectorAll("button")]
    list[(list.indexOf(document.activeElement) + by + list.length) % list.length].focus()
  }
}

customElements.define("emoji-palette", EmojiPalette)

/** Lets the person choose an emoji beside `anchor`. */
export async function pickEmoji(anchor) {
  const palette = make("emoji-palette")
  document.body.append(palette)
  const chosen = await palette.choose(anchor)
  palette.remove()
  return chosen
}
