import "../panel-head/panel-head.js"
import "../text-box/text-box.js"
import { core } from "../../core.js"
import { serve } from "../../lib/acts.js"
import { sheet, tell } from "../../lib/dom.js"
import { Listed } from "../../lib/listed.js"
import { mayPost } from "../../lib/may.js"
import { why } from "../../lib/sentences.js"
import { ofThread } from "../../lib/threads.js"
import { Typing } from "../../lib/typing.js"
import { visit } from "../../lib/visit.js"
import { word } from "../../lib/words.js"
import { room, show, state, watch } from "../../state.js"

const shape = sheet(`
  <panel-head panel="thread"></panel-head>
  <div class="inside"><div class="rows" role="log" data-label="thread"></div><p class="wrong" role="status"></p></div>
  <text-box></text-box>`)

/** <thread-panel>   A message and what was answered in its thread, beside the room; and a box to answer in. */
class ThreadPanel extends HTMLElement {
  #room
  #root
  #listed
  #typing = new Typing()
  #stops = []

  connectedCallback() {
    this.append(shape())
    this.#listed = new Listed(this.querySelector(".rows"), this.querySelector(".wrong"), word("thread_gone"))
    this.#listed.grew = () => (this.querySelector(".inside").scrollTop = this.querySelector(".inside").scrollHeight)
    serve(this, {
      reply: () => this.#box.focus(),
      edit: (row) => this.#edit(row),
      jump: (seq) => visit(this.#room, seq),
    })
    this.#box.addEventListener("enter", ({ detail }) => this.#send(detail))
    this.#box.addEventListener("written", ({ detail }) => detail && this.#typing.pressed(this.#room))
    this.#stops = [watch("view", () => this.#enter()), watch("rooms", () => this.#door())]
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
    this.#listed.close()
    this.replaceChildren()
  }

  get #box() {
    return this.querySelector("text-box")
  }

  #enter() {
    const { room, thread } = state.view
    if (thread === this.#root && room === this.#room) return
    this.#room = room
    this.#root = thread
    this.#box.put("")
    this.#box.label(word("reply_in_thread"), word("reply"))
    this.#listed.open(room, () => core.thread({ room, seq: thread }), ofThread(thread))
    this.#door()
    if (!this.#box.hidden) this.#box.focus()
  }

  #door() {
    this.#box.hidden = !mayPost(room(this.#room) ?? { gone: true })
  }

  /** In the room's own box, which stands beside. */
  #edit(row) {
    if (matchMedia("(max-width: 1000px)").matches) show({ panel: null, column: "main" })
    document.querySelector("message-composer").edit(row)
  }

  async #send(text) {
    const [room, thread] = [this.#room, this.#root]
    this.#typing.over()
    this.#box.put("")
    try {
      await core.send({ room, text, reply: null, thread })
    } catch (refusal) {
      if (thread === this.#root) this.#box.put(text)
      tell(this, "notice", why(refusal))
    }
  }
}

customElements.define("thread-panel", ThreadPanel)
