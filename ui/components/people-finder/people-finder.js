import "../page-head/page-head.js"
import "../people-list/people-list.js"
import "../status-bars/status-bars.js"
import { keyed, make, say, sheet } from "../../lib/dom.js"
import { DIRECT } from "../../lib/limits.js"
import { nameOf, why } from "../../lib/sentences.js"
import { visitPeople } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { me, person } from "../../state.js"

const shape = sheet(`
  <page-head page="write_to"></page-head>
  <status-bars></status-bars>
  <form class="sheet">
    <label><span data-word="find_people"></span><input type="search" autocomplete="off" dir="auto" data-hint="name_hint"></label>
    <ul class="chosen" role="list" data-label="people_chosen"></ul>
    <p class="wrong" role="status"></p>
    <div><button class="main" type="submit" data-word="start_writing"></button></div>
    <people-list></people-list>
  </form>`)

/** <people-finder>   Chooses one or a few people and opens the room of exactly these. */
class PeopleFinder extends HTMLElement {
  #chosen = []
  #nodes = new Map()

  connectedCallback() {
    this.append(shape())
    this.querySelector("form.sheet").addEventListener("submit", (event) => this.#start(event))
    this.querySelector(".sheet input").addEventListener("input", () => this.#find())
    this.querySelector("people-list").addEventListener("chosen", ({ detail }) => this.#add(detail.user))
    this.#draw()
    this.querySelector(".sheet input").focus()
  }

  disconnectedCallback() {
    this.replaceChildren()
    this.#nodes.clear()
  }

  #find() {
    this.querySelector("people-list").find(this.querySelector(".sheet input").value.trim(), this.#chosen)
  }

  #add(user) {
    if (this.#chosen.length === DIRECT) return this.#say(word("people_most", { n: DIRECT }))
    this.#chosen.push(user)
    this.querySelector(".sheet input").value = ""
    this.#draw()
    this.querySelector(".sheet input").focus()
  }

  #draw() {
    const items = this.#chosen.map((user) => ({ key: user }))
    keyed(this.querySelector(".chosen"), this.#nodes, items, () => this.#chip(), (node, { key }) => {
      const name = nameOf(person(key))
      say(node.firstChild, `${name} ×`)
      node.firstChild.setAttribute("aria-label", word("take_back", { name }))
      node.firstChild.onclick = () => this.#drop(key)
    })
    this.querySelector(".sheet .main").disabled = this.#chosen.length === 0
    this.#say("")
    this.#find()
  }

  #chip() {
    const node = make("li")
    node.append(make("button", { type: "button", className: "quiet", dir: "auto" }))
    return node
  }

  #drop(user) {
    this.#chosen = this.#chosen.filter((id) => id !== user && id !== me())
    this.#draw()
  }

  #say(text) {
    say(this.querySelector(".sheet .wrong"), text)
  }

  async #start(event) {
    event.preventDefault()
    try {
      await visitPeople(this.#chosen)
    } catch (refusal) {
      this.#say(why(refusal))
    }
  }
}

customElements.define("people-finder", PeopleFinder)
