/** Texts in short: hits in what was found, lengths, excerpts. Pure. */

/** A short text with its hits: `ranges` count characters (Unicode scalar values); cut around the first hit. */
export function highlighted(text, ranges, around = 80) {
  const signs = [...text]
  const start = Math.max(0, (ranges[0]?.[0] ?? 0) - around)
  const end = Math.min(signs.length, start + 3 * around)
  const parts = start > 0 ? [{ text: "…", hit: false }] : []
  let at = start
  for (const [from, to] of ranges) {
    if (from < at || from >= end) continue
    parts.push({ text: signs.slice(at, from).join(""), hit: false })
    parts.push({ text: signs.slice(from, Math.min(to, end)).join(""), hit: true })
    at = Math.min(to, end)
  }
  parts.push({ text: signs.slice(at, end).join(""), hit: false })
  if (end < signs.length) parts.push({ text: "…", hit: false })
  return parts.filter((part) => part.text)
}

/** Characters as the wire counts them. */
export const length = (text) => [...text].length

/** The beginning of a text, in one line, for where it is only mentioned. */
export function excerpt(text, most = 120) {
  const signs = [...text.replace(/\s+/gu, " ").trim()]
  return signs.length > most ? `${signs.slice(0, most).join("").trimEnd()}…` : signs.join("")
}
