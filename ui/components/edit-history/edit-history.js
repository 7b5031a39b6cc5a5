import { core } from "../../core.js"
import { make, say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { since } from "../../lib/time.js"

const shape = sheet(`
  <dialog aria-labelledby="history-title">
    <div class="inside">
      <h2 id="history-title" data-word="edit_history"></h2>
      <ol role="list"></ol>
      <p class="wrong" role="alert"></p>
      <div class="buttons"><button class="done quiet" type="button" data-word="close"></button></div>
    </div>
  </dialog>`)

/** <edit-history>   What a message said before it was changed, oldest first, and what it says now. */
class EditHistory extends HTMLElement {
  connectedCallback() {
    if (!this.firstChild) this.append(shape())
    this.querySelector("dialog").addEventListener("close", () => this.remove())
    this.querySelector(".done").addEventListener("click", () => this.querySelector("dialog").close())
  }

  disconnectedCallback() {
    this.replaceChildren()
  }

  async show(row) {
    this.querySelector("dialog").showModal()
    this.#draw([{ text: row.text, at: null }])
    try {
      const edits = await core.edits({ room: row.room, seq: row.seq })
      if (this.isConnected) this.#draw([...edits, { text: row.text, at: null }])
    } catch (refusal) {
      if (this.isConnected) say(this.querySelector(".wrong"), why(refusal))
    }
  }

  #draw(texts) {
    this.querySelector("ol").replaceChildren(...texts.map(({ text, at }) => this.#text(text, at)))
  }

  #text(text, at) {
    const item = make("li")
    if (at != null) item.append(make("time", { textContent: since(at), dateTime: new Date(at).toISOString() }))
    item.append(make("p", { textContent: text, dir: "auto" }))
    return item
  }
}

customElements.define("edit-history", EditHistory)

/** Shows what a message said before. */
export function historyOf(row) {
  const box = make("edit-history")
  document.body.append(box)
  return box.show(row)
}
