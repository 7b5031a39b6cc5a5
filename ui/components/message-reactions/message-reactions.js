import { keyed, make, say, tell } from "../../lib/dom.js"
import { mayPost } from "../../lib/may.js"
import { nameOf } from "../../lib/sentences.js"
import { list, number, word } from "../../lib/words.js"
import { me, person, room, state } from "../../state.js"

/** <message-reactions>   Emoji with their counts; pressing one adds or takes back mine. */
class MessageReactions extends HTMLElement {
  #nodes = new Map()

  connectedCallback() {
    this.setAttribute("role", "group")
    this.setAttribute("aria-label", word("reactions"))
  }

  set row({ seq, reactions }) {
    const items = reactions.map((reaction) => ({ key: reaction.emoji, ...reaction }))
    keyed(this, this.#nodes, items, () => this.#button(), (node, item) => this.#draw(node, seq, item))
  }

  #button() {
    const button = make("button", { type: "button" })
    button.append(make("span", { className: "emoji" }), make("span", { className: "count" }))
    return button
  }

  #draw(button, seq, { emoji, users, mine }) {
    const on = mine ?? users.includes(me())
    const names = users.slice(0, 12).map((user) => nameOf(person(user)))
    say(button.firstChild, emoji)
    say(button.lastChild, number(users.length))
    button.title = list(names)
    button.setAttribute("aria-pressed", String(Boolean(on)))
    button.setAttribute("aria-label", word("reaction", { n: users.length, emoji }))
    button.disabled = !mayPost(room(state.view.room) ?? { kind: "direct" })
    button.onclick = () => tell(this, "react", { seq, emoji, on: !on })
  }
}

customElements.define("message-reactions", MessageReactions)
