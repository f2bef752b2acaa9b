import assert from "node:assert/strict"
import { test } from "node:test"

import { newOrder, nextOrder } from "../../static/src/teach/order.js"

const free = (now) => ({ held: false, now })
const held = (now) => ({ held: true, now })
const rooms = ["a", "b", "c"]

test("P16: the first order is shown at once, even under the pointer", () => {
  assert.deepEqual(nextOrder(newOrder(), ["c", "a", "b"], rooms, held(5)).shown, ["c", "a", "b"])
})

test("P16: no room jumps more often than every ten seconds", () => {
  const first = nextOrder(newOrder(), ["a", "b", "c"], rooms, free(20_000))
  assert.deepEqual(nextOrder(first, ["c", "a", "b"], rooms, free(29_999)).shown, ["a", "b", "c"])
  assert.deepEqual(nextOrder(first, ["c", "a", "b"], rooms, free(30_000)).shown, ["c", "a", "b"])
})

test("P16: no room jumps under the pointer, and the wait is over when the pointer leaves", () => {
  const first = nextOrder(newOrder(), ["a", "b", "c"], rooms, free(20_000))
  const under = nextOrder(first, ["c", "a", "b"], rooms, held(90_000))
  assert.equal(under, first)
  assert.deepEqual(nextOrder(under, ["c", "a", "b"], rooms, free(90_001)).shown, ["c", "a", "b"])
})

test("a closed room leaves and a new one comes at the end, whatever is held", () => {
  const first = nextOrder(newOrder(), ["a", "b", "c"], rooms, free(20_000))
  assert.deepEqual(nextOrder(first, ["d", "c", "a"], ["a", "c", "d"], held(20_001)).shown, ["a", "c", "d"])
})

test("rooms that triage does not name yet follow in the lesson's order", () => {
  assert.deepEqual(nextOrder(newOrder(), [], rooms, free(1)).shown, rooms)
  assert.deepEqual(nextOrder(newOrder(), ["b", "gone"], rooms, free(1)).shown, ["b", "a", "c"])
})
