import "../panel-head/panel-head.js"
import { confirmed } from "../confirm-box/confirm-box.js"
import { core } from "../../core.js"
import { copy } from "../../lib/copy.js"
import { say, sheet } from "../../lib/dom.js"
import { goToDay } from "../../lib/days.js"
import { may } from "../../lib/may.js"
import { why } from "../../lib/sentences.js"
import { title } from "../../lib/rooms.js"
import { word } from "../../lib/words.js"
import { account, room, state, watch } from "../../state.js"

const shape = sheet(`
  <panel-head panel="room_details"></panel-head>
  <div class="inside">
    <form class="names">
      <label><span data-word="room_name"></span><input name="name" maxlength="80" dir="auto" autocomplete="off" required></label>
      <label><span data-word="topic"></span><textarea name="topic" rows="3" maxlength="250" dir="auto"></textarea></label>
      <button class="main" type="submit" data-word="save"></button>
    </form>
    <p class="door"></p>
    <section class="mine">
      <label class="favourite"><input name="favourite" type="checkbox"><span data-word="favourite"></span></label>
      <label><span data-word="notify"></span><select name="notify">
        <option value="all" data-word="notify_all"></option><option value="mentions" data-word="notify_mentions"></option><option value="none" data-word="notify_none"></option>
      </select></label>
      <button class="day quiet" type="button" data-word="go_to_day"></button>
      <button class="unread quiet" type="button" data-word="mark_unread"></button>
    </section>
    <section class="code">
      <p data-word="code_text"></p>
      <p class="shown" hidden><code dir="ltr"></code><button class="copy quiet" type="button" data-word="copy"></button></p>
      <button class="make quiet" type="button" data-word="show_code"></button>
    </section>
    <p class="wrong" role="alert"></p>
    <div class="ends">
      <button class="leave quiet" type="button" data-word="leave_room"></button>
      <button class="delete quiet" type="button" data-word="delete_room"></button>
    </div>
  </div>`)

/** <room-details>   Name, topic, what I want of the room, the way in by code, leaving and deleting, as far as one may. */
class RoomDetails extends HTMLElement {
  #room
  #stops = []
  #feed = () => {}

  connectedCallback() {
    this.append(shape())
    this.querySelector("form").addEventListener("submit", (event) => this.#save(event))
    this.querySelector(".make").addEventListener("click", () => this.#do(() => this.#code()))
    this.querySelector(".copy").addEventListener("click", () => copy(this.querySelector("code").textContent))
    this.querySelector(".favourite input").addEventListener("change", ({ target }) => this.#keep({ favourite: target.checked }))
    this.querySelector("select").addEventListener("change", ({ target }) => this.#keep({ notify: target.value }))
    this.querySelector(".day").addEventListener("click", ({ currentTarget }) => this.#do(() => goToDay(this.#room, currentTarget)))
    this.querySelector(".unread").addEventListener("click", () => this.#keep({ unread_mark: true }))
    this.querySelector(".leave").addEventListener("click", () => this.#do(() => this.#leave()))
    this.querySelector(".delete").addEventListener("click", () => this.#do(() => this.#delete()))
    this.#stops = [watch("view", () => this.#enter())]
  }

  disconnectedCallback() {
    for (const stop of [...this.#stops, this.#feed]) stop()
    this.replaceChildren()
  }

  #enter() {
    if (state.view.room === this.#room) return
    this.#feed()
    this.#room = state.view.room
    this.querySelector(".shown").hidden = true
    this.#feed = watch(`room:${this.#room}`, () => this.#draw())
  }

  #draw() {
    const row = room(this.#room)
    if (!row) return
    const { elements } = this.querySelector("form")
    const rename = may("rename", row, account())
    for (const name of ["name", "topic"]) {
      elements[name].readOnly = !rename
      if (document.activeElement !== elements[name]) elements[name].value = row[name] ?? ""
    }
    const direct = row.kind === "direct"
    this.querySelector(".names").hidden = direct
    this.querySelector(".names .main").hidden = !rename
    say(this.querySelector(".door"), direct ? word("door_direct") : word(row.visibility === "public" ? "door_public" : "door_private"))
    this.querySelector(".favourite input").checked = row.favourite
    this.querySelector("select").value = row.notify
    this.querySelector(".unread").disabled = row.unread_mark || row.unread > 0
    this.querySelector(".code").hidden = !may("code", row, account())
    say(this.querySelector(".leave"), word(direct ? "hide_room" : "leave_room"))
    this.querySelector(".delete").hidden = !may("delete", row, account())
  }

  #save(event) {
    event.preventDefault()
    const { name, topic } = this.querySelector("form").elements
    document.activeElement.blur()
    this.#do(() => core.updateRoom({ room: this.#room, name: name.value.trim(), topic: topic.value.trim() }))
  }

  #keep(patch) {
    this.#do(() => core.mine({ room: this.#room, ...patch }))
  }

  async #code() {
    const { code } = await core.roomCode({ room: this.#room })
    say(this.querySelector("code"), code)
    this.querySelector(".shown").hidden = false
  }

  async #leave() {
    const row = room(this.#room)
    const text = word(row.kind === "direct" ? "hide_room_text" : row.visibility === "public" ? "leave_public_text" : "leave_private_text")
    const act = word(row.kind === "direct" ? "hide_room" : "leave")
    if (await confirmed({ title: word("leave_title", { room: title(row) }), text, act })) await core.leave({ room: this.#room })
  }

  async #delete() {
    const question = { title: word("delete_room_title", { room: title(room(this.#room)) }), text: word("delete_room_text"), act: word("delete_room") }
    if (await confirmed(question)) await core.deleteRoom({ room: this.#room })
  }

  async #do(work) {
    const wrong = this.querySelector(".wrong")
    say(wrong, "")
    try {
      await work()
    } catch (refusal) {
      say(wrong, why(refusal))
    }
  }
}

customElements.define("room-details", RoomDetails)
