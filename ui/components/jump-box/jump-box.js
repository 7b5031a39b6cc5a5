import { keyed, make, say, sheet, tell } from "../../lib/dom.js"
import { places } from "../../lib/jump.js"
import { why } from "../../lib/sentences.js"
import { visit, visitPeople } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { me, people, rooms } from "../../state.js"

const shape = sheet(`
  <div class="box" popover role="dialog" data-label="jump">
    <input type="text" role="combobox" aria-expanded="true" aria-controls="jump-list" aria-autocomplete="list" autocomplete="off" spellcheck="false" dir="auto" data-label="jump" data-hint="jump_hint">
    <div id="jump-list" role="listbox" data-label="jump_results"></div>
    <p class="none" data-word="jump_none"></p>
  </div>`)

const go = ({ room, user }) => (room != null ? visit(room) : visitPeople([user]))

/** <jump-box>   A few letters, and one is in the room or with the person. */
class JumpBox extends HTMLElement {
  #found = []
  #at = 0
  #take = go
  #nodes = new Map()

  connectedCallback() {
    this.append(shape())
    this.#input.addEventListener("input", () => this.#find())
    this.#input.addEventListener("keydown", (event) => this.#key(event))
  }

  disconnectedCallback() {
    this.replaceChildren()
    this.#nodes.clear()
  }

  get #input() {
    return this.querySelector("input")
  }

  get #box() {
    return this.querySelector(".box")
  }

  /** Goes to what is chosen, or hands it to `take`. */
  open({ hint = "jump_hint", take = go } = {}) {
    if (this.#box.matches(":popover-open")) return this.#box.hidePopover()
    this.#take = take
    this.#input.placeholder = word(hint)
    this.#input.setAttribute("aria-label", word(hint === "jump_hint" ? "jump" : hint))
    this.#input.value = ""
    this.#find()
    this.#box.showPopover()
    this.#input.focus()
  }

  #find() {
    this.#found = places(this.#input.value, rooms(), people(), me())
    this.#at = 0
    this.#draw()
  }

  #draw() {
    const items = this.#found.map((place, at) => ({ key: place.key, place, at }))
    keyed(this.querySelector("#jump-list"), this.#nodes, items, () => this.#option(), (node, { place, at }) => {
      node.id = `jump-${at}`
      say(node, place.text)
      node.setAttribute("aria-selected", String(at === this.#at))
      node.onclick = () => this.#go(place)
    })
    this.querySelector(".none").hidden = items.length > 0
    this.#input.setAttribute("aria-activedescendant", items.length > 0 ? `jump-${this.#at}` : "")
  }

  #option() {
    const node = make("div", { dir: "auto" })
    node.setAttribute("role", "option")
    return node
  }

  #key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!by && event.key !== "Enter") return
    event.preventDefault()
    if (this.#found.length === 0) return
    if (!by) return this.#go(this.#found[this.#at])
    this.#at = (this.#at + by + this.#found.length) % this.#found.length
    this.#draw()
  }

  async #go(place) {
    this.#box.hidePopover()
    try {
      await this.#take(place)
    } catch (refusal) {
      tell(this, "notice", why(refusal))
    }
  }
}

customElements.define("jump-box", JumpBox)
