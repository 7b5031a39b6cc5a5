import "../panel-head/panel-head.js"
import "../search-hit/search-hit.js"
import { core } from "../../core.js"
import { keyed, make, say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { state, watch } from "../../state.js"

const shape = sheet(`
  <panel-head panel="search"></panel-head>
  <form role="search">
    <input type="search" autocomplete="off" dir="auto" data-label="search_messages" data-hint="search_messages">
    <label class="check"><input type="checkbox" name="here"><span data-word="search_here"></span></label>
  </form>
  <div class="inside">
    <p class="said" role="status"></p>
    <ol role="list" data-label="search_results"></ol>
  </div>`)

const WAIT_MS = 150
const LIMIT = 50

/** <search-panel>   Searches what this device holds, while one types; a hit opens its place. */
class SearchPanel extends HTMLElement {
  #nodes = new Map()
  #timer
  #asked = 0
  #room
  #stop

  connectedCallback() {
    this.append(shape())
    this.querySelector("form").addEventListener("submit", (event) => event.preventDefault())
    this.querySelector("form").addEventListener("input", () => this.#later())
    this.#stop = watch("view", () => this.#moved())
    this.#say(word("search_hint"))
    this.querySelector("[type=search]").focus()
  }

  disconnectedCallback() {
    this.#stop()
    clearTimeout(this.#timer)
    this.#asked += 1
    this.replaceChildren()
    this.#nodes.clear()
  }

  #moved() {
    const moved = state.view.room !== this.#room
    this.#room = state.view.room
    this.querySelector(".check").hidden = state.view.page !== "room"
    if (moved && this.querySelector("[name=here]").checked) this.#later()
  }

  #later() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#search(), WAIT_MS)
  }

  async #search() {
    const asked = ++this.#asked
    const query = this.querySelector("[type=search]").value.trim()
    if (!query) return this.#draw([], word("search_hint"))
    const here = this.querySelector("[name=here]").checked && state.view.page === "room"
    try {
      const { items, more } = await core.search({ query, room: here ? this.#room : null, limit: LIMIT })
      if (asked !== this.#asked) return
      this.#draw(items, items.length === 0 ? word("search_none") : word(more ? "search_many" : "search_found", { n: items.length }))
    } catch (refusal) {
      if (asked === this.#asked) this.#draw([], why(refusal))
    }
  }

  #draw(hits, text) {
    const items = hits.map((hit) => ({ key: `${hit.message.room} ${hit.message.id}`, hit }))
    keyed(this.querySelector("ol"), this.#nodes, items, () => make("search-hit"), (node, { hit }) => (node.hit = hit))
    this.#say(text)
  }

  #say(text) {
    say(this.querySelector(".said"), text)
  }
}

customElements.define("search-panel", SearchPanel)
