import assert from "node:assert/strict"
import { test } from "node:test"
import { Warnings, formatClock, secondsLeft } from "../../static/src/shared/clock.js"
import { mergePatch } from "../../static/src/shared/merge-patch.js"
import { translator } from "../../static/src/shared/messages.js"

// The table of RFC 7386, appendix A.
const RFC_7386 = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

test("merge patch follows the table of its RFC", () => {
  for (const [target, patch, result] of RFC_7386) assert.deepEqual(mergePatch(target, patch), result)
})

test("merge patch changes neither argument and keeps what is untouched", () => {
  const talk = { m: { text: "hello" } }
  const before = Object.freeze({ talk, room: Object.freeze({ name: "Acorns" }) })
  const after = mergePatch(before, { room: { ready: true } })
  assert.equal(after.talk, talk)
  assert.deepEqual(after.room, { name: "Acorns", ready: true })
})

test("merge patch sets no prototype", () => {
  const after = mergePatch({}, JSON.parse('{"__proto__": {"teacher": true}}'))
  assert.equal(after.teacher, undefined)
})

test("the clock counts whole seconds down to zero", () => {
  assert.equal(secondsLeft(10_000, 9_001), 1)
  assert.equal(secondsLeft(10_000, 10_000), 0)
  assert.equal(secondsLeft(10_000, 99_000), 0)
  assert.deepEqual([0, 59, 60, 702, 3900].map(formatClock), ["0:00", "0:59", "1:00", "11:42", "1:05:00"])
})

test("warnings come once each, at five minutes, one minute and the end", () => {
  const warnings = new Warnings()
  const ends = 400_000
  const heard = []
  for (let now = 0; now <= 410_000; now += 500) {
    const warning = warnings.look(ends, now)
    if (warning !== null) heard.push([warning, now])
  }
  assert.deepEqual(heard, [
    [5, 100_000],
    [1, 340_000],
    [0, 400_000],
  ])
})

test("a page opened late is not warned of what has passed, and an extension warns again", () => {
  const warnings = new Warnings()
  assert.equal(warnings.look(400_000, 350_000), null)
  assert.equal(warnings.look(400_000, 351_000), null)
  assert.equal(warnings.look(460_000, 352_000), null)
  assert.equal(warnings.look(460_000, 400_000), 1)
  assert.equal(warnings.look(undefined, 401_000), null)
})

test("a timer set anew to less is no warning by itself", () => {
  const warnings = new Warnings()
  warnings.look(1_200_000, 0)
  assert.equal(warnings.look(62_000, 500), null)
  assert.equal(warnings.look(62_000, 2_000), 1)
})

test("a laptop that slept hears the nearer warning only", () => {
  const warnings = new Warnings()
  warnings.look(1_000_000, 0)
  assert.equal(warnings.look(1_000_000, 950_000), 1)
})

test("words are filled in, counted by the language's plurals, and a missing key shows itself", () => {
  const t = translator({ hello: "Hello, {name}", "words.one": "{count} word", "words.other": "{count} words" }, "en")
  assert.equal(t("hello", { name: "Ana" }), "Hello, Ana")
  assert.equal(t("hello"), "Hello, {name}")
  assert.equal(t("words", { count: 1 }), "1 word")
  assert.equal(t("words", { count: 0 }), "0 words")
  assert.equal(t("nothing.here"), "nothing.here")
  const arabic = translator({ "words.two": "كلمتان", "words.other": "{count} كلمة" }, "ar")
  assert.equal(arabic("words", { count: 2 }), "كلمتان")
  assert.equal(arabic("words", { count: 30 }), `${new Intl.NumberFormat("ar").format(30)} كلمة`)
})

test("what stands for just one number comes before its plural", () => {
  const t = translator({ "minutes.0": "under 1 min", "minutes.other": "{count} min" }, "en")
  assert.deepEqual([0, 10].map((count) => t("minutes", { count })), ["under 1 min", "10 min"])
})
