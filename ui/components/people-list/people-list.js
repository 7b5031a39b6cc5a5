import "../person-face/person-face.js"
import { core } from "../../core.js"
import { keyed, make, say } from "../../lib/dom.js"
import { matches } from "../../lib/mentions.js"
import { why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { learn, me, people } from "../../state.js"

const WAIT_MS = 200

/** <people-list>   Finds people: those known here at once, the server's a moment later. Tells `chosen` with a person. */
class PeopleList extends HTMLElement {
  #nodes = new Map()
  #timer
  #asked = 0
  #hidden = new Set()

  connectedCallback() {
    this.setAttribute("role", "list")
    this.setAttribute("aria-label", word("people_found"))
  }

  disconnectedCallback() {
    clearTimeout(this.#timer)
    this.#asked += 1
  }

  /** Shows whom the letters may mean, without those named. */
  find(query, without = []) {
    this.#hidden = new Set([me(), ...without])
    this.#draw(matches(this.#known(), query, 30), "")
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#ask(query), WAIT_MS)
  }

  #known() {
    return people().filter(({ user }) => !this.#hidden.has(user))
  }

  async #ask(query) {
    const asked = ++this.#asked
    try {
      const found = await core.people({ query })
      if (asked !== this.#asked) return
      learn(found)
      this.#draw(matches(this.#known(), query, 30), word("nobody_found"))
    } catch (refusal) {
      if (asked === this.#asked) this.#draw(matches(this.#known(), query, 30), why(refusal))
    }
  }

  #draw(found, none) {
    const items = found.length > 0 || !none ? found.map((person) => ({ key: person.user, person })) : [{ key: "none", none }]
    keyed(this, this.#nodes, items, ({ person }) => (person ? this.#row() : make("p")), (node, { person }) => {
      if (!person) return (node.textContent = none)
      const [face, name, handle] = node.firstChild.children
      face.user = person.user
      say(name, person.display_name || person.name)
      say(handle, `@${person.name}`)
      node.firstChild.onclick = () => this.dispatchEvent(new CustomEvent("chosen", { detail: person }))
    })
  }

  #row() {
    const [row, button] = [make("div"), make("button", { type: "button" })]
    row.setAttribute("role", "listitem")
    button.append(make("person-face"), make("b", { dir: "auto" }), make("span", { dir: "auto" }))
    row.append(button)
    return row
  }
}

customElements.define("people-list", PeopleList)
