import { make, tell } from "../../lib/dom.js"
import { title } from "../../lib/rooms.js"
import { dayLine } from "../../lib/time.js"
import { word } from "../../lib/words.js"
import { room } from "../../state.js"

/** <day-line>   What stands between messages: a day, the unread line, the beginning of the room. State: what. */
class DayLine extends HTMLElement {
  #text

  set item(item) {
    const text = this.#words(item)
    if (text === this.#text) return
    this.#text = text
    this.setAttribute("what", item.what)
    if (item.what !== "begin") this.setAttribute("role", "separator")
    this.setAttribute("aria-label", text)
    this.replaceChildren(item.what === "day" ? this.#day(text, item.at) : make("span", { textContent: text, dir: "auto" }))
  }

  /** Pressed, it leads to other days. */
  #day(text, at) {
    this.removeAttribute("role")
    const button = make("button", { type: "button", textContent: text, title: word("go_to_day") })
    button.addEventListener("click", () => tell(this, "day", at))
    return button
  }

  #words({ what, at, room: id }) {
    if (what === "day") return dayLine(at)
    if (what === "new") return word("new_line")
    const row = room(id)
    if (!row) return ""
    return word(row.kind === "direct" ? "begin_direct" : "begin_room", { room: title(row) })
  }
}

customElements.define("day-line", DayLine)
