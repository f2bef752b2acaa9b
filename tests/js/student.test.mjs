import assert from "node:assert/strict"
import { test } from "node:test"
import { mergePatch } from "../../static/src/shared/merge-patch.js"
import {
  choicesOf,
  lockWords,
  mayWrite,
  minutesOf,
  newsBetween,
  openMessages,
  othersRoles,
  personOf,
  stageOf,
} from "../../static/src/student/model.js"
import { linesOf } from "../../static/src/student/replay-lines.js"

const LOBBY = { lesson: { phase: "lobby" }, me: { participant: "ana", name: "Ana" }, lobby: { count: 3 } }
const ROOM = {
  lesson: { phase: "work" },
  me: { participant: "ana", name: "Ana", room: "r1" },
  room: { room: "r1", name: "Acorns", locked: false, ready: false },
  table: { ana: { name: "Ana", seat: 1, here: true } },
  talk: {},
  messages: {},
}
/** @param {object} patch */
const room = patch => mergePatch(ROOM, patch)
/** @param {any} before @param {any} after */
const keys = (before, after) => newsBetween(before, after, new Set()).map(({ key }) => key)

test("the stage follows the lesson", () => {
  assert.equal(stageOf(LOBBY, undefined), "lobby")
  assert.equal(
    stageOf(mergePatch(LOBBY, { me: { room: "r1" }, room: { name: "Acorns" } }), undefined),
    "lobby",
    "seated before the rooms open",
  )
  assert.equal(stageOf(ROOM, undefined), "room")
  assert.equal(stageOf(room({ lesson: { phase: "gather" } }), undefined), "room")
  assert.equal(stageOf(room({ me: { room: null }, room: null }), undefined), "lobby")
  assert.equal(stageOf(room({ lesson: { phase: "ended" } }), undefined), "ended")
  assert.equal(stageOf(ROOM, { code: "removed" }), "gone")
  assert.equal(stageOf(undefined, { code: "ended" }), "ended")
})

test("the text is open only while work goes on in an unlocked room, and says why when it is not", () => {
  assert.equal(mayWrite(ROOM), true)
  assert.equal(lockWords(ROOM), null)
  for (const [patch, words] of [
    [{ room: { locked: true } }, "locked.teacher"],
    [{ room: { locked: true, lock_reason: "time" } }, "locked.time"],
    [{ room: { locked: true }, lesson: { phase: "gather" } }, "locked.gather"],
  ]) {
    const state = room(/** @type {object} */ (patch))
    assert.equal(mayWrite(state), false)
    assert.equal(lockWords(state), words)
  }
})

test("opening, moving, locking and unlocking are news", () => {
  assert.deepEqual(keys(LOBBY, ROOM), ["opened"])
  assert.deepEqual(
    keys(
      ROOM,
      room({
        me: { room: "r2" },
        room: { room: "r2", name: "Salmon" },
        talk: { m: { author: "raj", name: "Raj", text: "hi", at: 1 } },
      }),
    ),
    ["moved"],
  )
  assert.deepEqual(keys(ROOM, room({ room: { locked: true } })), ["locked.teacher"])
  assert.deepEqual(keys(room({ room: { locked: true } }), ROOM), ["unlocked"])
  assert.deepEqual(keys(ROOM, ROOM), [])
  assert.deepEqual(keys(undefined, ROOM), [], "the first state is no news")
})

test("a seat in the lobby is news", () => {
  const seated = mergePatch(LOBBY, { me: { room: "r1" }, room: { room: "r1", name: "Acorns" } })
  assert.deepEqual(keys(LOBBY, seated), ["lobby.seated"])
  assert.deepEqual(keys(seated, seated), [])
  assert.deepEqual(keys(seated, LOBBY), [])
})

test("the tables to choose among stand in the lesson's order, whatever the order of the message", () => {
  const rooms = { b: { name: "Bees", position: 2 }, a: { name: "Salmon", position: 1 }, c: { name: "Acorns", position: 0 } }
  const choices = choicesOf({ me: { room: "a" }, rooms })
  assert.deepEqual(
    choices.map(({ room, mine }) => [room, mine]),
    [
      ["c", false],
      ["a", true],
      ["b", false],
    ],
  )
  assert.deepEqual(choicesOf({ me: {} }), [])
})

test("others' talk and the teacher's words are news, one's own are not", () => {
  assert.deepEqual(keys(ROOM, room({ talk: { m: { author: "raj", name: "Raj", text: "hi", at: 1 } } })), ["talk.news"])
  assert.deepEqual(keys(ROOM, room({ talk: { m: { author: "teacher", name: "", text: "hi", at: 1 } } })), [
    "talk.news_teacher",
  ])
  assert.deepEqual(keys(ROOM, room({ talk: { m: { author: "ana", name: "Ana", text: "hi", at: 1 } } })), [])
  assert.deepEqual(keys(ROOM, room({ messages: { b: { text: "Look up", kind: "broadcast", at: 1 } } })), [
    "message.news",
  ])
})

test("a place in the queue is told when it changes, and its end", () => {
  const asked = room({ me: { hand: { reason: "stuck", since: 1, place: 2 } } })
  assert.deepEqual(keys(ROOM, asked), ["hand.place"])
  assert.deepEqual(keys(asked, mergePatch(asked, { me: { hand: { place: 1 } } })), ["hand.place"])
  assert.deepEqual(keys(asked, asked), [])
  assert.deepEqual(keys(asked, ROOM), ["hand.down"])
})

test("messages stand newest first until they are put away", () => {
  const state = room({
    messages: {
      a: { text: "one", kind: "nudge", at: 1 },
      b: { text: "two", kind: "nudge", at: 2 },
      c: { text: "three", kind: "nudge", at: 3 },
    },
  })
  assert.deepEqual(
    openMessages(state, new Set(["b"])).map(({ id }) => id),
    ["c", "a"],
  )
})

test("someone who has moved on is still known by the room's seats", () => {
  const state = room({ seats: { raj: { name: "Raj", seat: 2 } } })
  assert.deepEqual(personOf(state, "raj"), { name: "Raj", seat: 2 })
  assert.equal(personOf(state, "nobody"), undefined)
})

test("P21: one's own record is said in minutes, and never more of them worked than were here", () => {
  assert.deepEqual(minutesOf({ slots: 0, minutes_present: 4 }), { worked: 0, here: 4, any: false })
  assert.deepEqual(minutesOf({ slots: 2, minutes_present: 4 }), { worked: 0, here: 4, any: true })
  assert.deepEqual(minutesOf({ slots: 18, minutes_present: 12 }), { worked: 3, here: 12, any: true })
  assert.deepEqual(minutesOf({ slots: 18, minutes_present: 1 }), { worked: 3, here: 3, any: true }, "written offline")
})

test("a new role and a record that is shared are news; the same again is not", () => {
  const scribe = room({ me: { role: "scribe" } })
  assert.deepEqual(keys(ROOM, scribe), ["role.scribe.you"])
  assert.deepEqual(keys(scribe, room({ me: { role: "questioner" } })), ["role.questioner.you"])
  assert.deepEqual(keys(scribe, scribe), [])
  assert.deepEqual(keys(scribe, ROOM), [])
  const shared = room({ record: { slots: 1 } })
  assert.deepEqual(keys(ROOM, shared), ["record.news"])
  assert.deepEqual(keys(shared, room({ record: { slots: 2 } })), [])
})

test("the others' roles are told once each, without one's own", () => {
  const state = room({
    me: { role: "scribe" },
    table: { ana: { role: "scribe" }, raj: { name: "Raj", seat: 3, role: "questioner" }, li: { name: "Li", seat: 2, role: "facilitator" }, zoe: { name: "Zoë", seat: 4 } },
  })
  assert.deepEqual(othersRoles(state), ["facilitator", "questioner"])
  assert.deepEqual(othersRoles(ROOM), [])
})

test("a replay's lines are read without their markup, and what is new is marked", () => {
  const text = "## Find\n- in the **river**\n> old\n\nplain"
  assert.deepEqual(
    linesOf(text, []).map(({ kind, parts }) => [kind, parts.map(part => part.text).join("|")]),
    [["heading", "Find"], ["item", "in the river"], ["quote", "old"], ["plain", ""], ["plain", "plain"]],
  )
  // "ind\n- in" is new: it runs over the end of a line and its mark.
  assert.deepEqual(linesOf(text, [[4, 12]]).slice(0, 2).map(({ parts }) => parts), [
    [{ text: "F", fresh: false }, { text: "ind", fresh: true }],
    [{ text: "in", fresh: true }, { text: " the river", fresh: false }],
  ])
})
