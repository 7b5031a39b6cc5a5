/** The rules the files of the interface keep. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { files, root } from "./sources.js"

const page = readFileSync(new URL("index.html", root), "utf8")
const [scripts, styles] = [files(".js"), files(".css")]
const tags = scripts.map(({ path }) => /^components\/([a-z-]+)\/\1\.js$/.exec(path)?.[1]).filter(Boolean)

test("every tag has its style, linked, and defines itself under its own name", () => {
  assert.ok(tags.length > 25)
  for (const tag of tags) {
    const path = `components/${tag}/${tag}`
    assert.ok(styles.some((style) => style.path === `${path}.css`), tag)
    assert.ok(page.includes(`href="${path}.css"`), tag)
    const script = scripts.find((file) => file.path === `${path}.js`)
    assert.ok(script.text.includes(`customElements.define("${tag}"`), tag)
    assert.ok(script.text.includes(`/** <${tag}`) || script.text.includes(` * <${tag}`), tag)
  }
})

test("every tag that markup or code makes is defined and imported by a file that uses it", () => {
  for (const { path, text } of scripts) {
    const made = [...text.matchAll(/<([a-z]+-[a-z-]+)[ >]|make\("([a-z]+-[a-z-]+)"/g)].map((match) => match[1] ?? match[2])
    const own = /components\/([a-z-]+)\//.exec(path)?.[1]
    for (const tag of new Set(made)) {
      assert.ok(tags.includes(tag), `${path}: ${tag}`)
      assert.ok(tag === own || text.includes(`${tag}/${tag}.js"`), `${path} does not import ${tag}`)
    }
  }
})

test("markup is literal and parsed in one place", () => {
  const refused = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|createContextualFragment|setHTML/
  for (const { path, text } of scripts) {
    assert.doesNotMatch(text, refused, path)
    if (path !== "lib/dom.js") assert.doesNotMatch(text, /DOMParser/, path)
    for (const [markup] of text.matchAll(/sheet\(`[^`]*`\)/g)) assert.ok(!markup.includes("${"), path)
    assert.doesNotMatch(text, /sheet\((?!`|markup)/, path)
  }
})

test("only core.js names Tauri", () => {
  for (const { path, text } of scripts) if (path !== "core.js") assert.doesNotMatch(text, /tauri/i, path)
})

test("no style and no script stands in markup, where the window's policy would refuse it", () => {
  for (const { path, text } of [...scripts, { path: "index.html", text: page }]) {
    assert.doesNotMatch(text, /<[^>]+\sstyle=|<style|<[^>]+\son[a-z]+=/, path)
  }
  assert.doesNotMatch(page, /<script(?![^>]+src=)/)
})

test("no words stand in markup: they come from the language file", () => {
  for (const { path, text } of scripts) {
    for (const [, markup] of text.matchAll(/sheet\(`([^`]*)`\)/g)) {
      assert.doesNotMatch(markup.replace(/<[^>]*>/g, ""), /\S/, path)
      assert.doesNotMatch(markup, /\s(?:aria-label|placeholder|title|alt)=/, path)
    }
  }
})

test("every button of markup has a name", () => {
  for (const { path, text } of scripts) {
    for (const [button] of text.matchAll(/<button[^>]*>\s*(?:<line-icon[^>]*><\/line-icon>)\s*<\/button>/g)) {
      assert.ok(/data-label=/.test(button) || path.includes("member-row"), `${path}: ${button}`)
    }
  }
})

test("every icon that is asked for is in the sprite", () => {
  const asked = scripts.filter(({ path }) => !path.includes("line-icon")).flatMap(({ text }) => [...text.matchAll(/line-icon name="([a-z-]+)"/g)].map((match) => match[1]))
  for (const name of new Set([...asked, "hash", "lock"])) assert.ok(page.includes(`id="icon-${name}"`), name)
})

test("colours are named by role; only tokens.css knows the palette", () => {
  for (const { path, text } of styles) {
    if (path === "styles/tokens.css") continue
    assert.doesNotMatch(text.replaceAll("var(--lch-face)", "").replaceAll("oklch(0% 0 0 / 4%)", ""), /#[0-9a-f]{3,8}\b(?![-\w])|rgb\(|hsl\(|--lch-/i, path)
  }
})

test("layout follows the direction of the language", () => {
  const physical = /(?:^|[\s;{])(?:margin|padding|border|inset)-(?:left|right|top|bottom)|(?:^|[\s;{])(?:left|right|width|height|min-width|max-width)\s*:/m
  for (const { path, text } of styles) assert.doesNotMatch(text.replace(/@media \([^)]*\)/g, ""), physical, path)
})

test("files stay small", () => {
  for (const { path, text } of scripts) assert.ok(text.split("\n").length - 1 <= 200, path)
  for (const { path, text } of styles) assert.ok(text.split("\n").length - 1 <= 250, path)
})
