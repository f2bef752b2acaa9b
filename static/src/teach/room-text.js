/**
 * The text of the room the teacher visits, in the same editor the room writes in, with each author's words marked.
 */
import { boot, socketUrl, t } from "../shared/boot.js"
import { loadEditor } from "../shared/editor.js"

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * Open the text of a room in an element until the returned function is called. The editor comes on demand.
 * @param {Desk} desk
 * @param {string} room
 * @param {HTMLElement} element
 * @returns {() => void}
 */
export function openRoomText(desk, room, element) {
  element.className = "editor-host"
  /** @type {import("../editor/index.js").RoomText | undefined} */
  let text
  let closed = false
  const follow = () => text?.setWritable(desk.state.lesson.phase !== "ended")
  void loadEditor().then(({ RoomText }) => {
    if (closed) return
    text = new RoomText({
      parent: element, socketOrigin: socketUrl(""), lesson: boot.lesson, room, role: "teacher",
      words: { label: t("visit.label", { name: desk.state.rooms[room].name }), hint: t("visit.blank") },
      language: boot.language ?? document.documentElement.lang, nonce: boot.nonce,
    })
    text.setAuthors((client) => {
      const author = desk.state.authors?.[room]?.[client] ?? text?.personOf(client)?.participant
      const person = author ? desk.state.people[author] : undefined
      return person && { name: person.name, seat: desk.state.rooms[room].members?.[author ?? ""] }
    })
    follow()
    desk.lesson.addEventListener("change", follow)
  })
  return () => {
    closed = true
    desk.lesson.removeEventListener("change", follow)
    void text?.close()
  }
}
