/** The drafts of this window, kept by the core: one for each account and room. */
import { core } from "../core.js"
import { Drafts } from "./drafts.js"
import { state } from "../state.js"

const places = new Map()

export const drafts = new Drafts((place, text) => core.draft({ ...place, text }).catch(() => {}))

/** The account and room a draft belongs to; one object for each, for it is the key. */
export function placeOf(room) {
  const key = `${state.account} ${room}`
  if (!places.has(key)) places.set(key, { account: state.account, room })
  return places.get(key)
}

/** Says a text that stood in a room's box, behind what was saved of it. */
export async function post(place, to, text) {
  await drafts.sent(place)
  return core.send({ ...place, text, reply: to?.seq ?? null, thread: to?.thread ?? null })
}
