/**
 * Whether someone sits in front of this window: it has the focus, or a key or a click came to it a moment ago
 * (without a window manager a window in use may never be given the focus).
 */
const LATELY_MS = 30_000

let last = -Infinity

for (const name of ["keydown", "pointerdown"]) addEventListener(name, () => (last = performance.now()), { capture: true, passive: true })
addEventListener("blur", () => (last = -Infinity))

export const present = () =>
  document.visibilityState === "visible" && (document.hasFocus() || performance.now() - last < LATELY_MS)

/** Calls `look` whenever that may have changed; answers the function that ends it. */
export function whenPresent(look) {
  const names = ["focus", "blur", "keydown", "pointerdown", "visibilitychange"]
  for (const name of names) addEventListener(name, look)
  return () => names.forEach((name) => removeEventListener(name, look))
}
