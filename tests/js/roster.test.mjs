import assert from "node:assert/strict"
import { test } from "node:test"

import { readRoster } from "../../static/src/new/roster.js"

test("one name and group a line; groups in the order they come, whatever their capitals", () => {
  const { groups, problems, people } = readRoster("Mia, Salmon\nTom, Acorns\n\nZoe , salmon\r\n")
  assert.deepEqual(groups, [{ name: "Salmon", people: ["Mia", "Zoe"] }, { name: "Acorns", people: ["Tom"] }])
  assert.deepEqual(problems, [])
  assert.equal(people, 3)
})

test("pasted from a spreadsheet, with a semicolon, an Arabic comma, with a heading, an empty column, a comma inside the name, or a line twice", () => {
  const { groups } = readRoster("Name\tGroup\nMia\tSalmon\t\nTom; Salmon\nليلى، Salmon\nLee, Ida; Salmon\n\"Bo\",\"Salmon\"\nMia, Salmon")
  assert.deepEqual(groups, [{ name: "Salmon", people: ["Mia", "Tom", "ليلى", "Lee, Ida", "Bo"] }])
})

test("what is wrong is said by line, and the other lines still count", () => {
  const { problems, people } = readRoster(`Mia\n, Salmon\nTom, Salmon\ntom, Acorns\n${"x".repeat(41)}, Salmon`)
  assert.deepEqual(problems.map(({ line, problem }) => [line, problem]), [[1, "group"], [2, "name"], [4, "again"], [5, "long"]])
  assert.equal(people, 1)
})

test("more groups than a lesson holds are refused from the line that goes over", () => {
  const lines = Array.from({ length: 61 }, (_, i) => `P${i}, G${i}`)
  assert.deepEqual(readRoster(lines.join("\n")).problems.map(({ line, problem }) => [line, problem]), [[61, "many"]])
})
