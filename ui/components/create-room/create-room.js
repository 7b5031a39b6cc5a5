import "../page-head/page-head.js"
import "../status-bars/status-bars.js"
import { core } from "../../core.js"
import { say, sheet } from "../../lib/dom.js"
import { why } from "../../lib/sentences.js"
import { visitNew } from "../../lib/visit.js"
import { word } from "../../lib/words.js"

const shape = sheet(`
  <page-head page="create_room"></page-head>
  <status-bars></status-bars>
  <form class="sheet" novalidate>
    <label><span data-word="room_name"></span><input name="name" maxlength="80" autocomplete="off" dir="auto" required></label>
    <label><span data-word="topic"></span><input name="topic" maxlength="250" autocomplete="off" dir="auto" data-hint="topic_hint"></label>
    <fieldset>
      <legend data-word="who_enters"></legend>
      <label class="check"><input type="radio" name="door" value="public" checked><span data-word="door_public_choice"></span></label>
      <label class="check"><input type="radio" name="door" value="private"><span data-word="door_private_choice"></span></label>
    </fieldset>
    <p class="wrong" role="alert"></p>
    <div><button class="main" type="submit" data-word="create"></button></div>
  </form>`)

/** <create-room>   Makes a room: its name, its topic, who may enter. */
class CreateRoom extends HTMLElement {
  connectedCallback() {
    this.append(shape())
    this.querySelector("form.sheet").addEventListener("submit", (event) => this.#create(event))
    this.querySelector("[name=name]").focus()
  }

  disconnectedCallback() {
    this.replaceChildren()
  }

  async #create(event) {
    event.preventDefault()
    const { name, topic, door } = this.querySelector("form.sheet").elements
    const wrong = this.querySelector(".sheet .wrong")
    if (!name.value.trim()) {
      say(wrong, word("fill_in", { field: word("room_name") }))
      return name.focus()
    }
    say(wrong, "")
    const kind = door.value === "public" ? "channel" : "group"
    try {
      visitNew(await core.create({ kind, name: name.value.trim(), topic: topic.value.trim(), visibility: door.value }))
    } catch (refusal) {
      say(wrong, why(refusal))
    }
  }
}

customElements.define("create-room", CreateRoom)
