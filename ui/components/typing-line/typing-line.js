import { say, sheet } from "../../lib/dom.js"
import { nameOf } from "../../lib/sentences.js"
import { list, word } from "../../lib/words.js"
import { me, person, typing, watch } from "../../state.js"

const shape = sheet(`<p aria-live="off"></p>`)

/** <typing-line>   Who is writing here now; always as high, so that nothing moves. */
class TypingLine extends HTMLElement {
  #room
  #stop = () => {}

  set room(id) {
    this.#room = id
    this.#stop()
    this.#stop = watch(`typing:${id}`, () => this.#draw())
  }

  connectedCallback() {
    this.append(shape())
  }

  disconnectedCallback() {
    this.#stop()
    this.replaceChildren()
  }

  #draw() {
    const names = typing(this.#room).filter((user) => user !== me()).map((user) => nameOf(person(user)))
    const line = this.querySelector("p")
    if (names.length === 0) say(line, "")
    else if (names.length > 3) say(line, word("typing_many"))
    else say(line, word("typing", { n: names.length, names: list(names) }))
  }
}

customElements.define("typing-line", TypingLine)
