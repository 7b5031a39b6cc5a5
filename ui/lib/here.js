/**
 * Tells the core where the person is: which room is in front of them (so that no notice comes for it),
 * whether they are at the keyboard, and whose presence they can see.
 */
import { core } from "../core.js"
import { WATCH } from "./limits.js"
import { present, whenPresent } from "./present.js"
import { me, rooms, state, watch } from "../state.js"

/** Away after this long without a key or a move; the room counts as left after half a minute without focus. */
const IDLE_MS = 5 * 60_000
const LOOK_MS = 30_000

export class Here {
  #stops = []
  #idle
  #looks
  #said = {}
  #move = () => this.#moved()

  start() {
    const look = () => this.#focus()
    for (const name of ["pointermove", "keydown", "focus"]) addEventListener(name, this.#move, { passive: true })
    this.#looks = setInterval(look, LOOK_MS)
    this.#stops = [whenPresent(look), watch("view", look), watch("rooms", () => this.#people()), watch("watched", () => this.#people())]
    this.#moved()
  }

  stop() {
    for (const name of ["pointermove", "keydown", "focus"]) removeEventListener(name, this.#move)
    this.#stops.forEach((stop) => stop())
    clearInterval(this.#looks)
    clearTimeout(this.#idle)
  }

  #focus() {
    const { page, room } = state.view
    this.#say("focus", { rooms: page === "room" && present() ? [room] : [] })
  }

  #people() {
    const users = new Set([...rooms().flatMap(({ people }) => people ?? []), ...state.watched])
    users.delete(me())
    this.#say("watch", { users: [...users].slice(0, WATCH) })
  }

  #moved() {
    clearTimeout(this.#idle)
    this.#say("presence", { state: "online" })
    this.#idle = setTimeout(() => this.#say("presence", { state: "away" }), IDLE_MS)
  }

  /** The same twice is said once; the core says it again by itself when the link is back. */
  #say(what, args) {
    const text = `${state.account} ${JSON.stringify(args)}`
    if (state.account == null || this.#said[what] === text) return
    this.#said[what] = text
    core[what](args).catch(() => (this.#said[what] = ""))
  }
}
