/**
 * A room's shared text on a page: document, connection, offline store, receipts and editor. Pages load it on demand
 * (`await import("./editor/index.js")`), so that the rest of the page is there first.
 *
 *     const text = new RoomText({parent, lesson, room, role: "participant", participant, words: {label, hint}, language, nonce, socketOrigin: socketUrl("")})
 *     text.addEventListener("change", …)    // text.save, text.synced, text.words, text.formats, text.canUndo, text.writing, text.present
 *     text.addEventListener("refused", …)   // text.refused: what could not be saved; the room's true text is being opened anew
 *     text.setWritable(true); text.run("strong"); text.insertStarter("I found that …"); text.setAuthors(client => ({name, seat})); text.setAuthors(null)
 *     text.focus(); await text.retire() (lesson ended); await text.close()
 *
 * The teacher's page gives `role: "teacher"` and no participant: nothing is then kept on the device.
 */
import { deleteText } from "../shared/kept-texts.js"
import { showAuthors } from "./authors.js"
import { Live } from "./live.js"
import { WordCount } from "./words.js"

/**
 * @typedef {{parent: HTMLElement, socketOrigin: string, lesson: string, room: string, role: "participant" | "teacher", participant?: string,
 *   words: {label: string, hint: string}, language: string, nonce?: string, above?: () => number}} RoomTextOptions
 *   `above` gives the lower edge of what may stand over the text while the page scrolls, in pixels of the window
 * @typedef {{participant: string, name: string, seat: number}} Present
 */

/** Someone is "writing" for this long after their last letter. */
const WRITING_MS = 3000
/** Pauses before the room's text is opened again after a final close; a text that keeps being refused must not become a storm. */
const REOPEN_MS = [0, 2000, 5000, 15_000, 30_000]
/** Words are counted and author marks drawn at most this often: on a slow laptop a long text takes longer than a keystroke may. */
const SETTLE_MS = 250
/** "Saved" is said when this long after the last key: a word that comes and goes with every letter says nothing. */
const STEADY_MS = 500
/** Whoever draws from here looks again at most this often; what is no longer saved is told at once. */
const TELL_MS = 40

export class RoomText extends EventTarget {
  /** What the server refused since the last look; the page shows it to be copied. */
  refused = ""
  /** The code of the last final close, or undefined. @type {number | undefined} */
  closedWith
  words = 0
  #options
  /** @type {Live | undefined} */ #live
  #writable = false
  #closed = false
  #refusals = 0
  /** @type {((client: number) => import("./authors.js").Author | undefined) | null} */ #authorOf = null
  #authorsDrawn = false
  #counter = new WordCount()
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #reopening
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #settling
  /** @type {Map<number, number>} client → when they last wrote */ #wroteAt = new Map()
  /** @type {ReturnType<typeof setInterval>} */ #ticking
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #telling
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #steady
  #told = ""

  /** @param {RoomTextOptions} options */
  constructor(options) {
    super()
    this.#options = options
    this.#ticking = setInterval(() => this.#changed(), 1000)
    this.#open()
  }

  /** @returns {import("./receipts.js").SaveState} */
  get save() {
    const now = Date.now()
    const state = this.#live?.receipts.state(now) ?? "opening"
    return state === "saved" && now - (this.#live?.wroteAt ?? 0) < STEADY_MS ? "saving" : state
  }
  get synced() {
    return this.#live?.synced ?? false
  }
  /** Whether the text may be changed here and now. */
  get writable() {
    return this.#writable && !!this.#live?.pane
  }
  get text() {
    return this.#live?.text.toString() ?? ""
  }
  get formats() {
    return this.#live?.pane?.formats ?? new Set()
  }
  get canUndo() {
    return this.#live?.pane?.canUndo ?? false
  }
  get canRedo() {
    return this.#live?.pane?.canRedo ?? false
  }
  /** Whether something waits for its receipt. */
  get waiting() {
    return this.#live?.receipts.waiting ?? false
  }
  /** What has no receipt and still stands. */
  get unsavedText() {
    return this.#live?.receipts.unsavedText(this.#live.text) ?? ""
  }

  /** The client id of this page's own edits. */
  get client() {
    return this.#live?.doc.clientID
  }

  /** Who has this text open, by the server's word; one entry a person. @returns {Present[]} */
  get present() {
    const found = new Map()
    for (const { user } of this.#live?.provider.awareness.getStates().values() ?? [])
      if (user?.participant) found.set(user.participant, user)
    return [...found.values()]
  }

  /** Client ids that wrote in the last seconds. @returns {number[]} */
  get writingClients() {
    const since = Date.now() - WRITING_MS
    return [...this.#wroteAt].filter(([, at]) => at > since).map(([client]) => client)
  }

  /** The person behind a client id that is connected now. @param {number} client @returns {Present | undefined} */
  personOf(client) {
    return this.#live?.provider.awareness.getStates().get(client)?.user
  }

  /** @param {boolean} writable */
  setWritable(writable) {
    if (writable === this.#writable) return
    this.#writable = writable
    this.#live?.pane?.setWritable(this.writable)
    this.#changed()
  }

  /** Show who wrote what by this map, or stop with null. @param {((client: number) => import("./authors.js").Author | undefined) | null} authorOf */
  setAuthors(authorOf) {
    this.#authorOf = authorOf
    this.#settle()
  }

  /** @param {import("./view.js").EditorCommand} command */
  run(command) {
    return this.#live?.pane?.run(command) ?? false
  }

  /** @param {string} starter */
  insertStarter(starter) {
    this.#live?.pane?.insertStarter(starter)
  }

  focus() {
    this.#live?.pane?.view.focus()
  }

  /** Let go of the connection and of the device's store; the text stays on the page to be read. For a lesson that has ended. */
  async retire() {
    clearTimeout(this.#reopening)
    this.refused ||= this.unsavedText
    await this.#live?.retire()
  }

  /** End everything. What is kept on this device stays for the next visit. */
  async close() {
    this.#closed = true
    clearInterval(this.#ticking)
    clearTimeout(this.#reopening)
    clearTimeout(this.#settling)
    clearTimeout(this.#telling)
    clearTimeout(this.#steady)
    await this.#live?.close()
    this.#live = undefined
  }

  #open() {
    if (this.#closed) return
    this.#live = new Live(this.#options, {
      writable: () => this.#writable,
      changed: () => this.#changed(),
      edited: clients => {
        const now = Date.now()
        for (const client of clients) this.#wroteAt.set(client, now)
        this.#settle()
        this.#changed()
      },
      synced: () => {
        this.#refusals = 0
        this.closedWith = undefined
        this.#changed()
      },
      closed: code => void this.#refuse(code),
    })
    this.#settle()
  }

  /** A final close: keep what has no receipt for its author, forget the device's copy, and open the room's true text. @param {number} code */
  async #refuse(code) {
    const live = this.#live
    if (!live || this.#closed) return
    this.closedWith = code
    const refused = live.receipts.unsavedText(live.text)
    if (refused) {
      this.refused = refused
      this.dispatchEvent(new Event("refused"))
    }
    const hadFocus = live.pane?.view.hasFocus
    await live.close()
    if (live.storeName) await deleteText(live.storeName)
    // Not signed in: opening again cannot help.
    if (this.#closed || code === 4401) {
      this.#changed()
      return
    }
    const pause = REOPEN_MS[Math.min(this.#refusals++, REOPEN_MS.length - 1)]
    this.#reopening = setTimeout(() => {
      this.#open()
      if (hadFocus) this.focus()
    }, pause)
    this.#changed()
  }

  #changed() {
    if (this.#closed) return
    if (this.#told.startsWith("saved") && this.save !== "saved") this.#tell()
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      this.#tell()
      // "Saved" may be due before anything else happens.
      const due = (this.#live?.wroteAt ?? 0) + STEADY_MS - Date.now()
      if (due > 0) {
        clearTimeout(this.#steady)
        this.#steady = setTimeout(() => this.#tell(), due)
      }
    }, TELL_MS)
  }

  /** Say that something changed, when something that is shown did: most keys change none of it. */
  #tell() {
    if (this.#closed) return
    const told = [
      this.save,
      this.synced,
      this.writable,
      this.save === "offline" && this.waiting,
      this.words,
      this.canUndo,
      this.canRedo,
      this.closedWith,
      this.client,
      ...this.formats,
      ...this.writingClients,
      ...this.present.map(({ participant, name, seat }) => `${participant} ${name} ${seat}`),
    ].join("\n")
    if (told === this.#told) return
    this.#told = told
    this.dispatchEvent(new Event("change"))
  }

  #settle() {
    if (this.#settling || this.#closed) return
    this.#settling = setTimeout(() => whenIdle(() => this.#settled()), SETTLE_MS)
  }

  #settled() {
    this.#settling = undefined
    const view = this.#live?.pane?.view
    if (!view || this.#closed) return
    if (this.#authorOf || this.#authorsDrawn) showAuthors(view, this.#authorOf)
    this.#authorsDrawn = this.#authorOf !== null
    this.words = this.#counter.count(view.state.doc.iterLines())
    this.#changed()
  }
}

/** The first count takes a slow laptop 80 ms: not while a key waits. Safari has no word for it. @param {() => void} run */
function whenIdle(run) {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(run, { timeout: SETTLE_MS * 4 })
  else setTimeout(run)
}
