import { make, say, sheet } from "../../lib/dom.js"

const shape = sheet(`
  <dialog aria-labelledby="confirm-title">
    <div class="inside">
      <h2 id="confirm-title"></h2>
      <p dir="auto"></p>
      <div class="buttons">
        <button class="cancel quiet" type="button" data-word="cancel"></button>
        <button class="act main" type="button"></button>
      </div>
    </div>
  </dialog>`)

/** <confirm-box>   Asks before what cannot be undone; the only thing here that stands in the way. */
class ConfirmBox extends HTMLElement {
  connectedCallback() {
    if (!this.firstChild) this.append(shape())
  }

  disconnectedCallback() {
    this.replaceChildren()
  }

  /** True when the person said yes. */
  ask({ title, text, act }) {
    const dialog = this.querySelector("dialog")
    say(this.querySelector("h2"), title)
    say(this.querySelector("p"), text)
    say(this.querySelector(".act"), act)
    return new Promise((done) => {
      dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true })
      this.querySelector(".act").addEventListener("click", () => dialog.close("yes"))
      this.querySelector(".cancel").addEventListener("click", () => dialog.close("no"))
      dialog.showModal()
    })
  }
}

customElements.define("confirm-box", ConfirmBox)

/** Asks, and answers whether it was agreed to. */
export async function confirmed(question) {
  const box = make("confirm-box")
  document.body.append(box)
  const yes = await box.ask(question)
  box.remove()
  return yes
}
