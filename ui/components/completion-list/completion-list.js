import "../person-face/person-face.js"
import { keyed, make, say, tell } from "../../lib/dom.js"
import { chose, emoji, found } from "../../lib/emoji.js"
import { complete, emojiAt, everyone, matches, mentionAt } from "../../lib/mentions.js"
import { word } from "../../lib/words.js"
import { people, room, state } from "../../state.js"

const MOST = 8
let made = 0

/** The people a name may mean, and the word for all of them where there are more than two. */
function persons(query) {
  const list = matches(people(), query, MOST).map((person) => ({
    key: `user:${person.user}`, user: person.user, label: person.display_name || person.name, name: `@${person.name}`, put: `@${person.name}`,
  }))
  const many = room(state.view.room)?.kind !== "direct"
  if (many && everyone(query)) list.push({ key: "everyone", sign: "＠", label: word("everyone"), name: "@everyone", put: "@everyone" })
  return list.slice(0, MOST)
}

const signs = (list) => list.map(({ sign, label, names }) => ({ key: sign, sign, label, name: `:${names[0] ?? ""}:`, put: sign }))

/** <completion-list>   What a half-typed @name or :emoji may mean, above the box; arrows choose, Enter or Tab puts one in. */
class CompletionList extends HTMLElement {
  #box
  #found = []
  #at = 0
  #typed = null
  #nodes = new Map()

  /** The box it completes. It listens before the composer does, so a choice is not a message. */
  set box(box) {
    this.#box = box
    this.id = `completion-${++made}`
    box.setAttribute("aria-autocomplete", "list")
    box.setAttribute("aria-controls", this.id)
    for (const name of ["input", "click"]) box.addEventListener(name, () => this.#look())
    box.addEventListener("keydown", (event) => this.#key(event), { capture: true })
    box.addEventListener("blur", () => this.#close())
  }

  connectedCallback() {
    this.hidden = true
    this.setAttribute("role", "listbox")
    this.setAttribute("aria-label", word("mention_list"))
    this.addEventListener("pointerdown", (event) => this.#press(event))
  }

  #look() {
    const { value, selectionStart: caret, selectionEnd } = this.#box
    const name = caret === selectionEnd ? mentionAt(value, caret) : null
    const sign = caret === selectionEnd && !name ? emojiAt(value, caret) : null
    this.#typed = name ?? sign
    this.#show(name ? persons(name.query) : [])
    if (sign) this.#signs(sign)
  }

  /** The list of emoji may still be on its way; what was typed meanwhile asks anew. */
  async #signs(typed) {
    const all = await emoji().catch(() => null)
    if (!all || typed !== this.#typed) return
    const list = found(all.emoji, typed.query, MOST)
    const whole = typed.whole && list.find(({ names }) => names.includes(typed.query))
    if (whole) this.#take(signs([whole])[0])
    else this.#show(typed.whole ? [] : signs(list))
  }

  #show(list) {
    this.#found = list
    this.#at = 0
    this.#draw()
  }

  #draw() {
    this.hidden = this.#found.length === 0
    const items = this.#found.map((one, at) => ({ ...one, at }))
    keyed(this, this.#nodes, items, (item) => this.#row(item), (node, { at, user, sign, label, name }) => {
      node.id = `${this.id}-${at}`
      node.setAttribute("aria-selected", String(at === this.#at))
      if (user != null) node.children[0].user = user
      else say(node.children[0], sign)
      say(node.children[1], label)
      say(node.children[2], name)
    })
    if (this.hidden) this.#box.removeAttribute("aria-activedescendant")
    else this.#box.setAttribute("aria-activedescendant", `${this.id}-${this.#at}`)
  }

  #row({ user }) {
    const row = make("div")
    row.setAttribute("role", "option")
    const first = user != null ? make("person-face") : make("span", { className: "sign" })
    row.append(first, make("b", { dir: "auto" }), make("span", { dir: "auto", className: "name" }))
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

  #take({ put, sign, key }) {
    const done = complete(this.#box.value, this.#box.selectionStart, this.#typed.from, put)
    this.#close()
    if (sign && key !== "everyone") chose(sign)
    tell(this.#box, "completed", done)
    this.#box.dispatchEvent(new Event("input", { bubbles: true }))
  }

  #close() {
    this.#typed = null
    this.#show([])
  }
}

customElements.define("completion-list", CompletionList)
