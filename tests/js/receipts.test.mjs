import assert from "node:assert/strict"
import { test } from "node:test"
import * as Y from "yjs"
import { ClockRanges, OVERDUE_MS, Receipts } from "../../static/src/editor/receipts.js"

/** A page with its document and receipts, and a server that has what it is sent. */
function desk() {
  const doc = new Y.Doc()
  const server = new Y.Doc()
  const receipts = new Receipts()
  /** @type {Uint8Array[]} */
  const sent = []
  doc.on("update", (/** @type {Uint8Array} */ update, /** @type {unknown} */ origin) => {
    if (origin === "server") return
    receipts.wrote(update, 0)
    sent.push(update)
  })
  receipts.connected(0)
  receipts.synced()
  return { doc, server, receipts, sent, text: doc.getText("summary") }
}

test("what is written is saving until it comes back, and saved then", () => {
  const { text, receipts, sent } = desk()
  assert.equal(receipts.state(0), "saved")
  text.insert(0, "acorns")
  assert.equal(receipts.state(1), "saving")
  receipts.heard(sent[0], 2)
  assert.equal(receipts.state(2), "saved")
})

test("someone else's words are no receipt", () => {
  const { text, receipts } = desk()
  text.insert(0, "acorns")
  const other = new Y.Doc()
  other.getText("summary").insert(0, "acorns")
  receipts.heard(Y.encodeStateAsUpdate(other), 1)
  assert.equal(receipts.state(1), "saving")
})

test("half of a run that comes back leaves the other half waiting", () => {
  const { text, receipts, sent } = desk()
  text.insert(0, "aco")
  text.insert(3, "rns")
  receipts.heard(sent[0], 1)
  assert.equal(receipts.state(1), "saving")
  assert.equal(receipts.unsavedText(text), "rns")
  receipts.heard(sent[1], 2)
  assert.equal(receipts.state(2), "saved")
})

test("a deletion needs its own receipt", () => {
  const { doc, text, receipts, sent } = desk()
  text.insert(0, "acorns")
  receipts.heard(sent[0], 1)
  text.delete(0, 2)
  assert.equal(receipts.state(2), "saving")
  receipts.heardStateVector(Y.encodeStateVector(doc), 3)
  assert.equal(receipts.state(3), "saving", "a state vector tells nothing about deletions")
  receipts.heard(sent[1], 4)
  assert.equal(receipts.state(4), "saved")
})

test("the server's state vector acknowledges what it holds", () => {
  const { doc, text, server, receipts } = desk()
  text.insert(0, "acorns")
  Y.applyUpdate(server, Y.encodeStateAsUpdate(doc))
  text.insert(6, "!")
  receipts.heardStateVector(Y.encodeStateVector(server), 1)
  assert.equal(receipts.unsavedText(text), "!")
})

test("without a connection the page is offline, whatever waits", () => {
  const { text, receipts } = desk()
  receipts.disconnected()
  assert.equal(receipts.state(0), "offline")
  text.insert(0, "acorns")
  assert.equal(receipts.state(99_999), "offline")
})

test("receipts that stay out are told as not saved, and a late one mends it", () => {
  const { text, receipts, sent } = desk()
  text.insert(0, "acorns")
  assert.equal(receipts.state(OVERDUE_MS), "saving")
  assert.equal(receipts.state(OVERDUE_MS + 1), "unsaved")
  receipts.heard(sent[0], OVERDUE_MS + 2)
  assert.equal(receipts.state(OVERDUE_MS + 2), "saved")
})

test("a page is opening until its first sync", () => {
  const receipts = new Receipts()
  assert.equal(receipts.state(0), "opening")
  receipts.connected(0)
  assert.equal(receipts.state(0), "opening")
  receipts.synced()
  assert.equal(receipts.state(0), "saved")
})

test("refused words are those without a receipt that still stand, piece by piece", () => {
  const { text, receipts, sent } = desk()
  text.insert(0, "We found acorns.")
  receipts.heard(sent[0], 0)
  text.insert(8, " ripe")
  text.insert(21, " In autumn.")
  text.delete(21, 4)
  assert.equal(receipts.unsavedText(text), "ripe\nautumn.")
})

test("ranges join, split and empty", () => {
  const ranges = new ClockRanges()
  ranges.add(1, 0, 3)
  ranges.add(1, 5, 8)
  ranges.add(1, 3, 5)
  assert.deepEqual([...ranges], [[1, 0, 8]])
  assert.equal(ranges.remove(1, 2, 4), true)
  assert.deepEqual(
    [...ranges],
    [
      [1, 0, 2],
      [1, 4, 8],
    ],
  )
  assert.equal(ranges.remove(1, 2, 4), false)
  assert.equal(ranges.has(1, 4), true)
  assert.equal(ranges.has(1, 3), false)
  ranges.remove(1, 0, 9)
  assert.equal(ranges.empty, true)
})
