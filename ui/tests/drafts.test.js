/** Drafts: saved once, each room by itself, never lost and never twice. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { Drafts } from "../lib/drafts.js"

/** Drafts whose clock the test holds. */
function held_drafts() {
  const saved = []
  const due = new Map()
  let id = 0
  const drafts = new Drafts((place, text) => saved.push([place, text]), (work) => (due.set(++id, work), id), (timer) => due.delete(timer))
  const pass = () => [...due].forEach(([timer, work]) => (due.delete(timer), work()))
  return { drafts, saved, pass }
}

test("a draft is saved once when the typing rests", () => {
  const { drafts, saved, pass } = held_drafts()
  drafts.write("kitchen", "t")
  drafts.write("kitchen", "te")
  assert.deepEqual([saved, drafts.unsaved("kitchen")], [[], "te"])
  pass()
  drafts.flush("kitchen")
  assert.deepEqual([saved, drafts.unsaved("kitchen")], [[["kitchen", "te"]], undefined])
})

test("each room has its draft, and leaving saves at once", () => {
  const { drafts, saved, pass } = held_drafts()
  drafts.write("kitchen", "tea")
  drafts.write("roof", "nails")
  drafts.flush("kitchen")
  assert.deepEqual(saved, [["kitchen", "tea"]])
  pass()
  assert.deepEqual(saved, [["kitchen", "tea"], ["roof", "nails"]])
})

test("a text that was refused is kept at once, before what was begun since", () => {
  const { drafts, saved } = held_drafts()
  drafts.sent("kitchen")
  assert.equal(drafts.refused("kitchen", "tea"), "tea")
  assert.deepEqual(saved, [["kitchen", "tea"]])
  drafts.sent("kitchen")
  drafts.write("kitchen", "cake")
  assert.equal(drafts.refused("kitchen", "tea", "cake"), "tea\ncake")
  assert.deepEqual([saved.at(-1), drafts.unsaved("kitchen")], [["kitchen", "tea\ncake"], undefined])
})

test("what the core holds already is not saved again, and what was deleted is", () => {
  const { drafts, saved, pass } = held_drafts()
  drafts.known("kitchen", "tea")
  drafts.write("kitchen", "tea")
  pass()
  assert.deepEqual(saved, [])
  drafts.write("kitchen", "")
  pass()
  assert.deepEqual(saved, [["kitchen", ""]])
})

test("a sent text is not saved any more, and what was saved of it is the core's to clear", () => {
  const { drafts, saved, pass } = held_drafts()
  drafts.write("kitchen", "tea")
  drafts.sent("kitchen")
  pass()
  drafts.known("kitchen", "old")
  drafts.sent("kitchen")
  assert.deepEqual(saved, [])
})

test("a text is sent behind what is being saved of it", async () => {
  const order = []
  let stored
  const drafts = new Drafts((_, text) => new Promise((done) => (stored = () => (order.push(text), done()))))
  drafts.write("kitchen", "te")
  drafts.flush("kitchen")
  const sent = drafts.sent("kitchen").then(() => order.push("sent"))
  await Promise.resolve()
  stored()
  await sent
  assert.deepEqual(order, ["te", "sent"])
})
