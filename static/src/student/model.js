/**
 * What the student's page shows for a lesson state, without DOM: which stage, who may write, what is news.
 */

/** @typedef {"lobby" | "room" | "ended" | "gone"} Stage */
/** @typedef {{key: string, vars?: Record<string, string | number>, assertive?: boolean}} News */

/**
 * @param {any} state the lesson state
 * @param {{code: string} | undefined} bye
 * @returns {Stage}
 */
export function stageOf(state, bye) {
  if (bye && bye.code !== "ended") return "gone"
  if (bye || state?.lesson.phase === "ended") return "ended"
  return state.lesson.phase !== "lobby" && state.me.room && state.room ? "room" : "lobby"
}

/** @param {any} state */
export function mayWrite(state) {
  return state?.lesson.phase === "work" && !!state.room && !state.room.locked
}

/** Why the text is read-only, as a message key, or null while it may be written. @param {any} state @returns {string | null} */
export function lockWords(state) {
  if (!state?.room || mayWrite(state)) return null
  if (state.lesson.phase === "gather") return "locked.gather"
  const reason = state.room.lock_reason ?? state.lesson.lock_reason
  return reason === "time" ? "locked.time" : "locked.teacher"
}

/**
 * Entries of a keyed map in the order they came: lines of talk, or the teacher's messages.
 * @param {Record<string, {at: number, text: string, author?: string, name?: string, kind?: string}> | undefined} entries
 */
export function inOrder(entries) {
  return Object.entries(entries ?? {})
    .map(([id, entry]) => ({ id, ...entry }))
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}

/**
 * People at the table by seat.
 * @param {any} state
 * @returns {{participant: string, name: string, seat: number, here: boolean, hand?: boolean, role?: string, mine: boolean}[]}
 */
export function atTable(state) {
  return Object.entries(state?.table ?? {})
    .map(([participant, person]) => ({ participant, ...person, mine: participant === state.me.participant }))
    .sort((a, b) => a.seat - b.seat)
}

/** The roles that others have at the table, each once, in the order of seats. @param {any} state @returns {string[]} */
export function othersRoles(state) {
  const roles = atTable(state).flatMap(({ role, mine }) => (role && !mine ? [role] : []))
  return [...new Set(roles)].filter(role => role !== state.me.role)
}

const SLOT_SECS = 10

/**
 * One's own record in whole minutes; `here` is never less than `worked`, which may count words that came later from an offline spell.
 * @param {{slots: number, minutes_present: number}} record
 */
export function minutesOf({ slots, minutes_present: present }) {
  const worked = Math.round((slots * SLOT_SECS) / 60)
  return { worked, here: Math.max(present, worked), any: slots > 0 }
}

/** @typedef {{room: string, name: string, topic?: string, size: number, open: boolean, position: number, mine: boolean}} Choice */

/**
 * The tables one may choose among, in the lesson's order: a JSON object has none, and two messages may name them differently.
 * @param {any} state
 * @returns {Choice[]}
 */
export function choicesOf(state) {
  return Object.entries(state?.rooms ?? {})
    .map(([room, choice]) => ({ room, ...choice, mine: room === state.me.room }))
    .sort((a, b) => a.position - b.position)
}

/** The teacher's words that this page has not put away, newest first. @param {any} state @param {Set<string>} dismissed */
export function openMessages(state, dismissed) {
  return inOrder(state?.messages)
    .filter(({ id }) => !dismissed.has(id))
    .reverse()
}

/**
 * Everyone who sits or sat here, by participant id: those at the table, and those the room remembers.
 * @param {any} state
 * @param {string} participant
 * @returns {{name: string, seat?: number} | undefined}
 */
export function personOf(state, participant) {
  return state?.table?.[participant] ?? state?.seats?.[participant]
}

/**
 * What happened between two states that someone who cannot see the page must hear.
 * @param {any} before
 * @param {any} after
 * @param {Set<string>} dismissed
 * @returns {News[]}
 */
export function newsBetween(before, after, dismissed) {
  if (!before || !after) return []
  /** @type {News[]} */
  const news = []
  const was = stageOf(before, undefined)
  const is = stageOf(after, undefined)
  if (is === "room" && before.me.room !== after.me.room && was === "room")
    news.push({ key: "moved", vars: { room: after.room.name }, assertive: true })
  else if (is === "room" && was === "lobby")
    news.push({ key: "opened", vars: { room: after.room.name }, assertive: true })
  else if (is === "lobby" && was === "room") news.push({ key: "to_lobby", assertive: true })
  else if (is === "lobby" && was === "lobby" && after.room && before.me.room !== after.me.room)
    news.push({ key: "lobby.seated", vars: { room: after.room.name } })
  if (is === "room" && was === "room" && before.me.room === after.me.room) {
    const lock = lockWords(after)
    if (lock !== lockWords(before)) news.push({ key: lock ?? "unlocked", assertive: true })
    if (before.room.ready !== after.room.ready) news.push({ key: after.room.ready ? "ready.news" : "ready.taken_back" })
    if (before.talk !== after.talk) {
      for (const line of inOrder(after.talk)) {
        if (!before.talk?.[line.id] && line.author !== after.me.participant)
          news.push({
            key: line.author === "teacher" ? "talk.news_teacher" : "talk.news",
            vars: { name: line.name ?? "", text: line.text },
          })
      }
    }
  }
  for (const message of openMessages(after, dismissed))
    if (!before.messages?.[message.id]) news.push({ key: "message.news", vars: { text: message.text } })
  if (after.me.role && after.me.role !== before.me.role) news.push({ key: `role.${after.me.role}.you` })
  if (after.record && !before.record) news.push({ key: "record.news" })
  if (before.me.hand && !after.me.hand) news.push({ key: "hand.down" })
  else if (after.me.hand && before.me.hand?.place !== after.me.hand.place)
    news.push({ key: "hand.place", vars: { place: after.me.hand.place ?? 1 } })
  return news
}
