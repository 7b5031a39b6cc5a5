/** The room list: its order, its sections, what a row says about unread. Pure. */

/** Rooms first wanted first: favourites, then by the last message, then by name. */
export function ordered(rooms) {
  return [...rooms].sort(
    (a, b) => Number(Boolean(b.favourite)) - Number(Boolean(a.favourite)) || (b.last_at ?? 0) - (a.last_at ?? 0) || a.name.localeCompare(b.name),
  )
}

/** While someone points at the list it keeps the order it had; new rooms go to the end, gone ones go. */
export function held(rooms, order) {
  const place = new Map(order.map((id, at) => [id, at]))
  const last = order.length
  return ordered(rooms).sort((a, b) => (place.get(a.room) ?? last) - (place.get(b.room) ?? last))
}

/** Rooms and people. */
export const sections = (rooms) => ({
  rooms: rooms.filter(({ kind }) => kind !== "direct"),
  people: rooms.filter(({ kind }) => kind === "direct"),
})

/** What a row says: `weight` for unread, a `count`, `warm` only when it concerns me. */
export function badge(room, now = Date.now()) {
  const quiet = room.notify === "none" || (room.muted_until ?? 0) > now
  const warm = room.mentions > 0 && !quiet
  const count = warm ? room.mentions : room.unread
  return {
    warm,
    weight: warm || room.unread_mark || (room.unread > 0 && !quiet),
    count: count > 99 ? "99+" : count > 0 ? String(count) : "",
  }
}

/** The room a step away in the list, or the next one with unread messages; from nowhere, the first. */
export function stepped(rooms, current, step, unread = false) {
  const list = unread ? rooms.filter((room) => room.room === current || badge(room).weight) : rooms
  if (list.length === 0) return null
  const at = list.findIndex((room) => room.room === current)
  if (at < 0) return list[step > 0 ? 0 : list.length - 1].room
  return list[(at + step + list.length) % list.length].room
}

/** The sum that concerns me, for the window's title. */
export const concerns = (rooms) => rooms.reduce((sum, room) => sum + (badge(room).warm ? room.mentions : 0), 0)

/** The room as it is written: `# kitchen`, a person as the name alone. */
export const title = (room) => (room.kind === "direct" ? room.name : `# ${room.name}`)
