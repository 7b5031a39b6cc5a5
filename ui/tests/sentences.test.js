/** What the window says about states, notices and refusals, and when it follows the end of a room. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { End } from "../lib/scroll.js"
import { fate, nameOf, notice, problem, why } from "../lib/sentences.js"
import { use } from "../lib/words.js"
import { root } from "./sources.js"

use(JSON.parse(readFileSync(new URL("words/en.json", root), "utf8")), "en")
const names = { 1: "Ada", 2: "Lin" }
const say = (meta) => notice({ meta, sender: 2 }, (user) => names[user] ?? "?")

test("each system notice is a sentence", () => {
  assert.equal(say({ what: "created", user: 1, by: 1 }), "Ada created the room.")
  assert.equal(say({ what: "added", user: 1, by: 2 }), "Lin added Ada.")
  assert.equal(say({ what: "joined", user: 1 }), "Ada joined.")
  assert.equal(say({ what: "removed", user: 1, by: 2 }), "Lin removed Ada.")
  assert.equal(say({ what: "teleported", user: 1, by: 2 }), "Lin changed the room.")
  assert.equal(say(undefined), "Lin changed the room.")
})

test("a refusal is said in words, with its field where there is one", () => {
  assert.equal(why({ code: "wrong_credentials", fields: {} }), "The name or the password is wrong.")
  assert.equal(why({ code: "invalid", fields: { password: "is too short (3, at least 8)" } }), "“Password” is too short (3, at least 8).")
  assert.equal(why({ code: "invalid", message: "that cannot be right", fields: {} }), "that cannot be right")
  assert.equal(why({ code: "local", message: "the disk is full" }), "the disk is full")
  assert.equal(why(null), "That did not work.")
})

test("what becomes of a message depends on the link", () => {
  assert.equal(fate({ state: "queued" }, false), "waiting for the server")
  assert.equal(fate({ state: "sending" }, true), "sending…")
  assert.equal(fate({ state: "blocked" }, true), "waiting for the message before it")
  assert.equal(fate({ state: "failed", error: { code: "forbidden" } }, true), "You may not do that here.")
  assert.equal(fate({ pending_edit: true }, false), "the edit waits for the server")
  assert.equal(fate({}, true), "")
})

test("people have a name even when they are unknown or gone", () => {
  assert.deepEqual([nameOf({ name: "ada", display_name: "" }), nameOf(null), nameOf({ name: "x", deleted: true })], ["ada", "Somebody", "Deleted account"])
})

test("a problem without words of ours is said in the core's", () => {
  assert.match(problem({ code: "disk_full", message: "x" }), /^The disk is full/)
  assert.equal(problem({ code: "moon", message: "the moon is in the way" }), "the moon is in the way")
})

/** A list of this height in a box of that, at its end. */
const scroller = (scrollHeight, clientHeight) => ({ scrollHeight, clientHeight, scrollTop: scrollHeight - clientHeight })

test("who scrolls away from the end is left alone, who comes back follows again", () => {
  const [end, box] = [new End(), scroller(1_000, 400)]
  end.moved(box, false)
  box.scrollTop = 300
  end.moved(box, false)
  assert.equal(end.followed, false)
  box.scrollTop = 590
  end.moved(box, false)
  assert.equal(end.followed, true)
})

test("a box that shrinks while the end is followed keeps it in sight", () => {
  const [end, box] = [new End(), scroller(1_000, 400)]
  end.moved(box, false)
  box.clientHeight = 200
  end.moved(box, false)
  box.scrollTop = Math.min(box.scrollTop, box.scrollHeight - box.clientHeight)
  assert.deepEqual([end.followed, box.scrollTop], [true, 800])
})

test("the end of what is held is not the end while there is more", () => {
  const [end, box] = [new End(), scroller(1_000, 400)]
  end.moved(box, true)
  end.moved(box, true)
  assert.equal(end.followed, false)
  box.scrollTop = 0
  end.keep(box, false)
  assert.equal(box.scrollTop, 0)
})
