/** Completing `@name` and `:emoji` in the composer. Pure. */

/** The name being typed at the caret: where its `@` stands and what follows, or null. */
export function mentionAt(text, caret) {
  const found = /(?:^|[\s(\[{"'])@([\p{L}\p{N}._-]{0,50})$/u.exec(text.slice(0, caret))
  return found && { from: caret - found[1].length - 1, query: found[1] }
}

/** The emoji being typed at the caret, by its name or already whole (`:tea:`), or null. */
export function emojiAt(text, caret) {
  const found = /(?:^|[\s([{"'])(:([a-z0-9_+-]{2,40})(:?))$/u.exec(text.slice(0, caret).toLowerCase())
  return found && { from: caret - found[1].length, query: found[2], whole: found[3] === ":" }
}

/** The word that calls everybody, where it is being typed. */
export const everyone = (query, name = "everyone") => name.startsWith(query.toLocaleLowerCase()) && query.length > 0

/** The people meant by a query, best first: a name that begins with it, then a word of one, then any part. */
export function matches(people, query, most = 8) {
  const wanted = query.toLocaleLowerCase()
  const ranked = people
    .filter((person) => !person.deleted)
    .map((person) => ({ person, rank: rank(person, wanted) }))
    .filter(({ rank }) => rank < 4)
  ranked.sort((a, b) => a.rank - b.rank || a.person.display_name.localeCompare(b.person.display_name))
  return ranked.slice(0, most).map(({ person }) => person)
}

function rank({ name, display_name }, wanted) {
  const texts = [name, display_name].map((text) => text.toLocaleLowerCase())
  if (texts.includes(wanted)) return 0
  if (texts.some((text) => text.startsWith(wanted))) return 1
  if (texts.some((text) => text.split(/[\s._-]+/u).some((part) => part.startsWith(wanted)))) return 2
  return texts.some((text) => text.includes(wanted)) ? 3 : 4
}

/** The text with this put in, and where the caret goes. */
export function complete(text, caret, from, put) {
  const head = `${text.slice(0, from)}${put} `
  return { text: head + text.slice(caret).replace(/^ /, ""), caret: head.length }
}
