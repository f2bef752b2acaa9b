/**
 * One life of a room's text: document, connection, device store, receipts and editor, from opening to its close or refusal. A refused
 * document is never used again.
 *
 * The editor is made when there is a text to show in it: made empty and filled afterwards, one could write 80 ms later on a slow laptop.
 */
import * as decoding from "lib0/decoding"
import { WebsocketProvider } from "y-websocket"
import * as Y from "yjs"
import { isKept } from "../shared/kept-texts.js"
import { Receipts } from "./receipts.js"
import { openStore } from "./store.js"
import { EditorPane } from "./view.js"

/** Of the sync protocol: the kind of message, and of sync message. */
const SYNC = 0
const STEP_1 = 0

export class Live {
  doc = new Y.Doc()
  text = this.doc.getText("summary")
  receipts = new Receipts()
  synced = false
  /** When this device last changed the text. */
  wroteAt = 0
  /** There once there is a true text to write in: synced, or kept on this device. @type {EditorPane | undefined} */ pane
  /** @type {string | undefined} */ storeName
  /** @type {import("y-indexeddb").IndexeddbPersistence | undefined} */ #store
  #ended = false

  /**
   * @param {import("./index.js").RoomTextOptions} options
   * @param {{writable: () => boolean, changed: () => void, edited: (clients: number[]) => void, synced: () => void, closed: (code: number) => void}} page
   */
  constructor(options, page) {
    const { lesson, room, role, participant } = options
    this.provider = new WebsocketProvider(`${options.socketOrigin}/ws/lessons/${lesson}/rooms`, room, this.doc, {
      connect: false,
      disableBc: true,
      params: participant ? { role, participant } : { role },
    })
    this.show = () => {
      this.pane ??= new EditorPane({
        parent: options.parent,
        participant,
        text: this.text,
        awareness: this.provider.awareness,
        // Only what is typed here is undone here: the editor adds its own origin, and no other is tracked.
        undo: new Y.UndoManager(this.text, { trackedOrigins: new Set() }),
        ...options.words,
        language: options.language,
        nonce: options.nonce,
        above: options.above,
        writable: page.writable(),
        changed: page.changed,
      })
    }
    this.#listen(page)
    void this.#connect(participant ? { lesson, participant, room } : undefined)
  }

  /** The device's copy first, so that the handshake carries what was written offline; where none is, nothing waits for it. @param {import("../shared/kept-texts.js").Place | undefined} place */
  async #connect(place) {
    if (place) {
      const kept = isKept(place)
      const keeping = this.#keep(place)
      if (kept) await keeping
    }
    if (this.#ended) return
    addEventListener("offline", this.#lost)
    addEventListener("online", this.#back)
    this.provider.connect()
  }

  /** @param {import("../shared/kept-texts.js").Place} place */
  async #keep(place) {
    const store = await openStore(this.doc, place, () => {
      this.#store = this.storeName = undefined
    })
    if (this.#ended) {
      await store?.destroy()
      return
    }
    this.#store = store
    this.storeName = store?.name
    if (this.text.length) this.show()
  }

  /** @param {{changed: () => void, edited: (clients: number[]) => void, synced: () => void, closed: (code: number) => void}} page */
  #listen(page) {
    const { doc, provider, receipts } = this
    doc.on("update", (/** @type {Uint8Array} */ update, /** @type {unknown} */ origin) => {
      if (origin !== provider) {
        this.wroteAt = Date.now()
        receipts.wrote(update, this.wroteAt)
      }
      page.changed()
    })
    doc.on("afterTransaction", (/** @type {Y.Transaction} */ transaction) => {
      if (!transaction.changed.size) return
      const wrote = [...transaction.afterState]
        .filter(([client, clock]) => clock > (transaction.beforeState.get(client) ?? 0))
        .map(([client]) => client)
      // What a handshake or the store brings was written earlier, by whomever.
      page.edited(this.synced || transaction.local ? wrote : [])
    })
    const [apply] = provider.messageHandlers
    provider.messageHandlers[SYNC] = (encoder, decoder, ...rest) => {
      const copy = decoding.clone(decoder)
      apply(encoder, decoder, ...rest)
      const kind = decoding.readVarUint(copy)
      const payload = decoding.readVarUint8Array(copy)
      if (kind === STEP_1) receipts.heardStateVector(payload, Date.now())
      else receipts.heard(payload, Date.now())
      page.changed()
    }
    provider.on("status", ({ status }) => {
      if (status === "connected") receipts.connected(Date.now())
      if (status === "disconnected") {
        receipts.disconnected()
        this.synced = false
      }
      page.changed()
    })
    provider.on("sync", synced => {
      this.synced = synced
      if (!synced) return
      receipts.synced()
      this.show()
      page.synced()
    })
    provider.on("closed", ({ code }) => page.closed(code))
    provider.awareness.on("change", page.changed)
  }

  /** The device says that it has no network: a socket would only notice after its silence. */
  #lost = () => this.provider.disconnect()
  #back = () => this.provider.connect()

  async retire() {
    if (this.#ended) return
    this.#ended = true
    removeEventListener("offline", this.#lost)
    removeEventListener("online", this.#back)
    this.pane?.setWritable(false)
    this.provider.destroy()
    await this.#store?.destroy()
  }

  async close() {
    const ending = this.retire()
    this.pane?.destroy()
    await ending
    this.doc.destroy()
  }
}
