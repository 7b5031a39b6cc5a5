// The description, drawn. Data enters as text alone: nothing here parses markup.

const at = (id) => document.getElementById(id)

function make(tag, text, kind) {
  const node = document.createElement(tag)
  if (text !== undefined) node.textContent = text
  if (kind) node.className = kind
  return node
}

function put(parent, ...nodes) {
  parent.append(...nodes)
  return parent
}

const last = (ref) => ref.split("/").pop()

function link(name) {
  const node = make("a", name)
  node.href = `#${name}`
  return node
}

// What a schema is, in a few words; shapes with a name are linked.
function kind(schema) {
  if (schema.$ref) return link(last(schema.$ref))
  if ("const" in schema) return make("code", JSON.stringify(schema.const))
  if (schema.enum) return make("code", schema.enum.map((word) => JSON.stringify(word)).join(" | "))
  const either = schema.anyOf ?? schema.oneOf
  if (either) {
    const node = make("span")
    either.forEach((one, place) => put(node, place ? " or " : "", kind(one)))
    return node
  }
  if (schema.prefixItems) {
    const node = make("span", "[")
    schema.prefixItems.forEach((one, place) => put(node, place ? ", " : "", kind(one)))
    return put(node, "]")
  }
  if (schema.type === "array") return put(make("span", "list of "), kind(schema.items ?? {}))
  return make("span", [schema.type ?? "anything"].flat().join(" or "))
}

function bounds(schema) {
  const words = [
    ["minLength", "at least", "characters"],
    ["maxLength", "at most", "characters"],
    ["minItems", "at least", "elements"],
    ["maxItems", "at most", "elements"],
    ["minimum", "from", ""],
    ["maximum", "to", ""],
  ]
  return words
    .filter(([name]) => schema[name] !== undefined && !schema.prefixItems)
    .map(([name, before, after]) => `${before} ${schema[name]} ${after}`.trim())
    .join(", ")
}

function fields(schema) {
  const list = make("dl")
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const needed = schema.required?.includes(name)
    const says = put(make("dd"), kind(field))
    if (!needed) put(says, make("span", " (may be absent)", "says"))
    const limits = bounds(field)
    if (limits) put(says, make("span", `; ${limits}`, "says"))
    if (field.description) put(says, make("div", field.description, "says"))
    put(list, make("dt", name), says)
  }
  return list
}

function body(content) {
  return Object.entries(content ?? {}).flatMap(([media, { schema, example }]) => {
    const nodes = [put(make("p"), make("code", media), " ", kind(schema))]
    if (schema.properties) nodes.push(fields(schema))
    if (example !== undefined) nodes.push(make("pre", JSON.stringify(example, null, 2)))
    return nodes
  })
}

function box(id, ...title) {
  const node = make("details")
  node.id = id
  node.dataset.text = id.toLowerCase()
  return put(node, put(make("summary"), ...title))
}

function call(method, path, operation) {
  const title = [make("code", method.toUpperCase(), "method"), " ", make("code", path)]
  const node = box(`${method} ${path}`, ...title, " ", make("span", operation.summary, "says"))
  if (operation.parameters.length) {
    const list = make("dl")
    for (const { name, in: where, schema, description } of operation.parameters) {
      const says = put(make("dd"), kind(schema), make("span", ` in the ${where}`, "says"))
      if (description) put(says, make("div", description, "says"))
      put(list, make("dt", name), says)
    }
    put(node, list)
  }
  if (operation.requestBody) put(node, make("h3", "Takes"), ...body(operation.requestBody.content))
  put(node, make("h3", "Answers"))
  for (const [status, answer] of Object.entries(operation.responses)) {
    put(node, put(make("p"), make("strong", status), ` ${answer.description}`))
    if (status < 400) put(node, ...body(answer.content))
  }
  return node
}

function shape(name, schema) {
  const node = box(name, make("code", name), " ", make("span", schema.description, "says"))
  put(node, schema.properties ? fields(schema) : put(make("p"), kind(schema)))
  for (const example of schema.examples ?? []) put(node, make("pre", JSON.stringify(example, null, 2)))
  return node
}

function part(name, nodes) {
  const section = put(make("section"), make("h2", name), ...nodes)
  section.id = name
  put(at("nouns"), link(name))
  put(at("calls"), section)
}

function draw(description) {
  at("about").textContent = `${description.info.description} Version ${description.info.version}.`
  const nouns = new Map()
  for (const [path, calls] of Object.entries(description.paths))
    for (const [method, operation] of Object.entries(calls)) {
      const noun = operation.tags[0]
      nouns.set(noun, [...(nouns.get(noun) ?? []), call(method, path, operation)])
    }
  for (const [noun, calls] of nouns) part(noun, calls)
  const shapes = Object.entries(description.components.schemas)
  const of = (prefix) => shapes.filter(([name]) => name.startsWith(prefix)).map((one) => shape(...one))
  part("socket-commands", of("Command"))
  part("socket-frames", of("Frame"))
  part("rows", of("Row"))
  part("shapes", shapes.filter(([name]) => !/^(Command|Frame|Row)\b/.test(name)).map((one) => shape(...one)))
  open()
}

// A link leads to a box that is open.
function open() {
  const node = at(decodeURIComponent(location.hash.slice(1)))
  if (node?.tagName === "DETAILS") node.open = true
  node?.scrollIntoView()
}

at("find").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(/\s+/)
  for (const node of document.querySelectorAll("details"))
    node.hidden = !words.every((word) => node.dataset.text.includes(word))
})
addEventListener("hashchange", open)

async function begin() {
  try {
    const answered = await fetch("openapi.json")
    draw(await answered.json())
  } catch {
    at("about").textContent = "The description could not be read."
  }
}

begin()
