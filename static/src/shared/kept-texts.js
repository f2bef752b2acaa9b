/**
 * What this device keeps of lessons' texts, by name, and its wiping: a shared school device holds no child's words for longer than their
 * lesson. One IndexedDB database per lesson, participant and room (`editor/store.js` fills them); refused words stay in the tab's session.
 */

const ALL = "roundtable:"
/** A list beside the databases serves browsers without `indexedDB.databases()`. */
const LISTED = "roundtable-texts"

/** @param {string} lesson */
const prefix = lesson => `${ALL}${lesson}:`

/** @typedef {{lesson: string, participant: string, room: string}} Place */

/** @param {Place} place */
const nameOf = ({ lesson, participant, room }) => `${prefix(lesson)}${participant}:${room}`

/** Whether this device may have kept something of a room's text. @param {Place} place */
export function isKept(place) {
  return listed().includes(nameOf(place))
}

/** Name the database of a room's text, and remember that it is there. @param {Place} place */
export function nameText(place) {
  const name = nameOf(place)
  list([...new Set([...listed(), name])])
  return name
}

/** Forget every text of a lesson on this device, whoever wrote it here. @param {string} lesson */
export async function wipeLesson(lesson) {
  await wipe(name => name.startsWith(prefix(lesson)))
}

/** Forget this participant's texts, and nobody else's. @param {{lesson: string, participant: string}} person */
export async function wipePerson({ lesson, participant }) {
  await wipe(name => name.startsWith(`${prefix(lesson)}${participant}:`))
}

/**
 * Forget every text but this participant's: what someone before them left behind by closing the page before their lesson ended.
 * @param {{lesson: string, participant: string}} person
 */
export async function wipeOthers({ lesson, participant }) {
  await wipe(name => name.startsWith(ALL) && !name.startsWith(`${prefix(lesson)}${participant}:`))
}

/** @param {string} name @returns {Promise<void>} */
export function deleteText(name) {
  return new Promise(resolve => {
    const request = indexedDB.deleteDatabase(name)
    // "blocked" means that another tab still holds it open: the deletion goes through when that tab lets go.
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

/** @param {(name: string) => boolean} goes */
async function wipe(goes) {
  const found = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? []
  const names = new Set([...listed(), ...found.flatMap(({ name }) => name ?? [])].filter(goes))
  await Promise.all([...names].map(deleteText))
  list(listed().filter(name => !goes(name)))
  for (const key of Object.keys(sessionStorage)) if (goes(key)) sessionStorage.removeItem(key)
}

/** @returns {string[]} */
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
    /* storage is switched off: then no database is kept either */
  }
}
