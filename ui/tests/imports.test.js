/** The modules fit together: the window loads them without a bundler, and one wrong name keeps it from starting. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { dirname, join, normalize } from "node:path/posix"
import { test } from "node:test"
import { files } from "./sources.js"

const scripts = new Map(files(".js").map(({ path, text }) => [path, text]))

/** The names a module gives. */
function given(text) {
  const declared = [...text.matchAll(/^export (?:async )?(?:function|const|let|class) (\w+)/gm)].map((match) => match[1])
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap((match) => match[1].split(",")).map((name) => name.trim().split(" as ").at(-1))
  return new Set([...declared, ...listed])
}

test("whatever is imported is there, and is used", () => {
  let seen = 0
  for (const [path, text] of scripts) {
    for (const [, names, from] of text.matchAll(/^import (?:\{([^}]*)\} from )?"([^"]+)"/gm)) {
      const target = normalize(join(dirname(path), from))
      if (target.startsWith("vendor/")) continue
      assert.ok(scripts.has(target), `${path}: ${from}`)
      for (const name of (names ?? "").split(",").map((name) => name.trim()).filter(Boolean)) {
        const [wanted, own = wanted] = name.split(" as ")
        assert.ok(given(scripts.get(target)).has(wanted), `${path}: ${wanted} of ${from}`)
        const rest = text.replace(/^import .*$/gm, "")
        assert.match(rest, new RegExp(`\\b${own}\\b`), `${path} does not use ${own}`)
        seen += 1
      }
    }
  }
  assert.ok(seen > 200)
})

/** What the parser says of a module; empty when it is one. */
const parsed = (text) =>
  new Promise((done) => {
    const node = spawn(process.execPath, ["--input-type=module", "--check", "-"], { stdio: ["pipe", "ignore", "pipe"] })
    let said = ""
    node.stderr.on("data", (data) => (said += data))
    node.on("close", (code) => done(code === 0 ? "" : said))
    node.stdin.end(text)
  })

test("every module can be read", async () => {
  const [paths, wrong] = [[...scripts.keys()], []]
  const one = async () => {
    for (let path = paths.pop(); path; path = paths.pop()) {
      const said = await parsed(scripts.get(path))
      if (said) wrong.push(`${path}: ${said}`)
    }
  }
  await Promise.all([one(), one(), one(), one()])
  assert.deepEqual(wrong, [])
  assert.notEqual(await parsed("class A { a = -Infinity\n in(b) {} }"), "")
})
