import { make, tell } from "../../lib/dom.js"
import { follow } from "../../lib/follow.js"
import { nodes, reveal } from "../../lib/pieces.js"
import { why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { me, person } from "../../state.js"

/** A name stands out when the server took it for a mention; mine in the accent. */
function named(row, text) {
  const wanted = text.slice(1).toLocaleLowerCase()
  const user = row.mentions?.find((id) => person(id)?.name.toLocaleLowerCase() === wanted)
  if (user === undefined && !(row.everyone && wanted === "everyone")) return document.createTextNode(text)
  const node = make("span", { textContent: text, className: "mention", dir: "auto" })
  node.toggleAttribute("me", user === undefined || user === me())
  return node
}

/** <message-text>   What someone said: the core's tree, as nodes and never as markup. */
class MessageText extends HTMLElement {
  #drawn

  connectedCallback() {
    this.addEventListener("click", this.#press)
    this.addEventListener("keydown", this.#key)
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#press)
    this.removeEventListener("keydown", this.#key)
  }

  set message(row) {
    const plain = row.deleted || row.kind === "system" || !row.body
    const known = (row.mentions ?? []).map((id) => person(id)?.name).join()
    const drawn = `${plain} ${row.edited} ${known} ${row.text}`
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.dir = plain ? "" : "auto"
    this.replaceChildren(...(plain ? [row.text ?? ""] : nodes(row.body, (text) => named(row, text))))
    if (row.edited && !plain) this.#edited()
  }

  /** Behind the last word; below a block. */
  #edited() {
    const last = this.lastElementChild
    const place = last?.localName === "p" && last === this.lastChild ? last : this
    const button = make("button", { type: "button", className: "edited", textContent: word("edited"), title: word("edit_history") })
    button.addEventListener("click", () => tell(this, "history"))
    place.append(" ", button)
  }

  #press = (event) => {
    const hidden = event.target.closest(".spoiler:not([open])")
    const link = event.target.closest("a")
    if (link) event.preventDefault()
    if (hidden) reveal(hidden)
    else if (link) follow(link.href).catch((refusal) => tell(this, "notice", why(refusal)))
  }

  #key = (event) => {
    const hidden = ["Enter", " "].includes(event.key) && event.target.closest(".spoiler:not([open])")
    if (!hidden) return
    event.preventDefault()
    reveal(hidden)
  }
}

customElements.define("message-text", MessageText)
