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
 * @param {() => void} taken called when another tab deletes it, for a child who joins there: the text goes on without
 * @returns {Promise<IndexeddbPersistence | undefined>}
 */
export async function openStore(doc, place, taken) {
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
  if (opened) {
    // The library would let go of the database and go on writing to it: every update of the text fails then.
    const database = await store._db
    database.onversionchange = () => {
      void store.destroy()
      taken()
    }
    return store
  }
  store.destroy().catch(() => undefined)
  return undefined
}
