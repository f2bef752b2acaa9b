/**
 * A room in words a colleague would use (P12, P16). Knows no DOM; `t` is given.
 */
import { formatClock } from "../shared/clock.js"

/** @typedef {import("./rooms.js").RoomView} RoomView */
/** @typedef {import("../shared/messages.js").Translate} Translate */

/** @type {Record<string, string>} a word of the balance -> its key, which is also its shape where it has one of its own */
const WORD_KEYS = { "not started": "not_started", "working solo": "solo", "too early": "too_early", shared: "shared", leaning: "leaning", "one voice": "one_voice" }
/** @type {Record<string, string>} */
const SHAPE_OF = { not_started: "open", too_early: "open", help: "hand", done: "check" }
const HEEDED = new Set(["help", "quiet", "one_voice", "unheard", "pulse"])

/** The catalogue's name for a word of the balance, or undefined. @param {string} word */
export function wordKey(word) {
  return WORD_KEYS[word]
}

/** The balance as a word, or "" while the moderator has said nothing. @param {RoomView} room @param {Translate} t */
export function balanceWord(room, t) {
  const key = WORD_KEYS[room.word ?? ""]
  return key ? t(`word.${key}`) : ""
}

/** The chip of a card: why it stands where it stands. @param {RoomView} room @param {number} now @param {Translate} t */
export function chip(room, now, t) {
  const { kind, since } = room.reason
  const balance = WORD_KEYS[room.word ?? ""]
  const shown = kind === "under_way" && balance ? balance : kind
  const waited = since !== undefined && (kind === "help" || kind === "quiet") ? waiting(since, now) : ""
  const text = kind === "help" ? t("chip.help", { time: waited }) : kind === "quiet" ? t("chip.quiet", { time: waited })
    : shown === balance ? t(`word.${balance}`) : t(`chip.${shown}`)
  return { shape: SHAPE_OF[shown] ?? shown, text, heed: HEEDED.has(kind) }
}

/** The sentence under a room's name. @param {RoomView} room @param {number} now @param {Translate} t */
export function headline(room, now, t) {
  const { kind, participant, participants, since } = room.reason
  /** @param {string | undefined} id */
  const name = (id) => room.members.find((member) => member.id === id)?.name ?? ""
  switch (kind) {
    case "help":
      return room.hand ? t(`help.quote.${room.hand.reason}`) : t("why.help")
    case "quiet":
      return t("why.quiet", { count: Math.max(1, Math.floor((now - (since ?? now)) / 60_000)) })
    case "one_voice":
    case "leaning": {
      const most = room.dominance ?? mostOf(room)
      return most ? t("why.most", { name: most.name, percent: Math.round(100 * most.share) }) : t(`why.${kind}`)
    }
    case "unheard": {
      const unheard = [...new Set([...(participants ?? []), ...(participant ? [participant] : [])])].map(name).filter(Boolean)
      return unheard.length > 0 ? t("why.unheard.names", { count: unheard.length, names: unheard.join(", ") }) : t("why.unheard")
    }
    case "pulse":
      return t(`why.${feltBy(room)}`, { count: Math.max(2, feltBy(room) === "too_easy" ? room.tooEasy : room.tooHard) })
    case "not_started":
      return room.size === 0 ? t("why.empty") : t("why.not_started")
    default:
      return t(`why.${kind}`)
  }
}

/** What several said in private: the moderator names it, since single answers stay private. @param {RoomView} room */
export function feltBy(room) {
  return room.reason.pulse ?? (room.tooEasy > room.tooHard ? "too_easy" : "too_hard")
}

/** @param {RoomView} room */
function mostOf(room) {
  const shares = room.members.filter((member) => member.share !== null).sort((a, b) => (b.share ?? 0) - (a.share ?? 0))
  return shares[0] ? { name: shares[0].name, share: shares[0].share ?? 0 } : null
}

/** The quiet facts under the sentence. @param {RoomView} room @param {number} criteria @param {number} now @param {Translate} t */
export function facts(room, criteria, now, t) {
  const parts = []
  if (room.reason.kind !== "under_way" && room.judged && room.reason.kind !== "one_voice" && room.reason.kind !== "leaning") parts.push(balanceWord(room, t))
  if (room.words > 0) parts.push(t("words", { count: room.words }))
  if (criteria > 0 && room.words > 0) parts.push(t("criteria.met", { met: room.met, count: criteria }))
  if (room.reason.kind === "parallel" && room.crossEdit !== null) parts.push(t("built_on", { percent: Math.round(100 * room.crossEdit) }))
  if (room.lastAt !== null && room.reason.kind !== "quiet") parts.push(ago(room.lastAt, now, t))
  if (room.toldAt !== null) parts.push(told(room.toldAt, now, t))
  if (room.visits > 0) parts.push(t("visited", { count: room.visits, time: formatClock(room.visited) }))
  return parts.join(" · ")
}

/** @param {number} at @param {number} now @param {Translate} t */
function ago(at, now, t) {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 20) return t("writing_now")
  return seconds < 60 ? t("last.moment") : t("last.minutes", { count: Math.floor(seconds / 60) })
}

/** @param {number} at @param {number} now @param {Translate} t */
function told(at, now, t) {
  const minutes = Math.floor((now - at) / 60_000)
  return minutes < 1 ? t("told.moment") : t("told.minutes", { count: minutes })
}

/** How long since, as `2:10`. @param {number} since @param {number} now ms */
export function waiting(since, now) {
  return formatClock(Math.max(0, (now - since) / 1000))
}

/** Slots of ten seconds as a time, `6:50`. @param {number} slots */
export function worked(slots) {
  return formatClock(slots * 10)
}

/** A text without its marks, for a few lines on a card. @param {string} text */
export function unmarked(text) {
  return text.replace(/(^|\n)\s*(#{1,6}|>|[-*]|\d+\.)\s+/g, "$1").replace(/\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)/g, "")
}
