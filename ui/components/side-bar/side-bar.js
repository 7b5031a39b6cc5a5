import "../account-menu/account-menu.js"
import "../room-list/room-list.js"
import "../line-icon/line-icon.js"
import { say, sheet } from "../../lib/dom.js"
import { onMac } from "../../lib/keys.js"
import { initials } from "../../lib/faces.js"
import { word } from "../../lib/words.js"
import { account, watch } from "../../state.js"

const shape = sheet(`
  <header><span class="mark" aria-hidden="true"></span><b class="server" dir="auto"></b><account-menu></account-menu></header>
  <button class="jump" type="button" data-label="jump"><span data-word="jump_to"></span><kbd aria-hidden="true"></kbd></button>
  <nav data-label="rooms_and_people"><room-list></room-list></nav>`)

/** <side-bar>   The server's name, my account, the way to jump, and the rooms. */
class SideBar extends HTMLElement {
  #stop

  connectedCallback() {
    this.append(shape())
    say(this.querySelector("kbd"), word(onMac() ? "jump_key_mac" : "jump_key"))
    this.querySelector(".jump").addEventListener("click", () => this.parentNode.querySelector("jump-box").open())
    this.#stop = watch("accounts", () => this.#draw())
  }

  disconnectedCallback() {
    this.#stop()
    this.replaceChildren()
  }

  #draw() {
    const name = account()?.server_name ?? ""
    say(this.querySelector(".server"), name)
    say(this.querySelector(".mark"), initials(name)[0] ?? word("mark"))
  }
}

customElements.define("side-bar", SideBar)
