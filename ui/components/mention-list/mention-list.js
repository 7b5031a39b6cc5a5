import "../person-face/person-face.js"
import { keyed, make, say, tell } from "../../lib/dom.js"
import { complete, matches, mentionAt } from "../../lib/mentions.js"
import { word } from "../../lib/words.js"
import { people } from "../../state.js"

/** <mention-list>   The people a half-typed @name may mean, above the box; arrows choose, Enter or Tab puts one in. */
class MentionList extends HTMLElement {
  #box
  #found = []
  #at = 0
  #typed = null
  #nodes = new Map()

  /** The box it completes. It listens before the composer does, so a choice is not a message. */
  set box(box) {
    this.#box = box
    box.setAttribute("aria-autocomplete", "list")
    box.setAttribute("aria-controls", this.id)
    for (const name of ["input", "click"]) box.addEventListener(name, () => this.#look())
    box.addEventListener("keydown", (event) => this.#key(event), { capture: true })
    box.addEventListener("blur", () => this.#close())
  }

  connectedCallback() {
    this.id = "mention-list"
    this.hidden = true
    this.setAttribute("role", "listbox")
    this.setAttribute("aria-label", word("mention_list"))
    this.addEventListener("pointerdown", (event) => this.#press(event))
  }

  #look() {
    const caret = this.#box.selectionStart
    this.#typed = caret === this.#box.selectionEnd ? mentionAt(this.#box.value, caret) : null
    this.#found = this.#typed ? matches(people(), this.#typed.query) : []
    this.#at = 0
    this.#draw()
  }

  #draw() {
    this.hidden = this.#found.length === 0
    const items = this.#found.map((person, at) => ({ key: person.user, person, at }))
    keyed(this, this.#nodes, items, () => this.#row(), (node, { person, at }) => {
      node.id = `mention-${at}`
      node.setAttribute("aria-selected", String(at === this.#at))
      node.children[0].user = person.user
      say(node.children[1], person.display_name || person.name)
      say(node.children[2], `@${person.name}`)
    })
    if (this.hidden) this.#box.removeAttribute("aria-activedescendant")
    else this.#box.setAttribute("aria-activedescendant", `mention-${this.#at}`)
  }

  #row() {
    const row = make("div")
    row.setAttribute("role", "option")
    row.append(make("person-face"), make("b", { dir: "auto" }), make("span", { dir: "auto" }))
    return row
  }

  #key(event) {
    if (this.hidden || event.isComposing) return
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by) this.#at = (this.#at + by + this.#found.length) % this.#found.length
    else if (["Enter", "Tab"].includes(event.key)) this.#take(this.#found[this.#at])
    else if (event.key === "Escape") this.#close()
    else return
    event.preventDefault()
    this.#draw()
  }

  #press(event) {
    event.preventDefault()
    const at = [...this.children].indexOf(event.target.closest("[role=option]"))
    if (at >= 0) this.#take(this.#found[at])
  }

  #take(person) {
    const done = complete(this.#box.value, this.#box.selectionStart, this.#typed.from, person.name)
    this.#close()
    tell(this.#box, "mention", done)
    this.#box.dispatchEvent(new Event("input", { bubbles: true }))
  }

  #close() {
    this.#found = []
    this.#draw()
  }
}

customElements.define("mention-list", MentionList)
