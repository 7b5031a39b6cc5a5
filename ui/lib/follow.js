/** Links people follow: those of this house open here, those of the web in the system's browser. */
import { core } from "../core.js"
import { tell } from "./dom.js"
import { linkOf, placeOfLink } from "./places.js"
import { visit } from "./visit.js"
import { word } from "./words.js"
import { account, choose, dataOfAccount, state } from "../state.js"

/** The link of a message, or of a room without one. */
export const linkTo = (room, seq = null) => linkOf(account().server, room, seq)

/** Opens what a link names; the core looks at what leaves the window once more. */
export async function follow(url) {
  const place = placeOfLink(url)
  if (!place) return core.openLink({ url })
  const owner = [...state.accounts.values()].find(({ id, server }) => placeOfLink(linkOf(server, 0))?.host === place.host && dataOfAccount(id).rooms.has(place.room))
  if (!owner) return tell(document, "notice", word("link_elsewhere"))
  if (owner.id !== state.account) choose(owner.id)
  visit(place.room, place.seq)
}
