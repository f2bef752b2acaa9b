import assert from "node:assert/strict"
import { test } from "node:test"
import { placeFlags } from "../../static/src/editor/flags.js"

const AROUND = { bounds: { left: 0, top: 0, right: 300, bottom: 400 }, written: null, height: 16, initial: 20 }
/** @param {Partial<import("../../static/src/editor/flags.js").Flag>} flag */
const flag = flag => ({ x: 100, top: 100, bottom: 130, width: 80, folded: false, backwards: false, ...flag })
/** @param {{left: number, right: number, top: number, bottom: number}} a @param {typeof a} b */
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

test("a flag stands above its cursor, and begins there", () => {
  assert.deepEqual(placeFlags([flag({})], AROUND), [{ x: 100, y: 84, folded: false, below: false }])
  assert.deepEqual(placeFlags([flag({ backwards: true })], AROUND)[0]?.x, 20, "right to left it ends there")
})

test("the line that is being written here is never covered", () => {
  const written = { left: -1e6, right: 1e6, top: 70, bottom: 100 }
  assert.deepEqual(placeFlags([flag({})], { ...AROUND, written }), [{ x: 100, y: 130, folded: false, below: true }])
  const mine = { left: -1e6, right: 1e6, top: 130, bottom: 160 }
  assert.equal(placeFlags([flag({})], { ...AROUND, written: mine })[0]?.below, false)
})

test("at the edges a flag is whole and inside", () => {
  assert.equal(placeFlags([flag({ x: 290 })], AROUND)[0]?.x, 220)
  assert.equal(placeFlags([flag({ x: 10, backwards: true })], AROUND)[0]?.x, 0)
  assert.equal(placeFlags([flag({ top: 5, bottom: 35 })], AROUND)[0]?.below, true)
  assert.equal(placeFlags([flag({ top: 370, bottom: 400 })], AROUND)[0]?.below, false)
})

test("flags at one place step aside, then shrink to an initial, and the last are left out", () => {
  const places = placeFlags(Array.from({ length: 8 }, () => flag({})), AROUND)
  assert.deepEqual(places.slice(0, 2).map(place => place?.below), [false, true])
  assert.deepEqual(places.slice(2), [null, null, null, null, null, null])
  const beside = placeFlags([flag({}), flag({ x: 182 }), flag({ x: 95 })], AROUND)
  assert.deepEqual(beside.map(place => [place?.folded, place?.below]), [[false, false], [false, false], [false, true]])
  const folded = placeFlags([flag({}), flag({ x: 60, bottom: 130 }), flag({ x: 75, width: 90 })], AROUND)
  assert.deepEqual(folded[2], { x: 75, y: 84, folded: true, below: false })
})

test("however they come, none overlaps another, the written line or an edge", () => {
  let seed = 11
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below
  for (let round = 0; round < 300; round++) {
    const line = 30 * random(12)
    const written = { left: -1e6, right: 1e6, top: line, bottom: line + 30 }
    const flags = Array.from({ length: 1 + random(12) }, () => {
      const top = 30 * random(13)
      return flag({ x: random(300), top, bottom: top + 30, width: 20 + random(140), folded: random(3) === 0, backwards: random(2) === 0 })
    })
    const boxes = placeFlags(flags, { ...AROUND, written }).flatMap((place, index) => {
      if (!place) return []
      const width = place.folded ? AROUND.initial : flags[index].width
      return [{ left: place.x, right: place.x + width, top: place.y, bottom: place.y + AROUND.height }]
    })
    for (const [index, box] of boxes.entries()) {
      assert.ok(box.left >= 0 && box.right <= 300 && box.top >= 0 && box.bottom <= 400)
      assert.ok(!overlap(box, written))
      for (const other of boxes.slice(index + 1)) assert.ok(!overlap(box, other))
    }
  }
})
