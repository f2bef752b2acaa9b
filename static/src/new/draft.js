/**
 * From the fields of `/new` to the body of `POST /api/lessons`, or to what is wrong, field by field. Knows no DOM.
 */
import { readRoster } from "./roster.js"

const LINES_MAX = 12
const LINE_MAX = 200
const ROOMS_MAX = 60
const ROOM_NAME_MAX = 60
const MINUTES_MAX = 300

/** @typedef {{ key: string, vars?: Record<string, string | number> }} Wrong a message of the catalogue */
/** @typedef {{ draft: Record<string, unknown>, errors: Record<string, Wrong> }} Reading */

/** @param {string} text @returns {string[]} */
export function linesOf(text) {
  return text.split(/\r\n|\r|\n/).map((line) => line.trim().replace(/^[-•*]\s+/, "")).filter(Boolean)
}

/** One room a line; after a colon its topic. @param {string} text @returns {{ name: string, topic: string }[]} */
export function readRooms(text) {
  return linesOf(text).map((line) => {
    const at = line.search(/[:：]/)
    return at > 0 ? { name: line.slice(0, at).trim(), topic: line.slice(at + 1).trim() } : { name: line, topic: "" }
  })
}

/**
 * @param {(name: string) => string} field the value of a field by name, "" when it is not there
 * @returns {Reading} `draft` is to be sent when `errors` is empty
 */
export function readDraft(field) {
  /** @type {Record<string, Wrong>} */
  const errors = {}
  const grouping = field("grouping") || "random"
  /** @type {Record<string, unknown>} */
  const draft = { title: field("title").trim(), task: field("task").trim(), grouping, participation: field("participation") !== "", language: field("language") || "en" }
  if (!draft.title) errors.title = { key: "error.title" }
  for (const name of ["criteria", "starters"]) {
    const lines = linesOf(field(name))
    const long = lines.findIndex((line) => line.length > LINE_MAX)
    if (lines.length > LINES_MAX) errors[name] = { key: "error.lines", vars: { count: LINES_MAX } }
    else if (long >= 0) errors[name] = { key: "error.long_line", vars: { line: long + 1, count: LINE_MAX } }
    draft[name] = lines
  }
  const minutes = field("minutes").trim()
  if (minutes) {
    draft.minutes = Number(minutes)
    if (!within(draft.minutes, MINUTES_MAX)) errors.minutes = { key: "error.minutes", vars: { count: MINUTES_MAX } }
  }
  if (field("template").trim()) draft.template = field("template")
  for (const card of ["hint", "stretch"]) if (field(card).trim()) draft[card] = field(card).trim()
  if (grouping === "roster") {
    const { people, problems } = readRoster(field("roster"))
    draft.roster = field("roster")
    if (problems.length > 0) errors.roster = { key: "error.roster", vars: { count: problems.length } }
    else if (people === 0) errors.roster = { key: "error.roster_empty" }
  } else if (field("rooms_by") === "names") {
    const rooms = readRooms(field("rooms"))
    const long = rooms.findIndex((room) => room.name.length > ROOM_NAME_MAX)
    draft.rooms = rooms
    if (rooms.length === 0) errors.rooms = { key: "error.rooms_empty" }
    else if (rooms.length > ROOMS_MAX) errors.rooms = { key: "error.rooms", vars: { count: ROOMS_MAX } }
    else if (long >= 0) errors.rooms = { key: "error.room_name", vars: { line: long + 1, count: ROOM_NAME_MAX } }
  } else {
    draft.room_count = Number(field("room_count") || 4)
    if (!within(draft.room_count, ROOMS_MAX)) errors.room_count = { key: "error.room_count", vars: { count: ROOMS_MAX } }
  }
  return { draft, errors }
}

/** @param {unknown} value @param {number} most */
function within(value, most) {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most
}

/** The field a refusal of the server names, as in `… - at \`$.criteria[1]\`.` @param {string} message */
export function fieldAtFault(message) {
  return message.match(/\$\.(\w+)/)?.[1] ?? null
}
