import { make, say, sheet } from "../../lib/dom.js"
import { nameOf } from "../../lib/sentences.js"
import { title } from "../../lib/rooms.js"
import { highlighted } from "../../lib/text.js"
import { since } from "../../lib/time.js"
import { visit } from "../../lib/visit.js"
import { person, room } from "../../state.js"

const shape = sheet(`<button type="button"><b dir="auto"></b><span class="where" dir="auto"></span><time></time><span class="text" dir="auto"></span></button>`)

/** <search-hit>   A message that was found, with what was found in it. */
class SearchHit extends HTMLElement {
  set hit({ message, ranges }) {
    if (!this.firstChild) this.append(shape())
    const here = room(message.room)
    this.setAttribute("role", "listitem")
    say(this.querySelector("b"), nameOf(person(message.sender)))
    say(this.querySelector(".where"), here ? title(here) : "")
    say(this.querySelector("time"), since(message.at))
    const parts = highlighted(message.text, ranges)
    this.querySelector(".text").replaceChildren(...parts.map(({ text, hit }) => (hit ? make("mark", { textContent: text }) : text)))
    this.firstElementChild.onclick = () => visit(message.room, message.seq ?? null)
  }
}

customElements.define("search-hit", SearchHit)
