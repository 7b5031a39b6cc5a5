/** Who may do what, as far as the window offers it (protocol.md §4). The server decides; this spares a refusal. */
const ranks = { member: 1, admin: 2, owner: 3 }

/** Whether a room's member with this role, in this account, is offered an act. */
export function may(act, room, account) {
  const rank = ranks[room.role] ?? 0
  const house = ["owner", "admin"].includes(account?.role)
  if (room.kind === "direct") return act === "leave"
  switch (act) {
    case "leave":
      return rank >= ranks.member
    case "rename":
    case "code":
    case "add":
      return rank >= ranks.admin || (house && room.visibility === "public")
    case "settings":
    case "roles":
      return rank >= ranks.owner || (house && room.visibility === "public")
    case "delete":
      return rank >= ranks.owner || house
    default:
      return false
  }
}

/** Whether I may remove someone of this role. */
export const mayRemove = (role, room, account) =>
  room.kind !== "direct" && ((ranks[room.role] ?? 0) > (ranks[role] ?? 0) || ["owner", "admin"].includes(account?.role))

/** Whether I may write: a channel of others is open to read before one is a member. */
export const mayPost = (room) => !room.gone && (room.kind === "direct" || (ranks[room.role] ?? 0) > 0)

/** Whether I may pin: in a conversation of few anybody, else who keeps order. */
const mayPin = (room, account) => room.kind === "direct" || mayRemove("member", room, account)

/** What may be done to a message. */
export function acts(row, room, account) {
  const mine = row.sender === account?.user
  const there = !row.deleted && row.kind !== "system"
  const said = there && row.seq != null
  return {
    react: said && mayPost(room),
    reply: said && mayPost(room),
    thread: said,
    edit: there && mine && row.state !== "failed",
    copy: there,
    link: said,
    forward: there,
    pin: said && !row.pinned && !room.gone && mayPin(room, account),
    unpin: said && row.pinned && !room.gone && mayPin(room, account),
    history: said && row.edited,
    remove: there && row.seq != null && (mine || mayRemove("member", room, account)),
  }
}
