/** Putting a text on the clipboard, and saying so. */
import { make, tell } from "./dom.js"
import { word } from "./words.js"

/** The platform's clipboard; where the web view has none, the old way through a selection. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const box = make("textarea", { value: text, className: "unseen" })
    document.body.append(box)
    box.select()
    document.execCommand("copy")
    box.remove()
  }
  tell(document, "notice", word("copied"))
}
