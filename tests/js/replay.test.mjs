import assert from "node:assert/strict"
import { test } from "node:test"
import { Replay } from "../../static/src/shared/replay-model.js"

/** @type {import("../../static/src/shared/replay-model.js").Step[]} */
const STEPS = [
  [1000, "ana", [[0, 0, "Acorns fall."]]],
  [2000, "raj", [[12, 0, " We wash them."]]],
  [5000, "ana", [[0, 6, "The nuts"], [8, 0, " all"]]],
  [9000, "raj", [[0, 4, ""]]],
]

test("the text grows step by step, forwards and back", () => {
  const replay = new Replay(STEPS)
  const texts = ["", "Acorns fall.", "Acorns fall. We wash them.", "The nuts all fall. We wash them.", "nuts all fall. We wash them."]
  for (const count of [0, 1, 2, 3, 4, 2, 3, 0, 4, 1]) {
    replay.seek(count)
    assert.equal(replay.text, texts[count])
  }
  replay.seek(99)
  assert.equal(replay.text, texts[4])
  replay.seek(-1)
  assert.equal(replay.text, "")
})

test("a time is found by what had been written until then", () => {
  const replay = new Replay(STEPS)
  assert.deepEqual([0, 999, 1000, 4999, 9000, 99_000].map(at => replay.countAt(at)), [0, 0, 1, 2, 4, 4])
  assert.deepEqual([replay.start, replay.end, replay.length], [1000, 9000, 4])
  assert.deepEqual([new Replay([]).start, new Replay([]).end, new Replay([]).countAt(5)], [0, 0, 0])
  assert.equal(replay.timeOf(2), 5000)
  assert.equal(replay.timeOf(4), undefined)
})

test("the passage tells whose words stand, and fresh where the last step wrote", () => {
  const replay = new Replay(STEPS)
  replay.seek(3)
  assert.deepEqual(replay.passage, [
    { author: "ana", text: "The nuts all fall." },
    { author: "raj", text: " We wash them." },
  ])
  assert.deepEqual(replay.fresh, [[0, 8], [8, 12]])
  replay.seek(4)
  assert.deepEqual(replay.fresh, [])
})

test("without names it is one piece", () => {
  const replay = new Replay([
    [1, null, [[0, 0, "one"]]],
    [2, null, [[1, 1, "NN"]]],
    [3, undefined, [[4, 0, "!"]]],
  ])
  replay.seek(3)
  assert.deepEqual(replay.passage, [{ author: null, text: "oNNe!" }])
})

test("any splices by anyone, sought at random, give what plain strings and letters give", () => {
  let seed = 7
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below
  /** @type {string[][]} each letter with its author */
  let letters = []
  /** @type {import("../../static/src/shared/replay-model.js").Step[]} */
  const steps = []
  const states = [letters]
  for (let at = 0; at < 1500; at++) {
    const author = "abc"[random(3)]
    const splices = Array.from({ length: 1 + random(2) }, () => {
      const position = random(letters.length + 1)
      const deleted = random(3) === 0 ? random(Math.min(6, letters.length - position) + 1) : 0
      const inserted = "words of someone".slice(0, random(6))
      const after = letters.slice(position + deleted)
      letters = [...letters.slice(0, position), ...[...inserted].map(letter => [author, letter]), ...after]
      return /** @type {import("../../static/src/shared/replay-model.js").Splice} */ ([position, deleted, inserted])
    })
    steps.push([at, author, splices])
    states.push(letters)
  }
  const replay = new Replay(steps)
  for (const count of [1500, 3, 700, 699, 256, 255, 257, 1024, 1500, 0, ...Array.from({ length: 60 }, () => random(1501))]) {
    replay.seek(count)
    assert.equal(replay.text, states[count].map(([, letter]) => letter).join(""), `after ${count} steps`)
    assert.deepEqual(replay.passage.flatMap(({ author, text }) => [...text].map(letter => [author, letter])), states[count])
    assert.ok(replay.passage.every((piece, index) => piece.author !== replay.passage[index + 1]?.author))
  }
})
