import assert from "node:assert/strict"
import { test } from "node:test"
import { mergePatch } from "../../static/src/shared/merge-patch.js"
import { lockWords, mayWrite, newsBetween, openMessages, personOf, stageOf } from "../../static/src/student/model.js"

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
  assert.equal(stageOf(undefined, undefined), "opening")
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
