/** What messages ask for, wherever they stand: in the conversation, in a thread, among the pins. */
import { historyOf } from "../components/edit-history/edit-history.js"
import { confirmed } from "../components/confirm-box/confirm-box.js"
import { core } from "../core.js"
import { copy } from "./copy.js"
import { tell } from "./dom.js"
import { linkTo } from "./follow.js"
import { forwarded } from "./places.js"
import { nameOf, why } from "./sentences.js"
import { openThread } from "./visit.js"
import { word } from "./words.js"
import { person } from "../state.js"

/** A confirmed message by its number, another by its key. */
const which = (row) => ({ room: row.room, ...(row.seq == null ? { key: row.key } : { seq: row.seq }) })

const acts = {
  "copy-text": (row) => copy(row.text),
  link: (row) => copy(linkTo(row.room, row.seq)),
  thread: (row) => openThread(row.room, row.thread ?? row.seq),
  forward: (row) => forward(row),
  pin: (row) => core.pin({ room: row.room, seq: row.seq, on: true }),
  unpin: (row) => core.pin({ room: row.room, seq: row.seq, on: false }),
  history: (row) => historyOf(row),
  retry: ({ key, change }) => core.retry({ key: change ?? key }),
  discard: ({ key, change }) => core.discard({ key: change ?? key }),
  remove: (row) => remove(row),
}

async function remove(row) {
  const who = nameOf(person(row.sender))
  const question = { title: word("delete_title"), text: word("delete_text", { who }), act: word("delete_message") }
  if (await confirmed(question)) await core.remove(which(row))
}

/** To a room of one's choice; it goes through the outbox like whatever one says. */
function forward(row) {
  const text = row.seq == null ? row.text : forwarded(row.text, nameOf(person(row.sender)), linkTo(row.room, row.seq))
  const take = async ({ room, user }) => {
    const to = room ?? (await core.direct({ users: [user] })).room
    await core.send({ room: to, text, reply: null, thread: null })
    tell(document, "notice", word("forwarded"))
  }
  document.querySelector("jump-box").open({ hint: "forward_to", take })
}

/** Does what messages inside `node` ask for, and what else its owner does; a refusal is said. */
export function serve(node, more = {}) {
  for (const [name, work] of Object.entries({ ...acts, react, ...more })) {
    node.addEventListener(name, async (event) => {
      const item = event.target.closest("message-item")
      try {
        await work(event.detail ?? item?.row, item, event.target)
      } catch (refusal) {
        tell(node, "notice", why(refusal))
      }
    })
  }
}

const react = ({ seq, emoji, on }, item) => core.react({ room: item.room, seq, emoji, on })
