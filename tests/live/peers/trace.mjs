/**
 * Two stock clients replay a recorded session through a server; what they end with is counted inside Yjs and printed.
 *
 *     node trace.mjs <trace.json.gz> '{"address": …, "room": …, "tokens": [a, b]}'
 *
 * Each transaction is one update. Where it goes was said of the text as its writer saw it, so the updates are made first, in a
 * document for each writer that merges exactly the transaction's parents; a writer's client sends one as soon as it has
 * received what its parents say.
 */
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { WebsocketProvider } from "y-websocket"
import * as Y from "yjs"

/** Updates a second and at first; a little below what a server lets one person do. */
const RATE = 900
const BURST = 3_000
/** A client is never further ahead of its receipts. */
const AHEAD = 300

/**
 * @typedef {{parents: number[], agent: number, patches: [number, number, string][]}} Recorded
 * @typedef {{update: Uint8Array, clock: number, deleted: Y.ID[], needs: number}} Step
 *     `clock` is the writer's next one; `needs` is the last step of the other's to have, -1 for none
 */

const trace = JSON.parse(gunzipSync(readFileSync(process.argv[2])).toString())
const { address, room, tokens } = JSON.parse(process.argv[3])

/** @param {Recorded[]} recorded @returns {Step[][]} */
function prepare(recorded) {
  const seen = [0, 1].map(agent => {
    const doc = new Y.Doc({ gc: false })
    doc.clientID = 1 + agent
    return { doc, text: doc.getText("summary"), merged: 0 }
  })
  /** @type {Step[][]} */
  const steps = [[], []]
  /** @type {number[]} a transaction's place among its writer's */
  const places = []
  for (const { parents, agent, patches } of recorded) {
    const writer = seen[agent]
    const others = steps[1 - agent]
    let needs = -1
    for (const parent of parents) if (recorded[parent].agent !== agent) needs = Math.max(needs, places[parent])
    while (writer.merged <= needs) Y.applyUpdate(writer.doc, others[writer.merged++].update)
    /** @type {Uint8Array[]} */
    const updates = []
    const keep = (/** @type {Uint8Array} */ update) => updates.push(update)
    writer.doc.on("update", keep)
    writer.doc.transact(() => {
      for (const [at, removed, inserted] of patches) {
        if (removed) writer.text.delete(at, removed)
        if (inserted) writer.text.insert(at, inserted)
      }
    })
    writer.doc.off("update", keep)
    if (updates.length !== 1) throw new Error("a transaction is one update")
    /** @type {Y.ID[]} */
    const deleted = []
    for (const [client, ranges] of Y.decodeUpdate(updates[0]).ds.clients) {
      for (const { clock, len } of ranges) for (let i = 0; i < len; i++) deleted.push(Y.createID(client, clock + i))
    }
    places.push(steps[agent].length)
    steps[agent].push({ update: updates[0], clock: Y.getState(writer.doc.store, 1 + agent), deleted, needs })
  }
  return steps
}

class Client {
  doc = new Y.Doc({ gc: false })
  /** How far the server has sent this writer's own text back. */ acknowledged = 0
  sent = 0

  /** @param {number} agent @param {Step[][]} steps */
  constructor(agent, steps) {
    this.own = steps[agent]
    this.others = steps[1 - agent]
    this.client = 1 + agent
    this.text = this.doc.getText("summary")
    this.provider = new WebsocketProvider(address, room, this.doc, { params: { token: tokens[agent] }, disableBc: true })
    this.provider.on("connection-close", event => {
      if (event) {
        console.error(`closed: ${event.code} ${event.reason}`)
        process.exit(1)
      }
    })
    const handle = this.provider.messageHandlers[0]
    this.provider.messageHandlers[0] = (encoder, decoder, ...rest) => {
      if (decoder.arr[1] > 0) {
        // Kind of message, kind of sync, and the length before the update: one byte, one byte, a var-int.
        let start = 2
        while (decoder.arr[start++] > 127);
        const clock = Y.parseUpdateMeta(decoder.arr.subarray(start)).to.get(this.client)
        this.acknowledged = Math.max(this.acknowledged, clock ?? 0)
      }
      handle(encoder, decoder, ...rest)
      this.wake()
    }
  }

  wake = () => {}

  /** @param {() => boolean} condition */
  async until(condition) {
    while (!condition()) await new Promise(done => { this.wake = () => done(undefined) })
  }

  /** @param {Step} step of the other writer's */
  has({ clock, deleted }) {
    const { store } = this.doc
    if (Y.getState(store, 3 - this.client) < clock) return false
    return deleted.every(id => Y.getItem(store, id).deleted)
  }

  async replay() {
    await this.until(() => this.provider.synced)
    const began = performance.now()
    for (const step of this.own) {
      await this.until(() => step.needs < 0 || this.has(this.others[step.needs]))
      const behind = this.own[this.sent - AHEAD]
      if (behind) await this.until(() => this.acknowledged >= behind.clock)
      const early = (this.sent - BURST) / RATE - (performance.now() - began) / 1000
      if (early > 0) await new Promise(done => setTimeout(done, 1000 * early))
      Y.applyUpdate(this.doc, step.update, "the writer")
      this.sent++
    }
    await this.until(() => this.others.every(step => this.has(step)) && this.acknowledged >= this.own[this.sent - 1].clock)
  }

  /** Standing UTF-16 units by client, in the document's own list of items. */
  standing() {
    /** @type {Record<string, number>} */
    const units = {}
    for (let item = this.text._start; item !== null; item = item.right) {
      if (!item.deleted && item.countable) units[item.id.client] = (units[item.id.client] ?? 0) + item.length
    }
    return units
  }
}

const steps = prepare(trace.txns)
const clients = [0, 1].map(agent => new Client(agent, steps))
await Promise.all(clients.map(client => client.replay()))
console.log(JSON.stringify({
  texts: clients.map(client => client.text.toString()),
  standing: clients.map(client => client.standing()),
  updates: steps.map(each => each.length),
}))
process.exit(0)
