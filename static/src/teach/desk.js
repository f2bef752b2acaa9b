/**
 * The teacher's desk: the lesson as it stands, what is open on this page, and the way to ask for something.
 */
import { announce } from "../shared/announcer.js"
import { boot, t } from "../shared/boot.js"
import { toast } from "../shared/toast.js"
import { nextOrder } from "./order.js"
import { helpQueue, openRoomIds } from "./rooms.js"

/** @typedef {import("./rooms.js").TeacherState} TeacherState */
/** @typedef {import("../shared/lesson-socket.js").LessonSocket} LessonSocket */
/** @typedef {{ type: string, [field: string]: unknown }} Command */

export class Desk {
  /** @type {LessonSocket} */
  lesson
  /** The room whose panel is open. @type {string | null} */
  visited = null
  /** Pointed at, or the focus is in it: the cards keep still. */
  held = false
  /** The rooms as their cards stand. @type {string[]} */
  shown = []
  /** @type {Set<string>} rooms whose evidence is open */
  opened = new Set()
  /** The person being dragged. @type {string | null} */
  dragged = null

  #draw
  #planned = false
  /** @type {Set<string> | null} hands that have been announced */
  #hands = null

  /** @param {LessonSocket} lesson @param {() => void} draw */
  constructor(lesson, draw) {
    this.lesson = lesson
    this.#draw = draw
  }

  /** @returns {TeacherState} */
  get state() {
    return this.lesson.state
  }

  get now() {
    return this.lesson.now()
  }

  /** Draw soon: once for however many changes come before the next frame, and not under a hand that carries somebody. */
  redraw() {
    if (this.#planned || this.dragged !== null) return
    this.#planned = true
    const draw = () => {
      this.#planned = false
      if (this.dragged === null) this.#draw()
    }
    // A hidden tab has no frames; its title and announcements must go on.
    if (document.hidden) setTimeout(draw, 250)
    else requestAnimationFrame(draw)
  }

  /** The rooms' cards, in the order to show them; `waiting` when a newer order is held back. */
  settleOrder() {
    const existing = openRoomIds(this.state)
    const wanted = this.state.triage?.order ?? this.#orderByHand(existing)
    const { shown, waiting } = nextOrder(this.shown, wanted, existing, this.held)
    this.shown = shown
    return { shown, waiting }
  }

  /** Without a moderator, those who asked still come first. @param {string[]} existing */
  #orderByHand(existing) {
    const asked = helpQueue(this.state).flatMap((hand) => (hand.room ? [hand.room] : []))
    return [...new Set([...asked, ...existing])]
  }

  /** Show the newest order now: the teacher asked for it. */
  reorder() {
    this.held = false
    this.shown = []
    this.redraw()
  }

  /**
   * Ask the server for something; says so when it was not done.
   * @param {Command} command
   * @param {string} [done] what to say when it was
   * @returns {Promise<boolean>}
   */
  async ask(command, done) {
    const refusal = await this.attempt(command, done)
    if (refusal) toast(refusal, { heed: true })
    return !refusal
  }

  /** The same for a dialog, which says itself why it was not done. @param {Command} command @param {string} [done] @returns {Promise<string>} "" when it was done */
  async attempt(command, done) {
    const refusal = await this.lesson.attempt(command)
    if (!refusal && done) toast(done)
    return refusal
  }

  /** @param {string} room */
  visit(room) {
    this.visited = room
    void this.ask({ type: "visit", room })
    this.redraw()
  }

  leaveRoom() {
    const room = this.visited
    this.visited = null
    void this.ask({ type: "visit", room: null })
    this.redraw()
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const back = document.querySelector(`[data-visit="${CSS.escape(room ?? "")}"]`)
      if (back instanceof HTMLElement) back.focus()
    }))
  }

  /** Move a person unless they sit there already. @param {string} participant @param {string | null} room */
  move(participant, room) {
    const person = this.state.people[participant]
    if (!person || (person.room ?? null) === room) return Promise.resolve(true)
    const where = room ? this.state.rooms[room].name : t("lobby.unseated")
    return this.ask({ type: "move", participant, room }, t("moved", { name: person.name, room: where }))
  }

  /** Tell a screen reader of each new request for help, and of nothing else. */
  announceHands() {
    const queue = helpQueue(this.state)
    const known = this.#hands
    this.#hands = new Set(queue.map((hand) => `${hand.participant} ${hand.since}`))
    if (!known) return
    for (const hand of queue.filter((waiting) => !known.has(`${waiting.participant} ${waiting.since}`))) {
      const room = hand.room ? this.state.rooms[hand.room]?.name ?? "" : t("lobby.unseated")
      announce(t("help.announce", { name: hand.name, room, reason: t(`help.${hand.reason}`) }))
    }
  }
}

/** Where the class goes, whole and as it is typed: `https://host/j/CODE` and `host/join`. */
export function joinAddress() {
  const url = new URL(boot.urls.join, location.href)
  return { href: url.href, typed: `${url.host}/join` }
}

/** Six signs read better in two threes. @param {string} code */
export function spaced(code) {
  return code.length === 6 ? `${code.slice(0, 3)} ${code.slice(3)}` : code
}
