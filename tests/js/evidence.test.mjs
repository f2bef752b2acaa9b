import assert from "node:assert/strict"
import { test } from "node:test"

import { momentsOf, peopleOf, runsOf, spanOf, speedOf, withFresh } from "../../static/src/evidence/model.js"

/** @type {import("../../static/src/evidence/model.js").EvidenceAnswer} */
const ANSWER = {
  room: "a", slot_seconds: 10, started_at: 1_000_000,
  text: [["mia", "Look for ", null, 1, 0], ["tom", "ripe acorns", "moved", 2, 0], ["teacher", "."]],
  people: {
    tom: { name: "Tom", seat: 2, slots: [12, 30], standing: 11, present_seconds: 300, builds_on: { mia: [12] }, answer: "I was the scribe" },
    mia: { name: "Mia", seat: 1, slots: [9, 10, 31], standing: 9, present_seconds: 310, builds_on: { tom: [31], zoe: [9], nobody: [] }, role: "scribe", measured: false },
  },
  evidence: [
    { participant: "mia", at: 1_200_000, kind: "restored", length: 6, text: "caps." },
    { participant: "mia", at: 1_200_000, kind: "restored", length: 10, text: "Keep their " },
    { participant: "tom", at: 1_150_000, kind: "added in one go", length: 40, text: "" },
  ],
}

test("P17: everyone with their turns, what they said and whom they built on, by seat", () => {
  const [mia, tom] = peopleOf(ANSWER)
  assert.deepEqual([mia.name, mia.slots.length, mia.role, mia.measured], ["Mia", 3, "scribe", false])
  assert.deepEqual(mia.builtOn, [{ name: "Tom", turns: 1 }], "of people who are not known, and of no turns, nothing is said")
  assert.equal(tom.answer, "I was the scribe")
})

test("a lesson without figures has people and no turns", () => {
  const [person] = peopleOf({ ...ANSWER, people: { mia: { name: "Mia", seat: 1 } } })
  assert.deepEqual([person.slots, person.builtOn, person.measured], [[], [], true])
})

test("P4 to P6: labels stand in their places in the text, under their own names", () => {
  assert.deepEqual(runsOf(ANSWER), [{ author: "mia", text: "Look for " }, { author: "tom", text: "ripe acorns", kind: "moved" }, { author: "teacher", text: "." }])
})

test("the pieces of one operation are one moment, in the order they were written", () => {
  assert.deepEqual(momentsOf(ANSWER).map(({ at, kind, name, length, text }) => ({ at, kind, name, length, text })), [
    { at: 200_000, kind: "restored", name: "Mia", length: 16, text: "Keep their caps." },
    { at: 150_000, kind: "one_go", name: "Tom", length: 40, text: "" },
  ])
})

test("the timeline begins with the first turn or step, and is never empty", () => {
  assert.deepEqual(spanOf(ANSWER, { start: 93_000, end: 315_000 }, 400_000), { from: 90_000, to: 400_000 })
  assert.deepEqual(spanOf(ANSWER, { start: 41_000, end: 315_000 }, 100_000), { from: 40_000, to: 315_000 })
  assert.deepEqual(spanOf({ ...ANSWER, people: {} }, { start: 0, end: 0 }, 0), { from: 0, to: 10_000 })
})

test("what the last step wrote is set apart, across authors and inside a run", () => {
  assert.deepEqual(withFresh([{ author: "mia", text: "abcdef" }, { author: "tom", text: "ghi" }], [[1, 3], [5, 7]]), [
    { author: "mia", text: "a" }, { author: "mia", text: "bc", fresh: true }, { author: "mia", text: "de" }, { author: "mia", text: "f", fresh: true },
    { author: "tom", text: "g", fresh: true }, { author: "tom", text: "hi" },
  ])
  assert.deepEqual(withFresh([], [[0, 1]]), [])
})

test("an hour plays in a minute, and nothing slower than it was", () => {
  assert.equal(speedOf({ from: 0, to: 3_600_000 }), 60)
  assert.equal(speedOf({ from: 0, to: 20_000 }), 1)
})
