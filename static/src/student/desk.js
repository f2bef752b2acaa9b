/**
 * The one room text on the page, kept where the lesson says this student sits: opened on a seat, closed on a move, retired and
 * forgotten by the device at the end. Loads the editor on demand.
 */
import { announce } from "../shared/announcer.js"
import { boot, socketUrl, t } from "../shared/boot.js"
import { loadEditor } from "../shared/editor.js"
import { refusedTexts, wipeLesson, wipePerson } from "../shared/kept-texts.js"
import { mayWrite, personOf } from "./model.js"

/** @typedef {import("../editor/index.js").RoomText} RoomText */

/** What was on its way when the lesson ended gets this long to arrive. */
const LAST_RECEIPTS_MS = 2500

export class Desk {
  /** Where the editor lives; moved between views without being rebuilt. */
  host = document.createElement("div")
  /** @type {RoomText | undefined} */ text
  /** Text that the server refused, for its author to copy. */
  refused = ""
  authorsShown = false
  /** Whether this device has forgotten the texts of the lesson. */
  forgotten = false
  #lesson
  #changed
  /** @type {string | undefined} */ #room
  /** @type {Promise<void>} */ #moving = Promise.resolve()
  #finishing = false
  /** @type {import("../editor/receipts.js").SaveState | undefined} */ #saidSave

  /** @param {import("../shared/lesson-socket.js").LessonSocket} lesson @param {() => void} changed */
  constructor(lesson, changed) {
    this.#lesson = lesson
    this.#changed = changed
    this.host.className = "editor-host"
    this.refused = refusedTexts(boot.lesson).get()
    void loadEditor() // while the lobby is read, and before the first drawing: after it, one could write 0.2 s later
  }

  /** Be where the lesson says. @param {import("./model.js").Stage} stage */
  follow(stage) {
    const { state } = this.#lesson
    if (stage === "ended" || stage === "gone") {
      if (stage === "ended" && state?.room && !this.text) this.#moveTo(state.room.room)
      void this.#finish(stage)
      return
    }
    this.#moveTo(stage === "room" ? state.room.room : undefined)
    this.text?.setWritable(mayWrite(state))
    this.#drawAuthors()
  }

  /** @param {boolean} shown */
  showAuthors(shown) {
    this.authorsShown = shown
    this.#drawAuthors()
    this.#changed()
  }

  /** Who is writing now, by participant id. @returns {Set<string>} */
  get writing() {
    return new Set((this.text?.writingClients ?? []).map(client => this.#participantOf(client) ?? ""))
  }

  forgetRefused() {
    this.refused = ""
    if (this.text) this.text.refused = ""
    refusedTexts(boot.lesson).clear()
    this.#changed()
  }

  /** @param {string | undefined} room */
  #moveTo(room) {
    if (room === this.#room) return
    this.#room = room
    // One move after another: a student moved twice in a second ends where the lesson says, with one text open.
    this.#moving = this.#moving.then(async () => {
      if (this.text) {
        // In the old room's text these words can no longer arrive.
        if (this.text.waiting) this.#keep(this.text.unsavedText)
        const old = this.text
        this.text = undefined
        await old.close()
      }
      if (!room || room !== this.#room) return
      const { RoomText } = await loadEditor()
      const { state } = this.#lesson
      if (room !== this.#room) return
      const text = new RoomText({
        parent: this.host,
        socketOrigin: socketUrl(""),
        lesson: boot.lesson,
        room,
        role: "participant",
        participant: boot.participant,
        words: { label: t("editor.label", { room: state.room?.name ?? "" }), hint: t("editor.hint") },
        language: boot.language ?? document.documentElement.lang,
        nonce: boot.nonce,
        above: () => this.host.parentElement?.querySelector(".marks")?.getBoundingClientRect().bottom ?? 0,
      })
      this.text = text
      text.addEventListener("change", () => this.#hear())
      text.addEventListener("refused", () => this.#keep(text.refused))
      text.setWritable(mayWrite(this.#lesson.state))
      this.#drawAuthors()
      this.#changed()
    })
  }

  /** How safe the text is. The server says when it cannot store: what waits then is not on its way. */
  get save() {
    const save = this.text?.save ?? "opening"
    return save === "saving" && this.text?.waiting && !this.#lesson.stored ? "unsaved" : save
  }

  #hear() {
    const { save } = this
    // "Saving" is said to the eye alone; a screen reader hears when the net is lost, when it is back, and when something is wrong.
    if (save !== this.#saidSave && save !== "saving" && save !== "opening") {
      if (save !== "saved" || this.#saidSave === "offline" || this.#saidSave === "unsaved")
        announce(t(`save.${save}.say`))
      this.#saidSave = save
    }
    this.#changed()
  }

  /** @param {string} text */
  #keep(text) {
    if (!text) return
    this.refused = [this.refused, text].filter(Boolean).join("\n\n")
    announce(t("refused.title"), { assertive: true })
    refusedTexts(boot.lesson).add(text)
    this.#changed()
  }

  /** @param {"ended" | "gone"} stage */
  async #finish(stage) {
    if (this.#finishing) return
    this.#finishing = true
    await this.#moving
    const { text } = this
    text?.setWritable(false)
    if (stage === "ended" && text && !(text.synced && !text.waiting)) {
      await new Promise(resolve => {
        text.addEventListener("change", () => {
          if (text.synced && !text.waiting) resolve(undefined)
        })
        setTimeout(resolve, LAST_RECEIPTS_MS)
      })
    }
    const unsaved = text?.unsavedText ?? ""
    await (stage === "ended" ? text?.retire() : text?.close())
    if (stage === "gone") this.text = undefined
    // Not signed in any more: somebody else may have joined on this device since, and keeps texts of their own.
    const { lesson, participant } = boot
    await (this.#lesson.bye?.code === "not_signed_in" ? wipePerson({ lesson, participant }) : wipeLesson(lesson))
    if (unsaved) this.refused = [this.refused, unsaved].filter(Boolean).join("\n\n")
    this.forgotten = true
    this.#changed()
  }

  #drawAuthors() {
    this.text?.setAuthors(this.authorsShown ? client => this.#authorOf(client) : null)
  }

  /** @param {number} client @returns {string | undefined} */
  #participantOf(client) {
    if (client === this.text?.client) return boot.participant
    return this.#lesson.state?.authors?.[client] ?? this.text?.personOf(client)?.participant
  }

  /** @param {number} client @returns {import("../editor/authors.js").Author | undefined} */
  #authorOf(client) {
    const participant = this.#participantOf(client)
    if (participant === "system") return undefined
    if (participant === "teacher") return { name: t("teacher") }
    return (participant && personOf(this.#lesson.state, participant)) || { name: t("someone") }
  }
}
