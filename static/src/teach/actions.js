/**
 * What a teacher can do about the reason a room stands where it stands: the first is the one to press (P16, P19). Knows no DOM.
 */

import { openRoomIds } from "./rooms.js"
import { feltBy } from "./words.js"

/** @typedef {import("./rooms.js").RoomView} RoomView */
/**
 * `prepared` names the text the message opens with, `to` whom it goes to: the room, or one person in it.
 * @typedef {{ does: "visit" | "answer" | "minute" | "spotlight" | "swap" | "roles" }
 *   | { does: "card", kind: "hint" | "stretch" }
 *   | { does: "message", label: string, prepared: string, to: { room: string } | { participant: string, name: string } }} Action
 */

/** @param {RoomView} room @param {{ timer: boolean, work: boolean }} lesson @returns {Action[]} at most four */
export function actionsFor(room, { timer, work }) {
  /** @type {Action} */
  const visit = { does: "visit" }
  /** @param {string} label @param {string} prepared @returns {Action} */
  const tellRoom = (label, prepared) => ({ does: "message", label, prepared, to: { room: room.id } })
  /** @param {string | undefined} participant @returns {Action[]} */
  const nudge = (participant) => {
    const person = room.members.find((member) => member.id === participant && member.seated)
    return person?.name
      ? [{ does: "message", label: "nudge", prepared: "unheard", to: { participant: person.id, name: person.name } }]
      : []
  }
  if (!work) return room.size > 0 ? [visit, { does: "spotlight" }] : [visit]
  switch (room.reason.kind) {
    case "help":
      return [visit, { does: "answer" }, ...(timer ? [/** @type {Action} */ ({ does: "minute" })] : [])]
    case "quiet":
      return [tellRoom("ask", "quiet"), visit]
    case "one_voice":
      return [tellRoom("pass", "pass"), ...nudge(room.quietest?.id), visit]
    case "unheard":
      return [...nudge(room.reason.participant ?? room.reason.participants?.[0] ?? room.quietest?.id), visit]
    case "pulse":
      return [{ does: "card", kind: feltBy(room) === "too_easy" ? "stretch" : "hint" }, visit]
    case "leaning":
      return [tellRoom("pass", "pass"), visit, { does: "roles" }]
    case "parallel":
      return [{ does: "swap" }, visit]
    case "done":
      return [{ does: "spotlight" }, visit]
    case "not_started":
      return room.size > 0 ? [visit, tellRoom("start", "start")] : []
    default:
      return [visit, { does: "spotlight" }]
  }
}

/** Texts to begin a message from, by whom it goes to. @type {Record<"all" | "room" | "person", string[]>} */
export const PREPARED = {
  all: ["finish", "build", "check"],
  room: ["quiet", "pass", "invite", "start", "build", "check"],
  person: ["unheard", "challenge", "thanks"],
}

/** The signs that one question can answer, in the order of need, each with the text to begin from. @type {Record<string, string>} */
export const QUESTIONS = { quiet: "quiet", one_voice: "pass", unheard: "invite", pulse: "smaller", leaning: "pass", parallel: "swap", not_started: "start" }

/** Signs that two or more open rooms with people show just now. @param {import("./rooms.js").TeacherState} state @returns {{ sign: string, rooms: string[] }[]} */
export function sharedSigns(state) {
  const rooms = openRoomIds(state).filter((id) => Object.keys(state.rooms[id].members ?? {}).length > 0)
  return Object.keys(QUESTIONS)
    .map((sign) => ({ sign, rooms: rooms.filter((id) => state.figures?.[id]?.signs?.includes(sign)) }))
    .filter((shared) => shared.rooms.length > 1)
}
