/**
 * The lesson socket: the state this page may see, kept up to date, and commands with their answers.
 *
 *     const lesson = new LessonSocket(lessonSocketUrl("teacher"))
 *     lesson.addEventListener("change", () => render(lesson.state, lesson.before))   // first state and every patch
 *     lesson.addEventListener("status", () => …lesson.connected…)                    // connection came or went
 *     lesson.addEventListener("bye", () => …lesson.bye…)                             // {code, message}: final, no reconnect
 *     lesson.open()                              // or, with what the server put into the page: lesson.open({state, now})
 *     await lesson.ask({type: "chat", text})     // resolves when done; rejects with CommandRefused {code, message}
 *     await lesson.attempt({type: "chat", text}) // the same: "" when done, or the sentence to show
 *     lesson.now()                               // ms since the epoch by the server's clock
 *
 * Reconnects by itself with growing, jittered pauses; every connection begins with a whole new state.
 */
import { t } from "./boot.js"
import { mergePatch } from "./merge-patch.js"

const PING_EVERY_MS = 20_000
/** Without any message for this long the connection is dead, whatever the socket believes (a pong comes every 20 s). */
const SILENCE_MS = 50_000
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 15_000
/** An answer takes milliseconds; after this the command is reported as not done, so that a button never waits for ever. */
const ANSWER_MS = 10_000

/** A command that was not done. `code` is the server's, or "offline" when there was no connection to ask on. */
export class CommandRefused extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message)
    this.name = "CommandRefused"
    this.code = code
  }
}

/** @typedef {{code: string, message: string}} Bye */
/** @typedef {{done: () => void, refuse: (reason: CommandRefused) => void, timer: ReturnType<typeof setTimeout>}} Pending */

export class LessonSocket extends EventTarget {
  /** The whole state, or undefined before the first. Replaced, never changed in place. @type {any} */
  state
  /** The state before the last change. @type {any} */
  before
  connected = false
  /** Whether the server can store what happens; it says so when that changes. */
  stored = true
  /** Set once the server has said that this connection is over for good. @type {Bye | undefined} */
  bye

  /** @type {string} */ #url
  /** @type {WebSocket | undefined} */ #socket
  /** @type {Map<number, Pending>} */ #pending = new Map()
  #lastId = 0
  #attempts = 0
  #offset = -Infinity
  #heardAt = 0
  #wanted = false
  #met = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry
  /** @type {ReturnType<typeof setInterval> | undefined} */ #pinger

  /** @param {string} url */
  constructor(url) {
    super()
    this.#url = url
  }

  /** @param {{state: any, now: number}} [first] the state that the page came with: there before the connection is */
  open(first) {
    if (this.#wanted) return
    this.#wanted = true
    if (first) {
      this.#hearTime(first.now)
      this.#replace(first.state)
    }
    addEventListener("online", this.#connectNow)
    addEventListener("offline", this.#lost)
    this.#connect()
  }

  close() {
    this.#stop()
    this.#socket?.close(1000)
  }

  /** The server's time in ms since the epoch, as well as this page can tell. */
  now() {
    return Date.now() + (Number.isFinite(this.#offset) ? this.#offset : 0)
  }

  /**
   * Ask for something. Resolves when it is done and durable; rejects with CommandRefused. A page may be drawn before its
   * connection is there: what is pressed by then waits for it.
   * @param {{type: string, [field: string]: unknown}} command
   * @returns {Promise<void>}
   */
  async ask(command) {
    if (this.#wanted && !this.#met) await this.#meet()
    const socket = this.#socket
    if (!socket || !this.connected) throw new CommandRefused("offline", "offline")
    const id = ++this.#lastId
    return new Promise((done, refuse) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        refuse(new CommandRefused("offline", "no answer"))
      }, ANSWER_MS)
      this.#pending.set(id, { done, refuse, timer })
      socket.send(JSON.stringify({ ...command, id }))
    })
  }

  /** Ask for something. @param {{type: string, [field: string]: unknown}} command @returns {Promise<string>} why it was not done, for people; "" when it was */
  async attempt(command) {
    try {
      await this.ask(command)
      return ""
    } catch (refusal) {
      const { code, message } = /** @type {CommandRefused} */ (refusal)
      return code === "offline" ? t("offline.command") : message || t("failed")
    }
  }

  /** Resolves with the first connection, or when it has taken too long. @returns {Promise<void>} */
  #meet() {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ANSWER_MS)
      const met = () => {
        clearTimeout(timer)
        resolve()
      }
      this.addEventListener("status", met, { once: true })
    })
  }

  #connectNow = () => {
    if (!this.#wanted || this.#socket) return
    clearTimeout(this.#retry)
    this.#connect()
  }

  /** The device says that it has no network: a socket would only notice after its silence. */
  #lost = () => {
    if (this.#socket) this.#ended(this.#socket, 1006)
  }

  #stop() {
    this.#wanted = false
    clearTimeout(this.#retry)
    removeEventListener("online", this.#connectNow)
    removeEventListener("offline", this.#lost)
  }

  #connect() {
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    this.#heardAt = Date.now()
    this.stored = true
    socket.onopen = () => {
      this.#offset = -Infinity
      this.#pinger = setInterval(() => {
        if (Date.now() - this.#heardAt > SILENCE_MS) this.#ended(socket, 1006)
        else socket.send('{"type":"ping"}')
      }, PING_EVERY_MS)
    }
    socket.onmessage = event => {
      this.#heardAt = Date.now()
      this.#receive(JSON.parse(event.data))
    }
    socket.onclose = event => this.#ended(socket, event.code)
  }

  /** @param {any} message */
  #receive(message) {
    this.#hearTime(message.now)
    switch (message.type) {
      case "state":
        this.#attempts = 0
        this.#met = true
        this.#replace(message.state)
        if (!this.connected) {
          this.connected = true
          this.dispatchEvent(new Event("status"))
        }
        break
      case "change":
        this.#replace(mergePatch(this.state, message.patch))
        break
      case "storage":
        this.stored = message.ok
        this.dispatchEvent(new Event("status"))
        break
      case "done":
        this.#answer(message.re)?.done()
        break
      case "error":
        this.#answer(message.re)?.refuse(new CommandRefused(message.code, message.message))
        break
      case "bye":
        this.#sayBye({ code: message.code, message: message.message })
        break
    }
  }

  /** Time on the way makes a stamp too old, never too new: the largest offset seen is the nearest to the truth. @param {unknown} now */
  #hearTime(now) {
    if (typeof now === "number") this.#offset = Math.max(this.#offset, now - Date.now())
  }

  /** @param {any} state */
  #replace(state) {
    this.before = this.state
    this.state = state
    this.dispatchEvent(new Event("change"))
  }

  /** @param {number} id */
  #answer(id) {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    clearTimeout(pending?.timer)
    return pending
  }

  /** @param {Bye} bye */
  #sayBye(bye) {
    if (this.bye) return
    this.bye = bye
    this.#stop()
    this.dispatchEvent(new Event("bye"))
  }

  /** @param {WebSocket} socket @param {number} code */
  #ended(socket, code) {
    if (socket !== this.#socket) return
    this.#socket = undefined
    clearInterval(this.#pinger)
    socket.onclose = socket.onmessage = null
    socket.close()
    for (const id of [...this.#pending.keys()])
      this.#answer(id)?.refuse(new CommandRefused("offline", "connection lost"))
    const was = this.connected
    this.connected = false
    if (code === 4401) this.#sayBye({ code: "not_signed_in", message: "" })
    else if (code === 4403) this.#sayBye({ code: "not_allowed", message: "" })
    else if (code === 4404) this.#sayBye({ code: "not_found", message: "" })
    if (was) this.dispatchEvent(new Event("status"))
    if (!this.#wanted) return
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++)
    this.#retry = setTimeout(() => this.#connect(), pause * (0.5 + Math.random()))
  }
}
