/**
 * From the core's tree of a text to nodes. Each piece is one node made by `createElement` and filled by
 * `textContent`; a kind that a later core adds is drawn by the words in it.
 */
import { make } from "./dom.js"
import { word } from "./words.js"

/** The nodes of a text. A message of one paragraph needs none around it. */
export function nodes(body, named) {
  const only = body.length === 1 && body[0].what === "para" ? body[0].inside : body
  return only.map((piece) => node(piece, named))
}

const node = (piece, named) => (makers[piece.what] ?? unknown)(piece, named)

function around(tag, { inside }, named, properties) {
  const made = make(tag, properties)
  made.append(...inside.map((piece) => node(piece, named)))
  return made
}

const unknown = ({ inside = [], text = "" }, named) => (inside.length > 0 ? around("span", { inside }, named) : document.createTextNode(text))

const makers = {
  text: ({ text }) => document.createTextNode(text),
  break: () => document.createTextNode("\n"),
  name: ({ text }, named) => named(text),
  code: ({ text }) => make("code", { textContent: text }),
  link: (piece, named) => around("a", piece, named, { href: piece.url, rel: "noreferrer", title: piece.url, dir: "auto" }),
  strong: (piece, named) => around("strong", piece, named),
  em: (piece, named) => around("em", piece, named),
  strike: (piece, named) => around("s", piece, named),
  para: (piece, named) => around("p", piece, named, { dir: "auto" }),
  quote: (piece, named) => around("blockquote", piece, named),
  rule: () => make("hr"),
  heading: (piece, named) => heading(piece, named),
  list: (piece, named) => list(piece, named),
  pre: (piece) => block(piece),
  spoiler: (piece, named) => spoiler(piece, named),
}

/** Below the headings of the page; what one reads aloud is its level in the message. */
function heading(piece, named) {
  const made = around("p", piece, named, { className: "heading", dir: "auto" })
  made.setAttribute("role", "heading")
  made.setAttribute("aria-level", String(Math.min(6, piece.level + 2)))
  made.dataset.level = piece.level
  return made
}

function list({ start, items }, named) {
  const made = start == null ? make("ul") : make("ol", { start })
  for (const inside of items) made.append(around("li", { inside }, named, { dir: "auto" }))
  return made
}

/** Code scrolls by itself, so it can be reached by keys. */
function block({ lang, code }) {
  const made = make("pre", { dir: "ltr", tabIndex: 0 })
  if (lang) made.dataset.lang = lang
  made.append(...code.map(({ text, kind }) => (kind ? make("span", { textContent: text, className: kind }) : text)))
  return made
}

/** Hidden until it is asked for; what is hidden is neither read aloud nor followed. */
function spoiler(piece, named) {
  const inside = around("span", piece, named, { className: "inside", inert: true })
  const made = make("span", { className: "spoiler", tabIndex: 0 })
  made.setAttribute("role", "button")
  made.setAttribute("aria-label", word("spoiler"))
  made.append(inside)
  return made
}

/** Shows a hidden part. */
export function reveal(spoiler) {
  spoiler.toggleAttribute("open", true)
  for (const name of ["role", "aria-label", "tabindex"]) spoiler.removeAttribute(name)
  spoiler.firstChild.inert = false
}
