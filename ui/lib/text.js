/**
 * What a message's text is made of: plain words, links, code, bold, names. Pure; the tree of whole Markdown
 * comes from the core one day, this finds the little that people write in passing. Nothing is ever lost:
 * what is not understood stays text.
 */

const rules = [
  { what: "pre", find: /```(?:[a-z0-9+-]*\n)?([\s\S]+?)\n?```/y },
  { what: "code", find: /`([^`\n]+)`/y },
  { what: "bold", find: /\*\*(?=\S)([^*\n]*[^*\s])\*\*/y },
  { what: "link", find: /(?:https?:\/\/|mailto:)[^\s<>"'`\u0000-\u001f]+/iy },
  { what: "name", find: /@[\p{L}\p{N}._-]{1,50}/uy },
]
const starts = /[`*@]|https?:\/\/|mailto:/giu

/** The pieces of a text: `{what: "text"|"pre"|"code"|"bold"|"link"|"name", text}`, a link with its `url`. */
export function pieces(text) {
  const found = []
  let from = 0
  for (let at = next(text, 0); at < text.length; at = next(text, at)) {
    const piece = pieceAt(text, at)
    if (!piece) {
      at += 1
      continue
    }
    if (at > from) found.push({ what: "text", text: text.slice(from, at) })
    found.push(piece.made)
    from = at = piece.end
  }
  if (from < text.length) found.push({ what: "text", text: text.slice(from) })
  return found
}

function next(text, at) {
  starts.lastIndex = at
  return starts.exec(text)?.index ?? text.length
}

function pieceAt(text, at) {
  for (const { what, find } of rules) {
    find.lastIndex = at
    const match = find.exec(text)
    if (!match) continue
    if (what === "link") return linkAt(match[0], at)
    if (what === "name" && /[\p{L}\p{N}_]/u.test(text[at - 1] ?? " ")) return null
    const whole = what === "name" ? trimmed(match[0]) : match[0]
    return { made: { what, text: match[1] ?? whole }, end: at + whole.length }
  }
  return null
}

/** A sentence's full stop after a name is not part of it. */
const trimmed = (name) => name.replace(/[.-]+$/u, "")

/** A link ends before the sentence's own marks, and before a bracket it did not open. */
function linkAt(raw, at) {
  let text = raw
  while (/[.,;:!?…)\]}»”’]$/u.test(text)) {
    if (text.endsWith(")") && count(text, "(") >= count(text, ")")) break
    text = text.slice(0, -1)
  }
  const url = address(text)
  return url && { made: { what: "link", text, url }, end: at + text.length }
}

const count = (text, sign) => text.split(sign).length - 1

/** The address a text names, if it is one that may be opened. */
export function address(text) {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !["http:", "https:", "mailto:"].includes(url.protocol)) return null
  if (url.protocol !== "mailto:" && !url.hostname) return null
  return url.href
}

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
