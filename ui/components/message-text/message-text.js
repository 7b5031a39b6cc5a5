import { core } from "../../core.js"
import { make, tell } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { pieces } from "../../lib/text.js"
import { word } from "../../lib/words.js"
import { me, person } from "../../state.js"

const makers = {
  text: (piece) => document.createTextNode(piece.text),
  code: ({ text }) => make("code", { textContent: text }),
  pre: ({ text }) => make("pre", { textContent: text, dir: "ltr", tabIndex: 0 }),
  bold: ({ text }) => make("strong", { textContent: text }),
  link: ({ text, url }) => make("a", { textContent: text, href: url, rel: "noreferrer", dir: "ltr" }),
  name: ({ text }, row) => named(text, row),
}

/** A name stands out when the server took it for a mention; mine in the accent. */
function named(text, row) {
  const wanted = text.slice(1).toLocaleLowerCase()
  const user = row.mentions?.find((id) => person(id)?.name.toLocaleLowerCase() === wanted)
  if (user === undefined && !(row.everyone && wanted === "everyone")) return document.createTextNode(text)
  const node = make("span", { textContent: text, className: "mention", dir: "auto" })
  node.toggleAttribute("me", user === undefined || user === me())
  return node
}

/** <message-text>   What someone said: text, links, code. Made of nodes, never of markup. */
class MessageText extends HTMLElement {
  #drawn

  connectedCallback() {
    this.addEventListener("click", this.#open)
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#open)
  }

  set message(row) {
    const plain = row.deleted || row.kind === "system"
    const known = (row.mentions ?? []).map((id) => person(id)?.name).join()
    const drawn = `${plain} ${row.edited} ${known} ${row.text}`
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.dir = plain ? "" : "auto"
    const list = plain ? [{ what: "text", text: row.text }] : pieces(row.text ?? "")
    this.replaceChildren(...list.map((piece) => makers[piece.what](piece, row)))
    if (row.edited && !plain) this.append(" ", make("small", { textContent: word("edited") }))
  }

  /** Links go to the system's browser, which the core asks after looking at them. */
  #open = (event) => {
    const link = event.target.closest("a")
    if (!link) return
    event.preventDefault()
    core.openLink({ url: link.href }).catch((refusal) => tell(this, "notice", why(refusal)))
  }
}

customElements.define("message-text", MessageText)
