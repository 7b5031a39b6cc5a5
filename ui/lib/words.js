/**
 * Every word of the interface comes from a language file, with plurals and lists as that language forms them.
 * Adding a language is adding a file to `words/` and its name to `languages`.
 */
const languages = ["en", "de"]
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/

let dictionary = {}
let language = languages[0]
let plurals = new Intl.PluralRules("en")
let lists = new Intl.ListFormat("en")
let numbers = new Intl.NumberFormat("en")

/** The first of the wanted languages there is a file for; a region falls back to its language. */
export function choose(wanted) {
  for (const tag of wanted) {
    const found = languages.find((known) => known === tag || known === tag.split("-")[0])
    if (found) return found
  }
  return languages[0]
}

/** Fetches a language file and speaks it from now on. */
export async function load(language) {
  const answer = await fetch(new URL(`../words/${language}.json`, import.meta.url))
  use(await answer.json(), language)
}

/** Speaks these words from now on. */
export function use(words, spoken) {
  dictionary = words
  language = spoken
  plurals = new Intl.PluralRules(language)
  lists = new Intl.ListFormat(language)
  numbers = new Intl.NumberFormat(language)
}

/** The language in use. */
export const spoken = () => language

/** The sentence of a key; `{name}` is filled from `values`, and `values.n` chooses the plural. */
export function word(key, values = {}) {
  const entry = dictionary[key]
  if (entry === undefined) return key
  const text = typeof entry === "string" ? entry : entry[plurals.select(values.n)] ?? entry.other
  return text.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]))
}

/** “Ada, Lin, and Bob”. */
export const list = (names) => lists.format(names.map(shown))

/** The number as this language writes it. */
export const number = (n) => numbers.format(n)

/** A text in the other direction is set apart, so that it cannot turn the sentence around. */
function shown(value) {
  if (typeof value === "number") return numbers.format(value)
  const text = String(value ?? "")
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text
}

/** Puts words where markup asks for them: `data-word` text, `data-label` name, `data-hint` placeholder, `data-title` tip. */
export function fill(root) {
  for (const part of root.querySelectorAll("[data-word], [data-label], [data-hint], [data-title]")) {
    const { word: text, label, hint, title } = part.dataset
    if (text) part.textContent = word(text)
    if (label) part.setAttribute("aria-label", word(label))
    if (hint) part.setAttribute("placeholder", word(hint))
    if (title) part.setAttribute("title", word(title))
  }
}
