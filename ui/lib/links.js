/** Following `hallway://` links: to a server, into a room, to a message. They lead; whoever follows them acts. */
import { choose, followed, live, room, show, state } from "../state.js"
import { visit } from "./visit.js"

/** The account at this host, the one on the screen first; null where there is none. Pure. */
export function accountAt(accounts, here, host) {
  const at = accounts.filter(({ server, state }) => state !== "thrown_out" && hostOf(server) === host)
  return at.find(({ id }) => id === here) ?? at[0] ?? null
}

const hostOf = (server) => server.replace(/^https?:\/\//, "").replace(/\/.*/s, "")

/**
 * Goes as far as it can with the link that waits, if one does; called again when there is more to know.
 * Answers the name of a sentence to say where it leads nowhere.
 */
export function follow() {
  const { link } = state
  if (!link) return null
  const account = accountAt([...state.accounts.values()], state.account, link.host)
  if (link.to === "invite" || !account) {
    if (state.view.page !== "sign-in") show({ page: "sign-in" })
    return null
  }
  if (account.id !== state.account) choose(account.id)
  return link.to === "join" ? join(link) : enter(link)
}

/** Away from where a link led, to the account on the screen. */
export function turnBack() {
  followed()
  choose(state.account)
}

function join({ code }) {
  followed()
  show({ page: "join", code, panel: null, column: "main" })
  return null
}

/** A room that is not known yet may be so in a moment: until then the link waits. */
function enter({ room: id, seq }) {
  if (room(id)) {
    followed()
    visit(id, seq ?? null)
    return null
  }
  if (!live()) return null
  followed()
  return "link_no_room"
}
