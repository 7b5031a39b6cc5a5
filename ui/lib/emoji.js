/** Emoji by name and word: read when they are first asked for. `chosen lately` is kept; it says nothing of what was written. */
import { spoken } from "./words.js"

const LATELY = 24
const slot = "emoji chosen lately"
const usual = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀", "✅", "🔥", "☕", "👎"]

let loading

/** `{groups, emoji}`, each as `{sign, label, names, words, group}`. */
export function emoji() {
  loading ??= read().catch((mistake) => {
    loading = undefined
    throw mistake
  })
  return loading
}

async function read() {
  const answer = await fetch(new URL(`../vendor/emoji/${spoken()}.json`, import.meta.url))
  return known(await answer.json())
}

/** The rows of the file with their parts named. */
export const known = ({ groups, emoji: rows }) => ({
  groups,
  emoji: rows.map(([sign, label, names, words, group]) => ({ sign, label, names: names.split(" ").filter(Boolean), words: words.split(" "), group })),
})

/** Those a few letters mean, best first: by name, by the beginning of one, by what they show. */
export function found(list, query, most = 60) {
  const wanted = query.trim().toLocaleLowerCase().replace(/^:|:$/g, "")
  const ranked = list.map((one) => ({ one, rank: rank(one, wanted) })).filter(({ rank }) => rank < 5)
  return ranked.sort((a, b) => a.rank - b.rank).slice(0, most).map(({ one }) => one)
}

function rank({ names, label, words }, wanted) {
  if (names.includes(wanted)) return 0
  if (names.some((name) => name.startsWith(wanted))) return 1
  const parts = label.toLocaleLowerCase().split(/[^\p{L}\p{N}]+/u)
  if (parts.some((part) => part.startsWith(wanted))) return 2
  if (words.some((word) => word.startsWith(wanted))) return 3
  return names.some((name) => name.split(/[_-]/).some((part) => part.startsWith(wanted))) ? 4 : 5
}

/** What one chose last, filled up with what people choose. */
export function lately() {
  const own = JSON.parse(localStorage.getItem(slot) ?? "[]")
  return [...new Set([...own, ...usual])].slice(0, LATELY)
}

/** Remembers a choice. */
export function chose(sign) {
  const own = JSON.parse(localStorage.getItem(slot) ?? "[]").filter((known) => known !== sign)
  localStorage.setItem(slot, JSON.stringify([sign, ...own].slice(0, LATELY)))
}
