/**
 * Which of one's own changes the server has not yet acknowledged. Knows no DOM, no socket and no clock.
 *
 * The server sends an update to anyone, its author included, only after it is durable. So what comes back is the receipt: an
 * inserted run is acknowledged when its (client, clock) range arrives in a server message or lies inside the state vector of the
 * server's sync step 1; a deletion when its range arrives in the delete set of a server message. The page says "saved" at no
 * other moment.
 */
import * as Y from "yjs"

/** After this long without any receipt while connected, the page says that the text is not saved. */
export const OVERDUE_MS = 10_000

/**
 * "opening": not yet synced for the first time · "saved": all acknowledged · "saving": underway · "offline": no connection; what
 * waits is kept on this device · "unsaved": connected, but receipts are overdue.
 * @typedef {"opening" | "saved" | "saving" | "offline" | "unsaved"} SaveState
 */

/** Ranges of clocks for each client id; half-open, sorted, never touching. */
export class ClockRanges {
  /** @type {Map<number, [number, number][]>} */
  #ranges = new Map()

  get empty() {
    return this.#ranges.size === 0
  }

  /** @param {number} client @param {number} from @param {number} to */
  add(client, from, to) {
    if (from >= to) return
    const kept = /** @type {[number, number][]} */ ([])
    for (const [start, end] of this.#ranges.get(client) ?? []) {
      if (end < from || start > to) kept.push([start, end])
      else {
        from = Math.min(from, start)
        to = Math.max(to, end)
      }
    }
    kept.push([from, to])
    kept.sort((a, b) => a[0] - b[0])
    this.#ranges.set(client, kept)
  }

  /** Returns whether anything was taken away. @param {number} client @param {number} from @param {number} to */
  remove(client, from, to) {
    const ranges = this.#ranges.get(client)
    if (!ranges) return false
    let changed = false
    const kept = /** @type {[number, number][]} */ ([])
    for (const [start, end] of ranges) {
      if (end <= from || start >= to) {
        kept.push([start, end])
        continue
      }
      changed = true
      if (start < from) kept.push([start, from])
      if (end > to) kept.push([to, end])
    }
    if (kept.length) this.#ranges.set(client, kept)
    else this.#ranges.delete(client)
    return changed
  }

  /** @param {number} client @param {number} clock */
  has(client, clock) {
    return this.#ranges.get(client)?.some(([from, to]) => from <= clock && clock < to) ?? false
  }

  /** @returns {Generator<[number, number, number]>} client, from, to */
  *[Symbol.iterator]() {
    for (const [client, ranges] of this.#ranges) for (const [from, to] of ranges) yield [client, from, to]
  }
}

export class Receipts {
  /** Inserted and not acknowledged. */
  inserted = new ClockRanges()
  /** Deleted and not acknowledged. */
  deleted = new ClockRanges()
  #connected = false
  #synced = false
  #everSynced = false
  /** When the last receipt came, or waiting began. */
  #movedAt = 0

  get waiting() {
    return !this.inserted.empty || !this.deleted.empty
  }

  /** Note a change of this device, or what its store holds from before. @param {Uint8Array} update @param {number} now ms */
  wrote(update, now) {
    if (!this.waiting) this.#movedAt = now
    const { structs, ds } = Y.decodeUpdate(update)
    for (const struct of structs)
      if (!(struct instanceof Y.Skip))
        this.inserted.add(struct.id.client, struct.id.clock, struct.id.clock + struct.length)
    for (const [client, items] of ds.clients)
      for (const { clock, len } of items) this.deleted.add(client, clock, clock + len)
  }

  /** Take an update that the server sent: sync step 2 or an update message. @param {Uint8Array} update @param {number} now ms */
  heard(update, now) {
    if (!this.waiting) return
    const { structs, ds } = Y.decodeUpdate(update)
    let moved = false
    for (const struct of structs) {
      if (!(struct instanceof Y.Skip))
        moved = this.inserted.remove(struct.id.client, struct.id.clock, struct.id.clock + struct.length) || moved
    }
    for (const [client, items] of ds.clients)
      for (const { clock, len } of items) moved = this.deleted.remove(client, clock, clock + len) || moved
    if (moved) this.#movedAt = now
  }

  /** Take the state vector of the server's sync step 1: it holds every clock below these. @param {Uint8Array} vector @param {number} now ms */
  heardStateVector(vector, now) {
    for (const [client, clock] of Y.decodeStateVector(vector))
      if (this.inserted.remove(client, 0, clock)) this.#movedAt = now
  }

  /** @param {number} now ms */
  connected(now) {
    this.#connected = true
    this.#movedAt = now
  }

  synced() {
    this.#synced = this.#everSynced = true
  }

  disconnected() {
    this.#connected = this.#synced = false
  }

  /** @param {number} now ms @returns {SaveState} */
  state(now) {
    if (!this.#connected) return this.#everSynced || this.waiting ? "offline" : "opening"
    if (this.waiting) return now - this.#movedAt > OVERDUE_MS ? "unsaved" : "saving"
    return this.#synced ? "saved" : this.#everSynced ? "saving" : "opening"
  }

  /**
   * The words in `text` that have no receipt and still stand, for their author to copy.
   * @param {Y.Text} text
   */
  unsavedText(text) {
    let words = ""
    let atGap = false
    for (let item = text._start; item; item = item.right) {
      if (item.deleted || !(item.content instanceof Y.ContentString)) continue
      for (let at = 0; at < item.length; at++) {
        if (this.inserted.has(item.id.client, item.id.clock + at)) {
          if (atGap && words) words += "\n"
          words += item.content.str[at]
          atGap = false
        } else atGap = true
      }
    }
    return words.trim()
  }
}
