import assert from "node:assert/strict"
import { test } from "node:test"

import { layTable, lettersFor } from "../../static/src/shared/table-model.js"

/** @param {string} name @param {number} seat @param {number} units */
const member = (name, seat, units, here = true) => ({ name, seat, units, here })

/** The sweep of an arc path, from the angle between its ends. @param {string} path */
function sweep(path) {
  const [x1, y1, large, x2, y2] = (path.match(/^M(\S+) (\S+)A\S+ \S+ 0 (\d) 1 (\S+) (\S+)$/)?.slice(1) ?? []).map(Number)
  const angle = (/** @type {number} */ x, /** @type {number} */ y) => (Math.atan2(y - 56, x - 56) * 180) / Math.PI
  const turned = (angle(x2, y2) - angle(x1, y1) + 360) % 360
  assert.equal(large, turned > 180 ? 1 : 0)
  return turned
}

test("at a fair table every arc lies before its own seat", () => {
  const { seats, arcs } = layTable([member("A", 1, 10), member("B", 2, 10), member("C", 3, 10), member("D", 4, 10)])
  arcs.forEach((arc, i) => {
    const toSeat = Math.atan2(seats[i].y - 56, seats[i].x - 56)
    const toArc = Math.atan2(arc.y - 56, arc.x - 56)
    assert.ok(Math.abs(toSeat - toArc) < 0.01)
    assert.equal(arc.seat, seats[i].seat)
  })
})

test("an arc is as long as its member's part of the work", () => {
  const { arcs } = layTable([member("A", 1, 60), member("B", 2, 30), member("C", 3, 10)])
  assert.deepEqual(arcs.map((arc) => Math.round(sweep(arc.path))), [211, 103, 31]); // less a gap of five degrees
})

test("someone silent has a seat and no arc; someone away a hollow seat", () => {
  const { seats, arcs } = layTable([member("A", 1, 5), member("B", 2, 0), member("C", 3, 7, false)])
  assert.equal(seats.length, 3)
  assert.deepEqual(arcs.map((arc) => arc.seat), [1, 3])
  assert.deepEqual(seats.map((seat) => seat.here), [true, true, false])
})

test("one writer alone is a whole ring, and nobody is an empty table", () => {
  const { arcs } = layTable([member("A", 1, 5), member("B", 2, 0)])
  assert.equal(arcs.length, 1)
  assert.equal(arcs[0].path.match(/A/g)?.length, 2)
  assert.deepEqual(layTable([]), { seats: [], arcs: [], count: 0, seatRadius: 9 })
})

test("a member keeps seat and colour whatever order the members come in", () => {
  const there = layTable([member("A", 1, 5), member("B", 2, 3)])
  const back = layTable([member("B", 2, 3), member("A", 1, 5)])
  assert.deepEqual(there, back)
})

test("letters tell names apart", () => {
  assert.deepEqual(lettersFor(["Mia", "Tom"]), ["M", "T"])
  assert.deepEqual(lettersFor(["Sam", "Spencer", "Ana"]), ["Sa", "Sp", "A"])
  assert.deepEqual(lettersFor(["Sam", "Sam (2)"]), ["Sa", "S2"])
  assert.deepEqual(lettersFor(["", "é"]), ["?", "É"])
})

test("a long table has small seats without letters, all of them inside the picture", () => {
  const { seats, seatRadius } = layTable(Array.from({ length: 40 }, (_, i) => member(`P${i}`, i + 1, 1)))
  assert.ok(seatRadius < 7)
  for (const seat of seats) {
    assert.equal(seat.letters, "")
    assert.ok(seat.x - seatRadius >= 0 && seat.x + seatRadius <= 112)
  }
})

test("P14: someone not measured by typing has a seat and no arc, and the others' arcs fill the table", () => {
  const { seats, arcs } = layTable([member("A", 1, 50), { ...member("B", 2, 900), measured: false }, member("C", 3, 50)])
  assert.deepEqual(seats.map((seat) => seat.letters), ["A", "B", "C"])
  assert.deepEqual(arcs.map((arc) => arc.seat), [1, 3])
  assert.deepEqual(arcs.map((arc) => Math.round(sweep(arc.path))), [175, 175])
})
