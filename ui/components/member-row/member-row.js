import "../line-icon/line-icon.js"
import "../person-face/person-face.js"
import { make, say, sheet, tell } from "../../lib/dom.js"
import { may, mayRemove } from "../../lib/may.js"
import { nameOf, presenceWord, role } from "../../lib/sentences.js"
import { word } from "../../lib/words.js"
import { account, me, person, presence, watch } from "../../state.js"

const shape = sheet(`
  <person-face show-presence></person-face>
  <b dir="auto"></b>
  <span class="about" dir="auto"></span>
  <select hidden></select>
  <button class="icon out" type="button" hidden><line-icon name="person-minus"></line-icon></button>`)
const roles = ["member", "admin", "owner"]

/** <member-row>   One person of a room: who, how they are there, what they may. */
class MemberRow extends HTMLElement {
  #member
  #stops = []

  set member(member) {
    this.#member = member
    if (this.isConnected) this.#draw()
  }

  connectedCallback() {
    this.setAttribute("role", "listitem")
    if (!this.firstChild) this.#build()
    this.#stops = ["presence", `person:${this.#member?.row.user}`].map((key) => watch(key, () => this.#member && this.#draw()))
  }

  disconnectedCallback() {
    this.#stops.forEach((stop) => stop())
  }

  #build() {
    this.append(shape())
    const select = this.querySelector("select")
    select.append(...roles.map((name) => make("option", { value: name, textContent: role(name) })))
    select.addEventListener("change", () => tell(this, "role", { user: this.#member.row.user, role: select.value }))
    this.querySelector(".out").addEventListener("click", () => tell(this, "take-out", { user: this.#member.row.user }))
  }

  #draw() {
    const { row, here } = this.#member
    const one = person(row.user)
    const [name, mine] = [nameOf(one), row.user === me()]
    const [select, out] = [this.querySelector("select"), this.querySelector(".out")]
    this.querySelector("person-face").user = row.user
    say(this.querySelector("b"), mine ? word("name_you", { name }) : name)
    select.hidden = mine || !may("roles", here, account())
    const about = [one ? `@${one.name}` : "", select.hidden && row.role !== "member" ? role(row.role) : "", presenceWord(presence(row.user)), one?.status]
    say(this.querySelector(".about"), about.filter(Boolean).join(" · "))
    select.value = row.role
    select.setAttribute("aria-label", word("role_of", { who: name }))
    out.hidden = mine || !mayRemove(row.role, here, account())
    out.setAttribute("aria-label", word("remove_member_title", { who: name }))
  }
}

customElements.define("member-row", MemberRow)
