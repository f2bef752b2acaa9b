// Writes yjs_sessions.json: what stock Yjs clients send in a few sessions, with the text they end with and the standing
// units of each, counted inside Yjs. Run it after an update of Yjs:  node tests/core/yjs_sessions.mjs

import { writeFileSync } from "node:fs"
import * as Y from "yjs"

/**
 * @typedef {{name: string, doc: Y.Doc, text: Y.Text, undo: Y.UndoManager, online: boolean}} Writer
 * @typedef {{author: string, away: number | null, update: string}} Sent
 */

/** A seeded generator (mulberry32), so that the file only changes when Yjs does. @param {number} seed */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

class Session {
  /** @type {Sent[]} */
  updates = []
  /** @type {Record<string, Writer>} */
  writers = {}

  /** @param {string[]} names */
  constructor(names) {
    names.forEach((name, index) => {
      const doc = new Y.Doc()
      doc.clientID = 1000 + ((index * 7919) % 97)
      const text = doc.getText("summary")
      const undo = new Y.UndoManager(text, { captureTimeout: 500_000, trackedOrigins: new Set(["typed"]) })
      const writer = { name, doc, text, undo, online: true }
      doc.on("update", (/** @type {Uint8Array} */ update, /** @type {unknown} */ origin) => {
        if (origin !== "server" && writer.online) this.send(writer, update, null)
      })
      this.writers[name] = writer
    })
  }

  /** @param {Writer} writer @param {Uint8Array} update @param {number | null} away */
  send(writer, update, away) {
    this.updates.push({ author: writer.name, away, update: Buffer.from(update).toString("base64") })
    for (const other of Object.values(this.writers)) {
      if (other.online && other !== writer) Y.applyUpdate(other.doc, update, "server")
    }
  }

  /** @param {string} name @param {number} index @param {number} deleted @param {string} inserted */
  edit(name, index, deleted, inserted) {
    const { doc, text } = this.writers[name]
    doc.transact(() => {
      if (deleted) text.delete(index, deleted)
      if (inserted) text.insert(index, inserted)
    }, "typed")
  }

  /** @param {string} name @param {number} index @param {string} words */
  type(name, index, words) {
    for (const character of words) {
      this.edit(name, index, 0, character)
      index += character.length
    }
  }

  /** @param {string} name @param {number} index @param {number} times */
  backspace(name, index, times) {
    for (let i = 1; i <= times; i++) this.edit(name, index - i, 1, "")
  }

  /** @param {string} name */
  leave(name) {
    this.writers[name].online = false
  }

  /** Comes back as a provider does: both sides send what the other lacks. @param {string} name @param {number} away */
  comeBack(name, away) {
    const writer = this.writers[name]
    const server = new Y.Doc()
    for (const { update } of this.updates) Y.applyUpdate(server, Buffer.from(update, "base64"))
    const mine = Y.encodeStateAsUpdate(writer.doc, Y.encodeStateVector(server))
    Y.applyUpdate(writer.doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(writer.doc)), "server")
    writer.online = true
    this.send(writer, mine, away)
  }

  end() {
    const doc = new Y.Doc()
    for (const { update } of this.updates) Y.applyUpdate(doc, Buffer.from(update, "base64"))
    /** @type {Record<number, number>} */
    const standing = {}
    for (let item = doc.getText("summary")._start; item !== null; item = item.right) {
      if (!item.deleted) standing[item.id.client] = (standing[item.id.client] ?? 0) + item.length
    }
    const clients = Object.fromEntries(Object.values(this.writers).map(({ name, doc }) => [name, doc.clientID]))
    return { updates: this.updates, text: doc.getText("summary").toString(), standing, clients }
  }
}

/** Tom holds the backspace key through Mia's sentence, in which she had mended a slip, and takes it back. */
function takenBack() {
  const session = new Session(["mia", "tom"])
  session.type("mia", 0, "The oka")
  session.backspace("mia", 7, 2)
  session.type("mia", 5, "ak is very old. 😀")
  session.type("tom", 23, " It stands alone.")
  for (let i = 0; i < 22; i++) {
    const length = i === 0 ? 2 : 1
    session.edit("tom", Math.max(0, 23 - 2 - i), length, "")
  }
  session.writers.tom.undo.undo()
  return session.end()
}

/** Tom deletes a sentence that Mia and Zoe wrote together, in pieces shorter than a sentence, and takes it back. */
function pieces() {
  const session = new Session(["mia", "tom", "zoe"])
  session.type("mia", 0, "Oaks are trees.")
  session.type("zoe", 9, "old ")
  session.type("mia", 13, "big ")
  session.edit("tom", 0, 23, "")
  session.writers.tom.undo.undo()
  return session.end()
}

/** @param {number} seed @param {number} steps */
function wild(seed, steps) {
  const session = new Session(["mia", "tom", "zoe"])
  const next = random(seed)
  const words = ["a", "word ", "a sentence of some length. ", "\n", "😀", "👩‍👩‍👧 ", "مرحبا ", "é"]
  const place = (/** @type {Y.Text} */ text) => {
    const characters = [...text.toString()]
    return characters.slice(0, Math.floor(next() * (characters.length + 1))).join("").length
  }
  for (let i = 0; i < steps; i++) {
    const name = ["mia", "tom", "zoe"][Math.floor(next() * 3)]
    const writer = session.writers[name]
    const choice = next()
    const at = place(writer.text)
    if (choice < 0.35) session.type(name, at, words[Math.floor(next() * words.length)])
    else if (choice < 0.5) session.edit(name, at, 0, words[Math.floor(next() * words.length)])
    else if (choice < 0.75) {
      const rest = [...writer.text.toString().slice(at)].slice(0, 1 + Math.floor(next() * 12)).join("")
      if (rest) session.edit(name, at, rest.length, next() < 0.3 ? "new" : "")
    } else if (choice < 0.82) writer.undo.undo()
    else if (choice < 0.87) writer.undo.redo()
    else if (writer.online) session.leave(name)
    else session.comeBack(name, 30)
    if (next() < 0.2) writer.undo.stopCapturing()
  }
  for (const [name, writer] of Object.entries(session.writers)) if (!writer.online) session.comeBack(name, 30)
  return session.end()
}

const sessions = { takenBack: takenBack(), pieces: pieces(), wild1: wild(1, 100), wild2: wild(2, 100), wild3: wild(3, 100) }
writeFileSync(new URL("yjs_sessions.json", import.meta.url), JSON.stringify(sessions) + "\n")
