/** What a text is made of, and that nothing of it is ever lost or becomes more than text. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { address, excerpt, highlighted, length, pieces } from "../lib/text.js"

const short = (text) => pieces(text).map(({ what, text }) => `${what}:${text}`)

test("plain words are one piece, lines and all", () => {
  assert.deepEqual(short("Not me.\nNever me."), ["text:Not me.\nNever me."])
  assert.deepEqual(pieces(""), [])
})

test("markup is text", () => {
  const hostile = `<img src=x onerror="alert(1)"> <script>x</script> &lt; javascript:alert(1)`
  assert.deepEqual(short(hostile), [`text:${hostile}`])
})

test("links end before the sentence does, and keep the brackets they opened", () => {
  assert.deepEqual(short("see https://a.example/x."), ["text:see ", "link:https://a.example/x", "text:."])
  assert.deepEqual(short("(https://a.example/x)"), ["text:(", "link:https://a.example/x", "text:)"])
  assert.deepEqual(short("https://a.example/x_(y)"), ["link:https://a.example/x_(y)"])
  assert.deepEqual(short("mail mailto:ada@a.example now"), ["text:mail ", "link:mailto:ada@a.example", "text: now"])
})

test("only http, https and mailto are addresses", () => {
  assert.equal(address("https://a.example/ü"), "https://a.example/%C3%BC")
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "hallway://x", "https://", "ftp://a.example"]) {
    assert.equal(address(bad), null, bad)
  }
})

test("code, blocks, bold and names are found", () => {
  assert.deepEqual(short("takes `1.7 l` **now** @ada"), ["text:takes ", "code:1.7 l", "text: ", "bold:now", "text: ", "name:@ada"])
  assert.deepEqual(short("x\n```js\na = 1\nb\n```\ny"), ["text:x\n", "pre:a = 1\nb", "text:\ny"])
})

test("inside code nothing else is looked for", () => {
  assert.deepEqual(short("`**a** @b https://c.example`"), ["code:**a** @b https://c.example"])
})

test("what is not finished or not meant stays as it was written", () => {
  for (const text of ["a ` b", "2 ** 3 ** 4", "**", "```", "@", "me@home.example", "https://", "a*b*c"]) {
    assert.equal(pieces(text).map((piece) => piece.text).join(""), text)
    assert.ok(pieces(text).every(({ what }) => what === "text"), text)
  }
})

test("a full stop after a name is the sentence's", () => {
  assert.deepEqual(short("ask @ada."), ["text:ask ", "name:@ada", "text:."])
  assert.deepEqual(short("@ada.l too"), ["name:@ada.l", "text: too"])
})

test("a long text of half-open signs is read in one go", () => {
  const text = "`@*[".repeat(16_000)
  const started = process.hrtime.bigint()
  assert.equal(pieces(text).map((piece) => piece.text).join("").replace(/`/g, "").length > 0, true)
  assert.ok(process.hrtime.bigint() - started < 2_000_000_000n)
})

test("hits are counted in characters, not in halves of them", () => {
  const parts = highlighted("🫖🫖 tea", [[3, 6]])
  assert.deepEqual(parts, [{ text: "🫖🫖 ", hit: false }, { text: "tea", hit: true }])
})

test("a long text is cut around its first hit, and overlapping hits are drawn once", () => {
  const text = `${"a".repeat(500)}tea${"b".repeat(500)}`
  const parts = highlighted(text, [[500, 503], [501, 502]])
  assert.equal(parts.filter(({ hit }) => hit).map(({ text }) => text).join(), "tea")
  assert.equal(parts[0].text, "…")
  assert.equal(parts.at(-1).text, "…")
  assert.ok(parts.map(({ text }) => text).join("").length < 300)
})

test("length counts as the wire does", () => {
  assert.equal(length("a🫖"), 2)
})

test("an excerpt is one line, and says when it is not all", () => {
  assert.equal(excerpt("tea\n\n  now "), "tea now")
  assert.equal(excerpt("🫖".repeat(9), 4), "🫖🫖🫖🫖…")
})
