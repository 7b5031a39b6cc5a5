/** Going to a day of a room. */
import { pickDay } from "../components/date-box/date-box.js"
import { core } from "../core.js"
import { tell } from "./dom.js"
import { visit } from "./visit.js"
import { word } from "./words.js"

/** Asks for a day beside `anchor` and goes to its first message, or the first after it. */
export async function goToDay(room, anchor, at) {
  const day = await pickDay(anchor, at)
  if (day == null) return
  const seq = await core.firstSince({ room, at: day })
  if (seq == null) return tell(document, "notice", word("day_empty"))
  visit(room, seq)
}
