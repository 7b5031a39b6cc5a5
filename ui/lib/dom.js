/**
 * Markup and nodes. The only file that parses markup, and it parses literals only;
 * what people wrote enters the page by `textContent`, property or attribute.
 */
import { fill } from "./words.js"

/** Parses a literal at its first use; each call answers a fresh copy with its words filled in. */
export function sheet(markup) {
  let parsed
  return () => {
    parsed ??= parse(markup)
    const copy = document.importNode(parsed, true)
    fill(copy)
    return copy
  }
}

function parse(markup) {
  const page = new DOMParser().parseFromString(markup, "text/html")
  const piece = page.createDocumentFragment()
  piece.append(...page.body.childNodes)
  return piece
}

/**
 * Makes the children of `parent` those of `items`, in their order. A node lives as long as its key:
 * `nodes` remembers them, `make(item)` makes a new one, `draw(node, item)` draws each.
 */
export function keyed(parent, nodes, items, make, draw) {
  const wanted = new Set(items.map((item) => item.key))
  for (const [key, node] of nodes) {
    if (wanted.has(key)) continue
    node.remove()
    nodes.delete(key)
  }
  let next = parent.firstChild
  for (const item of items) {
    let node = nodes.get(item.key)
    if (!node) nodes.set(item.key, (node = make(item)))
    if (node === next) next = next.nextSibling
    else parent.insertBefore(node, next)
    draw(node, item)
  }
}

/**
 * Sets a text when it is another one. The same text set again would be a new node: under a pointer that is
 * pressed just then, the click would be lost.
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Tells the parents of `node` something; answers whether nobody took it for theirs (`preventDefault`). */
export function tell(node, name, detail) {
  return node.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }))
}

/** An element with these properties; for the few nodes that no sheet makes. */
export function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties)
}
