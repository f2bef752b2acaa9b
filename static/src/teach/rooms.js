/**
 * What a card, a seat and the queue show, read from the lesson's state. Knows no DOM.
 *
 * The state is the teacher's view as the lesson socket keeps it; `figures` come from the moderator and are
 * absent when participation is switched off or nothing has been written yet.
 */

/** @typedef {"stuck" | "check" | "disagree" | "other"} HelpReason */
/** @typedef {{ reason: HelpReason, note?: string, since: number }} Hand */
/** @typedef {{ name: string, room?: string | null, seat?: number, here: boolean, joined_at: number, hand?: Hand | null, pulse?: string | null, measured?: boolean, role?: string, answer?: string }} PersonState */
/** @typedef {{ name: string, topic?: string, position?: number, closed?: boolean, locked?: boolean, ready?: boolean, met?: number[], members?: Record<string, number>, visits?: number }} RoomState */
/** @typedef {{ slots: number, standing: number, present_seconds: number, inserted: number, deleted: number, here: boolean }} MemberFigures */
/** @typedef {{ kind: string, since?: number, participant?: string, participants?: string[], pulse?: "too_hard" | "too_easy" | null }} Reason */
/**
 * @typedef {{ word: string, value?: number | null, slots: number, members?: Record<string, MemberFigures>, words?: number, last_at?: number | null,
 *   quiet_since?: number | null, excerpt?: [string, string][], cross_edit?: number, quietest?: { participant: string, ratio: number } | null,
 *   dominance?: { participant: string, share: number } | null, parallel?: boolean, reason?: Reason, signs?: string[] }} RoomFigures
 */
/** @typedef {{ author: string, name: string, text: string, at: number }} TalkLine */
/**
 * @typedef {{ lesson: { id: string, title: string, task?: string, criteria?: string[], starters?: string[], grouping: string, minutes?: number | null,
 *     phase: "lobby" | "work" | "gather" | "ended", code: string, participation?: boolean, record_shared?: boolean, hint?: string, stretch?: string, demonstration?: boolean, all_locked?: boolean, lock_reason?: string | null },
 *   timer?: { ends_at: number, ran_out?: boolean } | null, rooms: Record<string, RoomState>, people: Record<string, PersonState>,
 *   talk?: Record<string, Record<string, TalkLine>>, messages?: Record<string, { text: string, kind: string, at: number, room?: string, participant?: string }>,
 *   spotlight?: { room: string | null } | null, visiting?: string | null, figures?: Record<string, RoomFigures>, triage?: { order: string[], attention?: Record<string, { visits: number, seconds: number }> },
 *   authors?: Record<string, Record<string, string>> }} TeacherState   `authors`: room -> Yjs client id -> participant
 */
/** @typedef {{ id: string, name: string, seat: number, here: boolean, seated: boolean, units: number, share: number | null, standing: number, present: number, inserted: number, deleted: number, measured: boolean, role: string, answer: string, hand: Hand | null }} MemberView */
/** @typedef {{ text: string, author: string, name: string, seat: number | null }} Run */
/**
 * @typedef {{ id: string, name: string, topic: string, closed: boolean, locked: boolean, ready: boolean, met: number, visits: number, visited: number, toldAt: number | null, members: MemberView[],
 *   here: number, size: number, units: number, word: string | null, words: number, lastAt: number | null, excerpt: Run[], crossEdit: number | null, tooHard: number, tooEasy: number,
 *   reason: Reason, hand: (Hand & { participant: string, name: string }) | null, dominance: { name: string, share: number } | null, quietest: MemberView | null, judged: boolean }} RoomView
 */

/** @param {TeacherState} state @returns {string[]} room ids in the lesson's order */
export function roomIds(state) {
  const rooms = Object.entries(state.rooms ?? {})
  return rooms.sort(([, a], [, b]) => (a.position ?? 0) - (b.position ?? 0)).map(([id]) => id)
}

/** @param {TeacherState} state @returns {string[]} rooms that still take people */
export function openRoomIds(state) {
  return roomIds(state).filter((id) => !state.rooms[id].closed)
}

/** Two hundred names take 2 ms to sort, several times a drawing; a patch that touches nobody leaves the people the same object. @type {WeakMap<object, (PersonState & { id: string })[]>} */
const sorted = new WeakMap()

/** @param {TeacherState} state @returns {(PersonState & { id: string })[]} by name; not to be changed */
export function people(state) {
  let found = sorted.get(state.people)
  if (!found) {
    const byName = new Intl.Collator()
    found = Object.entries(state.people).map(([id, person]) => ({ ...person, id })).sort((a, b) => byName.compare(a.name, b.name))
    sorted.set(state.people, found)
  }
  return found
}

/** @param {TeacherState} state people without a table, as they came: names keep their place while others come */
export function unseated(state) {
  return people(state)
    .filter((person) => !person.room)
    .sort((a, b) => a.joined_at - b.joined_at)
}

/** @param {TeacherState} state @returns {(Hand & { participant: string, name: string, room: string | null })[]} the longest wait first */
export function helpQueue(state) {
  return people(state)
    .flatMap(({ id, name, room, hand }) => (hand ? [{ ...hand, participant: id, name, room: room ?? null }] : []))
    .sort((a, b) => a.since - b.since)
}

/**
 * @param {TeacherState} state
 * @param {string} id
 * @returns {RoomView}
 */
export function roomView(state, id) {
  const room = state.rooms[id]
  const figures = state.figures?.[id]
  const members = membersOf(state, id)
  const seated = members.filter((member) => member.seated)
  const hand = seated.flatMap(({ id: participant, name, hand }) => (hand ? [{ ...hand, participant, name }] : [])).sort((a, b) => a.since - b.since)[0] ?? null
  const pulses = seated.map((member) => state.people[member.id]?.pulse)
  const byId = new Map(members.map((member) => [member.id, member]))
  const dominant = figures?.dominance ? byId.get(figures.dominance.participant) : undefined
  return {
    id,
    name: room.name,
    topic: room.topic ?? "",
    closed: Boolean(room.closed),
    locked: Boolean(room.locked),
    ready: Boolean(room.ready),
    met: room.met?.length ?? 0,
    visits: state.triage?.attention?.[id]?.visits ?? room.visits ?? 0,
    visited: state.triage?.attention?.[id]?.seconds ?? 0,
    toldAt: toldAt(state, id),
    members,
    here: seated.filter((member) => member.here).length,
    size: seated.length,
    units: figures?.slots ?? 0,
    word: figures?.word ?? null,
    words: figures?.words ?? 0,
    lastAt: figures?.last_at ?? null,
    excerpt: (figures?.excerpt ?? []).map(([author, text]) => ({
      author, text, name: byId.get(author)?.name ?? "", seat: byId.get(author)?.seat ?? null,
    })),
    crossEdit: figures?.cross_edit ?? null,
    tooHard: pulses.filter((pulse) => pulse === "too_hard").length,
    tooEasy: pulses.filter((pulse) => pulse === "too_easy").length,
    reason: reasonOf(room, figures, hand),
    hand,
    dominance: dominant && figures?.dominance ? { name: dominant.name, share: figures.dominance.share } : null,
    quietest: (figures?.quietest && byId.get(figures.quietest.participant)) || null,
    judged: ["shared", "leaning", "one voice"].includes(figures?.word ?? ""),
  }
}

/** When the teacher last wrote to the room or to someone in it. @param {TeacherState} state @param {string} id */
function toldAt(state, id) {
  const members = state.rooms[id].members ?? {}
  const told = Object.values(state.messages ?? {}).filter(({ room, participant }) => room === id || (participant !== undefined && participant in members))
  return told.length > 0 ? Math.max(...told.map(({ at }) => at)) : null
}

/**
 * Those who sit here now, by seat, and behind them those who wrote here and sit elsewhere now (P14: their units stay).
 * @param {TeacherState} state @param {string} id @returns {MemberView[]}
 */
function membersOf(state, id) {
  const figures = state.figures?.[id]?.members ?? {}
  /** @param {string} participant */
  const measured = (participant) => state.people[participant]?.measured ?? true
  const total = Object.entries(figures).reduce((sum, [participant, member]) => sum + (measured(participant) ? (member?.slots ?? 0) : 0), 0)
  /** @param {string} participant @param {number} seat @param {boolean} seated @returns {MemberView} */
  const view = (participant, seat, seated) => {
    const person = state.people[participant]
    const own = figures[participant]
    return {
      id: participant,
      name: person?.name ?? "",
      seat,
      seated,
      here: seated && Boolean(person?.here),
      units: own?.slots ?? 0,
      share: own && total > 0 && measured(participant) ? own.slots / total : null,
      standing: own?.standing ?? 0,
      present: own?.present_seconds ?? 0,
      inserted: own?.inserted ?? 0,
      deleted: own?.deleted ?? 0,
      measured: measured(participant),
      role: (seated && person?.role) || "",
      answer: person?.answer ?? "",
      hand: (seated && person?.hand) || null,
    }
  }
  const seats = state.rooms[id].members ?? {}
  const now = Object.entries(seats).map(([participant, seat]) => view(participant, seat, true))
  let free = Math.max(0, ...now.map((member) => member.seat))
  const before = Object.keys(figures)
    .filter((participant) => !(participant in seats) && (figures[participant].slots > 0 || figures[participant].standing > 0))
    .map((participant) => view(participant, ++free, false))
  return [...now.sort((a, b) => a.seat - b.seat), ...before]
}

/**
 * A hand shows at once, whatever the moderator's last word was; without a moderator the room itself says what it can.
 * @param {RoomState} room @param {RoomFigures | undefined} figures @param {RoomView["hand"]} hand @returns {Reason}
 */
function reasonOf(room, figures, hand) {
  if (hand) return { kind: "help", since: hand.since, participant: hand.participant }
  const reason = figures?.reason
  if (reason && reason.kind !== "help") return reason
  if (room.ready) return { kind: "done" }
  return { kind: figures && figures.slots > 0 ? "under_way" : "not_started" }
}

/** @param {TeacherState} state @returns {RoomView[]} open rooms with people that the teacher has not been to (P18) */
export function unvisited(state) {
  return openRoomIds(state)
    .map((id) => roomView(state, id))
    .filter((room) => room.visits === 0 && room.size > 0)
}
