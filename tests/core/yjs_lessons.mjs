// Writes yjs_lessons.json: lessons of three to six stock Yjs clients who type, cut and paste each other's sentences, undo,
// and write while disconnected, in two scripts and emoji. With them, counted here and inside Yjs: the standing units by
// first author, and everyone's slots. Run it after an update of Yjs:  node tests/core/yjs_lessons.mjs

import { writeFileSync } from "node:fs"
import * as Y from "yjs"

/**
 * @typedef {{name: string, doc: Y.Doc, text: Y.Text, undo: Y.UndoManager, leftAt: number | null, unsent: number}} Writer
 * @typedef {{author: string, at: number, away: number | null, update: string}} Sent
 * @typedef {{index: number, piece: string, authors: string[]}} Held
 */

const SLOT_MS = 10_000
const LETTERS = [[..."abcdefghijklmnopqrstuvwxyz"], [..."ابتثجحخدذرزسشصضطظعغفقكلمنهوي"], [..."🌳🐿️🌰🍂💧"]]

/** A seeded generator (mulberry32), so that the file only changes when Yjs does. @param {number} seed */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

class Lesson {
  at = 0
  /** @type {Sent[]} */
  updates = []
  /** @type {Writer[]} */
  writers = []
  /** @type {Record<string, Set<number>>} */
  slots = {}
  /** "client:clock" -> author, of units that were moved or restored. @type {Map<string, string>} */
  firstAuthor = new Map()

  /** @param {string[]} names @param {number} seed */
  constructor(names, seed) {
    this.next = random(seed)
    names.forEach((name, index) => {
      const doc = new Y.Doc()
      doc.clientID = 5000 + index
      const text = doc.getText("summary")
      const undo = new Y.UndoManager(text, { captureTimeout: 0, trackedOrigins: new Set(["typed"]) })
      /** @type {Writer} */
      const writer = { name, doc, text, undo, leftAt: null, unsent: 0 }
      doc.on("update", (/** @type {Uint8Array} */ update, /** @type {unknown} */ origin) => {
        if (origin !== "server" && writer.leftAt === null) this.send(writer, update, null)
      })
      this.writers.push(writer)
      this.slots[name] = new Set()
    })
  }

  /** @template T @param {T[]} choices @returns {T} */
  pick(choices) {
    return choices[Math.floor(this.next() * choices.length)]
  }

  /** Text of so many characters that stands nowhere else. @param {number} characters */
  fresh(characters) {
    const letters = this.pick(LETTERS)
    return Array.from({ length: characters }, () => this.pick(letters)).join("")
  }

  /** An index between two characters. @param {string} text */
  place(text) {
    const characters = [...text]
    return characters.slice(0, Math.floor(this.next() * (characters.length + 1))).join("").length
  }

  /** @param {Writer} writer @param {Uint8Array} update @param {number | null} away */
  send(writer, update, away) {
    this.updates.push({ author: writer.name, at: this.at, away, update: Buffer.from(update).toString("base64") })
    for (const other of this.writers) {
      if (other.leftAt === null && other !== writer) Y.applyUpdate(other.doc, update, "server")
    }
  }

  /** @param {Writer} writer */
  score(writer) {
    if (writer.leftAt === null) this.slots[writer.name].add(Math.floor(this.at / SLOT_MS))
  }

  /** @param {Writer} writer @param {number} index @param {number} deleted @param {string} inserted */
  edit(writer, index, deleted, inserted) {
    writer.doc.transact(() => {
      if (deleted) writer.text.delete(index, deleted)
      if (inserted) writer.text.insert(index, inserted)
    }, "typed")
  }

  /** @param {Writer} writer */
  type(writer) {
    let index = this.place(writer.text.toString())
    for (const character of this.fresh(1 + Math.floor(this.next() * 8))) {
      this.edit(writer, index, 0, character)
      index += character.length
      writer.unsent += character.length
      this.score(writer)
      this.at += 180
    }
  }

  /** @param {Writer} writer */
  addInOneGo(writer) {
    const text = this.fresh(30)
    this.edit(writer, this.place(writer.text.toString()), 0, text)
    writer.unsent += text.length
    this.score(writer)
  }

  /** @param {Writer} writer */
  delete(writer) {
    const text = writer.text.toString()
    const index = this.place(text)
    const rest = [...text.slice(index)].slice(0, 1 + Math.floor(this.next() * 6)).join("")
    if (!rest) return
    this.edit(writer, index, rest.length, "")
    this.score(writer)
  }

  /** The first authors of a range, unit by unit, as Yjs has it. @param {Writer} writer @param {number} index @param {number} length */
  authors(writer, index, length) {
    /** @type {string[]} */
    const found = []
    for (let item = writer.text._start; item !== null; item = item.right) {
      if (item.deleted) continue
      for (let unit = 0; unit < item.length; unit++) found.push(this.authorOf(item.id.client, item.id.clock + unit))
    }
    return found.slice(index, index + length)
  }

  /** @param {number} client @param {number} clock */
  authorOf(client, clock) {
    return this.firstAuthor.get(`${client}:${clock}`) ?? this.writers[client - 5000].name
  }

  /** Says whose the units are that a client has added since a clock, in document order. @param {Writer} writer @param {number} since @param {string[]} authors */
  ascribe(writer, since, authors) {
    for (let item = writer.text._start; item !== null; item = item.right) {
      for (let unit = 0; unit < item.length; unit++) {
        const clock = item.id.clock + unit
        if (!item.deleted && item.id.client === writer.doc.clientID && clock >= since) {
          this.firstAuthor.set(`${item.id.client}:${clock}`, /** @type {string} */ (authors.shift()))
        }
      }
    }
  }

  /** Cuts a passage of a sentence's length, whosever it is; gives it with its place and authors, or null. @param {Writer} writer */
  cut(writer) {
    const text = writer.text.toString()
    const index = this.place(text)
    const piece = [...text.slice(index)].slice(0, 20 + Math.floor(this.next() * 30)).join("")
    if (piece.length < 15) return null
    const authors = this.authors(writer, index, piece.length)
    this.edit(writer, index, piece.length, "")
    this.score(writer)
    this.at += 1500
    return { index, piece, authors }
  }

  /** @param {Writer} writer @param {number} index @param {Held} held */
  paste(writer, index, { piece, authors }) {
    const since = Y.getState(writer.doc.store, writer.doc.clientID)
    this.edit(writer, index, 0, piece)
    this.ascribe(writer, since, [...authors])
  }

  /** @param {Writer} writer */
  move(writer) {
    const held = this.cut(writer)
    if (held) this.paste(writer, this.place(writer.text.toString()), held)
  }

  /** @param {Writer} writer */
  takeBack(writer) {
    const held = this.cut(writer)
    if (!held) return
    const since = Y.getState(writer.doc.store, writer.doc.clientID)
    writer.undo.undo()
    this.ascribe(writer, since, [...held.authors])
  }

  /** @param {Writer} writer */
  leave(writer) {
    writer.leftAt = this.at
    writer.unsent = 0
  }

  /** Comes back as a provider does: both sides send what the other lacks. @param {Writer} writer */
  comeBack(writer) {
    const away = Math.floor((this.at - (writer.leftAt ?? this.at)) / 1000)
    const server = new Y.Doc()
    for (const { update } of this.updates) Y.applyUpdate(server, Buffer.from(update, "base64"))
    const mine = Y.encodeStateAsUpdate(writer.doc, Y.encodeStateVector(server))
    Y.applyUpdate(writer.doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(writer.doc)), "server")
    writer.leftAt = null
    this.send(writer, mine, away)
    if (!writer.unsent) return
    // The latest slots of the time away that are still free (P6).
    let left = Math.max(1, Math.min(Math.ceil(writer.unsent / 20), Math.floor(away / 10)))
    const own = this.slots[writer.name]
    const first = Math.max(0, Math.floor((this.at - away * 1000) / SLOT_MS))
    for (let slot = Math.floor(this.at / SLOT_MS); slot >= first && left > 0; slot--) {
      if (!own.has(slot)) {
        own.add(slot)
        left--
      }
    }
  }

  /** @param {number} steps */
  run(steps) {
    for (let step = 0; step < steps; step++) {
      const writer = this.pick(this.writers)
      const choice = this.next()
      const online = writer.leftAt === null
      if (choice < 0.5) this.type(writer)
      else if (choice < 0.6) this.addInOneGo(writer)
      else if (!online) this.comeBack(writer)
      else if (choice < 0.7) this.delete(writer)
      else if (choice < 0.8) this.move(writer)
      else if (choice < 0.88) this.takeBack(writer)
      else if (this.writers.filter((other) => other.leftAt === null).length > 1) this.leave(writer)
      this.at += Math.floor(this.next() * 9000)
    }
    for (const writer of this.writers) if (writer.leftAt !== null) this.comeBack(writer)
    return this.end()
  }

  end() {
    const doc = new Y.Doc()
    for (const { update } of this.updates) Y.applyUpdate(doc, Buffer.from(update, "base64"))
    /** @type {Record<string, number>} */
    const standing = {}
    for (let item = doc.getText("summary")._start; item !== null; item = item.right) {
      if (item.deleted) continue
      for (let unit = 0; unit < item.length; unit++) {
        const author = this.authorOf(item.id.client, item.id.clock + unit)
        standing[author] = (standing[author] ?? 0) + 1
      }
    }
    const slots = Object.fromEntries(Object.entries(this.slots).map(([name, own]) => [name, [...own].sort((a, b) => a - b)]))
    return { updates: this.updates, text: doc.getText("summary").toString(), standing, slots }
  }
}

const names = ["mia", "tom", "zoe", "ali", "noa", "ben"]
const lessons = Object.fromEntries([3, 4, 5, 6].map((count) => [`${count} writers`, new Lesson(names.slice(0, count), count).run(60 + 15 * count)]))
writeFileSync(new URL("yjs_lessons.json", import.meta.url), JSON.stringify(lessons) + "\n")
