/**
 * Stock Yjs clients, driven from outside: one request a line on stdin, one answer a line on stdout.
 *
 * Nothing of a provider is replaced. Its message handlers, which are there to be extended, are wrapped so that what came
 * from the server is kept.
 */
import { createInterface } from "node:readline"

/** @type {Record<string, [string, string]>} the document's and the provider's package, by the provider's version */
const PACKAGES = {
  "2.1": ["yjs", "y-websocket-2"],
  "3.0": ["yjs", "y-websocket-3-0"],
  "3.1": ["yjs", "y-websocket"],
  4: ["@y/y", "y-websocket-4"],
}

/** Reads lib0 values. */
class Reader {
  at = 0
  /** @param {Uint8Array} bytes */
  constructor(bytes) { this.bytes = bytes }

  number() {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.at++]
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  taken() {
    const length = this.number()
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }
}

/** Seeded 31-bit numbers (Park and Miller, 1988). @param {number} seed */
function generator(seed) {
  let state = (seed % 2147483646) + 1
  return () => (state = (state * 48271) % 2147483647)
}

class Peer {
  /** Every update that the server sent, echoes included. @type {Uint8Array[]} */ received = []
  /** How often this client's own state came back. */ echoes = 0
  /** Close codes, in order; null for a close of our own. @type {(number | null)[]} */ closes = []
  /** When, in milliseconds since the epoch. @type {number[]} */ closedAt = []
  /** When it was in sync (again). @type {number[]} */ syncedAt = []
  /** @type {ReturnType<typeof setInterval> | undefined} */ typing
  typed = 0

  /** @param {any} Y @param {any} Provider @param {any} wish */
  constructor(Y, Provider, { address, room, token, user, connect = true, backoff = 100 }) {
    this.Y = Y
    this.doc = new Y.Doc()
    this.text = this.doc.getText ? this.doc.getText("summary") : this.doc.get("summary")
    this.provider = new Provider(address, room, this.doc, {
      params: { token },
      disableBc: true,
      maxBackoffTime: backoff,
      connect: false,
    })
    const [sync, awareness] = this.provider.messageHandlers
    this.provider.messageHandlers[0] = (/** @type {any[]} */ ...given) => {
      const reader = new Reader(given[1].arr)
      reader.number()
      if (reader.number() > 0) this.received.push(reader.taken())
      sync(...given)
    }
    this.provider.messageHandlers[1] = (/** @type {any[]} */ ...given) => {
      const outer = new Reader(given[1].arr)
      outer.number()
      const reader = new Reader(outer.taken())
      for (let left = reader.number(); left > 0; left--) {
        if (reader.number() === this.doc.clientID) this.echoes++
        reader.number()
        reader.taken()
      }
      awareness(...given)
    }
    this.provider.on("connection-close", (/** @type {any} */ event) => {
      this.closes.push(event && event.code)
      this.closedAt.push(Date.now())
    })
    this.provider.on("sync", (/** @type {boolean} */ synced) => {
      if (synced) this.syncedAt.push(Date.now())
    })
    if (user) this.provider.awareness.setLocalStateField("user", user)
    if (connect) this.provider.connect()
  }

  look() {
    const store = this.doc.store
    return {
      text: this.text.toString(),
      client: this.doc.clientID,
      synced: this.provider.synced,
      connected: this.provider.wsconnected,
      wanted: this.provider.shouldConnect,
      pending: store.pendingStructs !== null || store.pendingDs !== null,
      awareness: Object.fromEntries(this.provider.awareness.getStates()),
      echoes: this.echoes,
      closes: this.closes,
      closed_at: this.closedAt,
      synced_at: this.syncedAt,
      typed: this.typed,
    }
  }

  /** @param {{at?: number, remove?: number, insert?: string}} edit `at` in UTF-16 units; the end, when left out */
  edit({ at = this.text.length, remove = 0, insert = "" }) {
    this.doc.transact(() => {
      if (remove) this.text.delete(at, remove)
      if (insert) this.text.insert(at, insert)
    })
  }

  /** @param {{pieces: string[], seed: number}} wish */
  scatter({ pieces, seed }) {
    const next = generator(seed)
    const boundary = () => {
      const text = this.text.toString()
      const at = next() % (text.length + 1)
      return /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at
    }
    for (const [index, insert] of pieces.entries()) {
      this.edit({ at: boundary(), insert })
      const at = boundary()
      const [sign] = this.text.toString().slice(at)
      if (index % 3 === 2 && sign) this.edit({ at, remove: sign.length })
    }
  }

  /** Types the signs from code point `first` on, each once, at places that `seed` decides. @param {any} wish */
  type({ first, seed, every }) {
    const next = generator(seed)
    this.typing = setInterval(() => {
      this.edit({ at: next() % (this.text.length + 1), insert: String.fromCodePoint(first + this.typed++) })
    }, every)
  }

  rest() {
    clearInterval(this.typing)
    return this.typed
  }

  /** Closes the socket as a broken network does: without a word before. */
  drop() {
    this.provider.shouldConnect = false
    this.provider.ws?.close()
  }

  connect() { this.provider.connect() }
  disconnect() { this.provider.disconnect() }
  destroy() { this.provider.destroy() }
  history() { return this.received.map(update => Buffer.from(update).toString("base64")) }

  /** Counts standing UTF-16 units by client, in the document's own list of items. */
  standing() {
    /** @type {Record<number, number>} */
    const units = {}
    for (let item = this.text._start; item !== null; item = item.right) {
      if (!item.deleted && item.countable) units[item.id.client] = (units[item.id.client] ?? 0) + item.length
    }
    return units
  }
}

process.setMaxListeners(0) // every provider has one
/** @type {Map<string, any>} */
const peers = new Map()

/** @param {any} wish */
async function answer({ do: wanted, peer, ...rest }) {
  if (wanted !== "open") return peers.get(peer)[wanted](rest)
  const [document, provider] = PACKAGES[rest.version]
  const [Y, { WebsocketProvider }] = await Promise.all([import(document), import(provider)])
  const opened = new Peer(Y, WebsocketProvider, rest)
  peers.set(peer, opened)
  return opened.doc.clientID
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...wish } = JSON.parse(line)
  answer(wish).then(
    value => process.stdout.write(`${JSON.stringify({ re: id, value: value ?? null })}\n`),
    error => process.stdout.write(`${JSON.stringify({ re: id, error: String(error?.stack ?? error) })}\n`),
  )
}
process.exit(0)
