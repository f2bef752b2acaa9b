import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { test } from "node:test"

const MESSAGES = new URL("../../static/messages/", import.meta.url)
const SOURCES = new URL("../../static/src/", import.meta.url)
/** @param {string} language @param {string} name @returns {Record<string, string>} */
const read = (language, name) => JSON.parse(readFileSync(new URL(`${language}/${name}`, MESSAGES), "utf8"))
const names = readdirSync(new URL("en/", MESSAGES))
const holes = (/** @type {string} */ text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

for (const name of names) {
  test(`${name} says the same things in every language`, () => {
    const english = read("en", name)
    const arabic = read("ar", name)
    assert.deepEqual(Object.keys(english).filter((key) => !(key in arabic)), [])
    for (const [key, text] of Object.entries(english)) {
      const extra = holes(arabic[key]).filter((hole) => !holes(text).includes(hole))
      assert.deepEqual(extra, [], `${key} fills in something that English does not have`)
    }
  })
}

/** Catalogues that several pages are given besides their own (server/web/templates.py). */
/** @type {Record<string, string[]>} */
const SHARED = { teach: ["evidence"], report: ["evidence"] }

/** The modules a page is made of, by its own folder and the shared one. */
const PAGES = { teach: ["teach.js", "teach", "evidence"], report: ["report.js", "report", "evidence"], new: ["new.js", "new"], project: ["project.js", "project"], home: ["home.js"], student: ["student.js", "student"], join: ["join.js"] }

for (const [page, places] of Object.entries(PAGES)) {
  test(`every word that ${page} asks for by name is in its catalogue`, () => {
    const catalogue = Object.assign({}, ...["common", ...(SHARED[page] ?? []), page].map((name) => read("en", `${name}.json`)))
    const files = places.flatMap((place) => (place.endsWith(".js") ? [place] : readdirSync(new URL(place, SOURCES)).map((file) => `${place}/${file}`)))
    const asked = files.flatMap((file) => [...readFileSync(new URL(file, SOURCES), "utf8").matchAll(/\bt\("([\w.]+)"/g)].map(([, key]) => key))
    assert.ok(asked.length > 0)
    assert.deepEqual(asked.filter((key) => !(key in catalogue) && !(`${key}.other` in catalogue)), [])
  })
}
