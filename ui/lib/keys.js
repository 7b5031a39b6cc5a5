/** What a key press asks of the window as a whole, or null. Pure; Command is the main key on a Mac, else Control. */
export function wish(event, mac) {
  const main = mac ? event.metaKey : event.ctrlKey
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  if (main && !event.altKey && !event.shiftKey) return { k: "jump", f: "search" }[key] ?? null
  if (event.altKey && !main) {
    if (key === "ArrowUp") return event.shiftKey ? "previous-unread" : "previous"
    if (key === "ArrowDown") return event.shiftKey ? "next-unread" : "next"
  }
  if (key === "F6" && !main && !event.altKey) return event.shiftKey ? "region-back" : "region"
  return null
}

export const onMac = () => /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "")
