import { say, sheet, tell } from "../../lib/dom.js"
import { word } from "../../lib/words.js"

const shape = sheet(`
  <button class="first" type="button" data-word="to_first_unread" hidden></button>
  <button class="last" type="button" hidden></button>`)

/** <time-pills>   The ways through a long conversation: up to the first unread message, down to the newest. */
class TimePills extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return
    this.append(shape())
    this.querySelector(".first").addEventListener("click", () => tell(this, "to-first"))
    this.querySelector(".last").addEventListener("click", () => tell(this, "to-end"))
  }

  /** `above`: the unread line is; `far`: the end is out of sight; `followed`: the reader is at the end. */
  look({ above = false, far = false, unread = 0, followed = true }) {
    const [first, last] = this.children
    first.hidden = !above
    last.hidden = followed || !(unread > 0 || far)
    say(last, unread > 0 ? word("new_below", { n: unread }) : word("to_latest"))
  }
}

customElements.define("time-pills", TimePills)
