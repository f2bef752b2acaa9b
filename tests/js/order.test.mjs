import assert from "node:assert/strict"
import { test } from "node:test"

import { nextOrder } from "../../static/src/teach/order.js"

const rooms = ["a", "b", "c"]

test("P16: the first order is shown at once, even under the pointer", () => {
  assert.deepEqual(nextOrder([], ["c", "a", "b"], rooms, true), { shown: ["c", "a", "b"], waiting: false })
})

test("P16: no room jumps under the pointer; it is known that a newer order waits", () => {
  assert.deepEqual(nextOrder(rooms, ["c", "a", "b"], rooms, true), { shown: rooms, waiting: true })
  assert.deepEqual(nextOrder(rooms, ["c", "a", "b"], rooms, false), { shown: ["c", "a", "b"], waiting: false })
  assert.deepEqual(nextOrder(rooms, rooms, rooms, true), { shown: rooms, waiting: false })
})

test("a closed room leaves and a new one comes at the end, whatever is held", () => {
  assert.deepEqual(nextOrder(rooms, ["d", "c", "a"], ["a", "c", "d"], true).shown, ["a", "c", "d"])
})

test("rooms that triage does not name yet follow in the lesson's order", () => {
  assert.deepEqual(nextOrder([], [], rooms, false).shown, rooms)
  assert.deepEqual(nextOrder([], ["b", "gone"], rooms, false).shown, ["b", "a", "c"])
})
