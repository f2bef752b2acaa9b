import assert from "node:assert/strict"
import { test } from "node:test"

import { actionsFor, sharedSigns } from "../../static/src/teach/actions.js"
import { helpQueue, roomIds, roomView, unseated, unvisited } from "../../static/src/teach/rooms.js"

/** @param {string} name @param {string | null} room @param {number} seat */
const person = (name, room, seat, more = {}) => ({ name, room, seat, here: true, joined_at: seat, measured: true, ...more })

/** @returns {any} the teacher's state, to be changed at will */
function lesson(more = {}) {
  return {
    lesson: { id: "l", title: "Acorns", grouping: "random", phase: "work", code: "QF7K2M", participation: true },
    rooms: {
      b: { name: "Berries", position: 2, members: {}, met: [], visits: 0 },
      a: { name: "Acorns", position: 1, members: { p1: 1, p2: 2 }, met: [0], visits: 0 },
    },
    people: { p1: person("Mia", "a", 1), p2: person("Tom", "a", 2), p3: person("Zoe", null, 0) },
    ...more,
  }
}

/** @param {object} [more] @returns {any} */
const figures = (more) => ({ a: { word: "one voice", value: 0.1, slots: 40, words: 80,
  members: { p1: { slots: 36, standing: 300, present_seconds: 600 }, p2: { slots: 4, standing: 20, present_seconds: 600 } },
  excerpt: [["p1", "Look for "], ["teacher", "holes."]], ...more } })

test("rooms come in the lesson's order; people without a table are known", () => {
  assert.deepEqual(roomIds(lesson()), ["a", "b"])
  assert.deepEqual(unseated(lesson()).map((waiting) => waiting.id), ["p3"])
})

test("the longest wait stands first in the queue", () => {
  const state = lesson()
  state.people.p2.hand = { reason: "stuck", since: 100 }
  state.people.p1.hand = { reason: "check", since: 200 }
  assert.deepEqual(helpQueue(state).map((hand) => hand.name), ["Tom", "Mia"])
  assert.deepEqual(roomView(state, "a").reason, { kind: "help", since: 100, participant: "p2" })
})

test("a hand shows before the moderator has spoken, and goes when it is lowered", () => {
  const state = lesson({ figures: figures({ reason: { kind: "help", participant: "p1" } }) })
  assert.equal(roomView(state, "a").reason.kind, "under_way")
})

test("shares come from slots; without figures there is no share, not nought", () => {
  assert.deepEqual(roomView(lesson({ figures: figures() }), "a").members.map((member) => member.share), [0.9, 0.1])
  assert.deepEqual(roomView(lesson(), "a").members.map((member) => member.share), [null, null])
  assert.equal(roomView(lesson(), "a").word, null)
})

test("P14: someone who moved away keeps their units here, behind those who sit here", () => {
  const state = lesson({ figures: figures() })
  state.rooms.a.members = { p2: 2 }
  state.people.p1.room = "b"
  const { members, size } = roomView(state, "a")
  assert.deepEqual(members.map(({ name, seat, seated, here }) => ({ name, seat, seated, here })), [
    { name: "Tom", seat: 2, seated: true, here: true }, { name: "Mia", seat: 3, seated: false, here: false }])
  assert.equal(size, 1)
})

test("the live text knows whose words it shows; the teacher's have no seat", () => {
  const { excerpt } = roomView(lesson({ figures: figures() }), "a")
  assert.deepEqual(excerpt.map(({ name, seat }) => [name, seat]), [["Mia", 1], ["", null]])
})

test("P18: rooms with people that the teacher has not been to", () => {
  assert.deepEqual(unvisited(lesson()).map((room) => room.id), ["a"])
})

test("P18: visits and time with a room come from the moderator, as they grow", () => {
  const state = lesson({ triage: { order: ["a", "b"], attention: { a: { visits: 2, seconds: 75 } } } })
  assert.deepEqual([roomView(state, "a"), roomView(state, "b")].map(({ visits, visited }) => [visits, visited]), [[2, 75], [0, 0]])
  assert.deepEqual(unvisited(state), [])
})

test("P19: the last word to a room or to someone in it is known, and no other", () => {
  const state = lesson({ messages: { m1: { text: "?", at: 10, room: "a" }, m2: { text: "?", at: 30, participant: "p2" }, m3: { text: "?", at: 40 }, m4: { text: "?", at: 50, participant: "p3" } } })
  assert.deepEqual([roomView(state, "a").toldAt, roomView(state, "b").toldAt], [30, null])
})

test("P16: the first action fits the reason", () => {
  const first = (/** @type {string} */ reason, more = {}) => {
    const state = lesson({ figures: figures({ reason: { kind: reason, ...more } }) })
    const [action] = actionsFor(roomView(state, "a"), { timer: true, work: true })
    return action.does === "message" ? action.label : action.does
  }
  assert.equal(first("quiet"), "ask")
  assert.equal(first("one_voice"), "pass")
  assert.equal(first("unheard", { participant: "p2" }), "nudge")
  assert.equal(first("parallel"), "swap")
  assert.equal(first("done"), "spotlight")
  assert.equal(first("under_way"), "visit")
})

test("a nudge goes to someone who still sits there", () => {
  const state = lesson({ figures: figures({ reason: { kind: "unheard", participant: "p2" } }) })
  state.rooms.a.members = { p1: 1 }
  assert.deepEqual(actionsFor(roomView(state, "a"), { timer: false, work: true }), [{ does: "visit" }])
})

test("the extra minute is offered only while a timer runs", () => {
  const state = lesson()
  state.people.p1.hand = { reason: "stuck", since: 1 }
  const does = (/** @type {boolean} */ timer) => actionsFor(roomView(state, "a"), { timer, work: true }).map((action) => action.does)
  assert.deepEqual(does(true), ["visit", "answer", "minute"])
  assert.deepEqual(does(false), ["visit", "answer"])
})

test("P19: two who find it too hard bring the hint first, too easy the challenge", () => {
  const first = (/** @type {string} */ pulse) => actionsFor(roomView(lesson({ figures: figures({ reason: { kind: "pulse", pulse } }) }), "a"), { timer: true, work: true })[0]
  assert.deepEqual(first("too_hard"), { does: "card", kind: "hint" })
  assert.deepEqual(first("too_easy"), { does: "card", kind: "stretch" })
})

test("P19: one question goes to the open rooms with people that show the same sign, and to no other", () => {
  const state = lesson()
  state.rooms.b.members = { p3: 1 }
  state.rooms.c = { name: "Deer", position: 3, members: { p4: 1 }, closed: true }
  state.rooms.d = { name: "Clams", position: 4, members: {} }
  const signs = (/** @type {string[]} */ ...signs) => ({ word: "shared", slots: 1, signs })
  state.figures = { a: signs("quiet", "leaning", "under_way"), b: signs("quiet", "under_way"), c: signs("quiet", "leaning"), d: signs("leaning") }
  assert.deepEqual(sharedSigns(state), [{ sign: "quiet", rooms: ["a", "b"] }])
})

test("P14: someone not measured by typing has no share, and the others' shares leave them out", () => {
  const state = lesson({ figures: figures() })
  state.people.p1.measured = false
  assert.deepEqual(roomView(state, "a").members.map((member) => [member.share, member.measured]), [[null, false], [1, true]])
})

test("P21: a person's answer and role stand beside their figures", () => {
  const state = lesson({ figures: figures() })
  Object.assign(state.people.p2, { answer: "We talked first", role: "scribe" })
  const [, tom] = roomView(state, "a").members
  assert.deepEqual([tom.answer, tom.role], ["We talked first", "scribe"])
})
