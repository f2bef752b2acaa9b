/**
 * The texts this device keeps for offline writing, one database per lesson, participant and room: two children at one device never send
 * each other's words. All of a lesson's are wiped when the lesson ends or the student leaves.
 */
import { IndexeddbPersistence } from "y-indexeddb"

/** @typedef {import("yjs").Doc} Doc */

const prefix = (/** @type {string} */ lesson) => `roundtable:${lesson}:`
const LISTED = "roundtable:texts"
/** A store that does not open in this time (private browsing, a full disk) is done without. */
const OPEN_MS = 2000

/** @returns {string[]} the names of the databases this device holds; the list serves browsers without `indexedDB.databases()` */
function listed() {
  try {
    return JSON.parse(localStorage.getItem(LISTED) ?? "[]")
  } catch {
    return []
  }
}

/** @param {string[]} names */
function list(names) {
  try {
    if (names.length) localStorage.setItem(LISTED, JSON.stringify(names))
    else localStorage.removeItem(LISTED)
  } catch {
    /* storage is switched off: then no database was kept either */
  }
}

/**
 * Open the store of one room's text and load it into the document. Resolves to undefined where this browser keeps nothing.
 * @param {Doc} doc
 * @param {{lesson: string, participant: string, room: string}} place
 * @returns {Promise<IndexeddbPersistence | undefined>}
 */
export async function openStore(doc, { lesson, participant, room }) {
  if (!globalThis.indexedDB) return undefined
  const name = `${prefix(lesson)}${participant}:${room}`
  list([...new Set([...listed(), name])])
  const store = new IndexeddbPersistence(name, doc)
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

/**
 * Forget every text of a lesson on this device, whoever wrote it here.
 * @param {string} lesson
 */
export async function wipeLesson(lesson) {
  const mine = (/** @type {string} */ name) => name.startsWith(prefix(lesson))
  const found = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? []
  const names = new Set([...listed(), ...found.flatMap(({ name }) => name ?? [])].filter(mine))
  await Promise.all([...names].map(deleteDatabase))
  list(listed().filter(name => !mine(name)))
  for (const key of Object.keys(sessionStorage)) if (mine(key)) sessionStorage.removeItem(key)
}

/** @param {string} name @returns {Promise<void>} */
export function deleteDatabase(name) {
  return new Promise(resolve => {
    const request = indexedDB.deleteDatabase(name)
    // "blocked" means another tab still holds it open: the deletion goes through when that tab lets go.
    request.onsuccess = request.onerror = request.onblocked = () => resolve()
  })
}

/** Text that the server refused, kept through a reload of this tab for its author to copy. @param {string} lesson */
export function refusedTexts(lesson) {
  const key = `${prefix(lesson)}refused`
  return {
    get() {
      return sessionStorage.getItem(key) ?? ""
    },
    /** @param {string} text */
    add(text) {
      sessionStorage.setItem(key, [this.get(), text].filter(Boolean).join("\n\n"))
    },
    clear() {
      sessionStorage.removeItem(key)
    },
  }
}
