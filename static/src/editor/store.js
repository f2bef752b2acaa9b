/**
 * The offline store of one room's text, one per participant: two children at one device never send each other's words.
 */
import { IndexeddbPersistence } from "y-indexeddb"
import { nameText } from "../shared/kept-texts.js"

/** A store that does not open in this time (private browsing, a full disk) is done without. */
const OPEN_MS = 2000

/**
 * Open the store and load it into the document. Resolves to undefined where this browser keeps nothing.
 * @param {import("yjs").Doc} doc
 * @param {{lesson: string, participant: string, room: string}} place
 * @returns {Promise<IndexeddbPersistence | undefined>}
 */
export async function openStore(doc, place) {
  if (!globalThis.indexedDB) return undefined
  const store = new IndexeddbPersistence(nameText(place), doc)
  const opened = await Promise.race([
    store.whenSynced.then(() => true),
    store._db.then(
      () => new Promise(() => {}),
      () => false,
    ),
    new Promise(resolve => setTimeout(resolve, OPEN_MS, false)),
  ])
  if (opened) return store
  store.destroy().catch(() => undefined)
  return undefined
}
