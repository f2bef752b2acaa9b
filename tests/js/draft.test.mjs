import assert from "node:assert/strict"
import { test } from "node:test"

import { fieldAtFault, readDraft, readRooms } from "../../static/src/new/draft.js"

/** @param {Record<string, string>} fields */
const read = (fields) => readDraft((name) => fields[name] ?? "")

test("a title is enough: four rooms, groups by chance", () => {
  assert.deepEqual(read({ title: " Acorns ", participation: "on" }), { errors: {},
    draft: { title: "Acorns", task: "", grouping: "random", participation: true, language: "en", criteria: [], starters: [], room_count: 4 } })
})

test("what is wrong is said by field", () => {
  const { errors } = read({ title: " ", minutes: "0", room_count: "61", criteria: Array(13).fill("x").join("\n"), starters: `a\n${"x".repeat(201)}` })
  assert.deepEqual(Object.keys(errors).sort(), ["criteria", "minutes", "room_count", "starters", "title"])
  assert.equal(errors.starters.vars?.line, 2)
})

test("rooms by name, with a topic after a colon", () => {
  assert.deepEqual(readRooms("Salmon: how it was dried\n\n- Acorns \n"), [{ name: "Salmon", topic: "how it was dried" }, { name: "Acorns", topic: "" }])
  const { draft, errors } = read({ title: "T", rooms_by: "names", rooms: "Salmon" })
  assert.deepEqual([draft.rooms, draft.room_count, errors], [[{ name: "Salmon", topic: "" }], undefined, {}])
  assert.equal(read({ title: "T", rooms_by: "names" }).errors.rooms.key, "error.rooms_empty")
})

test("a roster names the rooms itself", () => {
  const { draft, errors } = read({ title: "T", grouping: "roster", roster: "Mia, Salmon", rooms_by: "names", rooms: "" })
  assert.deepEqual([draft.roster, draft.rooms, draft.room_count, errors], ["Mia, Salmon", undefined, undefined, {}])
  assert.equal(read({ title: "T", grouping: "roster", roster: "Mia" }).errors.roster.vars?.count, 1)
  assert.equal(read({ title: "T", grouping: "roster" }).errors.roster.key, "error.roster_empty")
})

test("a refusal of the server finds its field", () => {
  assert.equal(fieldAtFault("This request does not fit: Expected `str` of length <= 200 - at `$.criteria[1]`."), "criteria")
  assert.equal(fieldAtFault("The lesson is over."), null)
})

test("a hint and a challenge are kept with the lesson when they are written", () => {
  const { draft } = read({ title: "Acorns", hint: " Start small. ", stretch: "  " })
  assert.equal(draft.hint, "Start small.")
  assert.equal("stretch" in draft, false)
})
