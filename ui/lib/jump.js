/** The places a few letters may mean: rooms, then people one has no room with yet. Pure. */
import { title } from "./rooms.js"

/** `{key, room?, user?, text}`, best first. Without letters: where there was talk last. */
export function places(query, rooms, people, me, most = 9) {
  const wanted = query.trim().replace(/^[#@]\s*/, "").toLocaleLowerCase()
  const known = new Set(rooms.filter(({ kind, people }) => kind === "direct" && people.length === 1).map(({ people }) => people[0]))
  const list = [
    ...rooms.map((room) => ({ key: `room:${room.room}`, room: room.room, text: title(room), names: [room.name], at: room.last_at ?? 0 })),
    ...people
      .filter((person) => person.user !== me && !person.deleted && !known.has(person.user))
      .map(({ user, name, display_name }) => ({ key: `user:${user}`, user, text: display_name, names: [display_name, name], at: -1 })),
  ]
  const ranked = list.map((place) => ({ ...place, rank: Math.min(...place.names.map((name) => rank(name, wanted))) }))
  return ranked
    .filter(({ rank, user }) => rank < 4 && (wanted || !user))
    .sort((a, b) => a.rank - b.rank || b.at - a.at || a.text.localeCompare(b.text))
    .slice(0, most)
}

/** 0 the name, 1 its beginning, 2 a word's beginning, 3 its letters in order, 4 none of it. */
function rank(name, wanted) {
  const text = name.toLocaleLowerCase()
  if (text === wanted) return 0
  if (text.startsWith(wanted)) return 1
  if (text.split(/[\s._-]+/u).some((part) => part.startsWith(wanted))) return 2
  let at = -1
  const inOrder = [...wanted].every((sign) => (at = text.indexOf(sign, at + 1)) >= 0)
  return inOrder ? 3 : 4
}
