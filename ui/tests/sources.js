/** The interface's own files, for tests that look at them. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = new URL("../", import.meta.url)
const home = fileURLToPath(root)

/** Every file of ours with this ending, as `{path, text}`. */
export const files = (ending) =>
  readdirSync(home, { recursive: true })
    .filter((path) => path.endsWith(ending) && !/^(vendor|tests)/.test(path))
    .map((path) => ({ path, text: readFileSync(join(home, path), "utf8") }))

/** All of the code as one text. */
export const code = files(".js").map(({ text }) => text).join("\n")
