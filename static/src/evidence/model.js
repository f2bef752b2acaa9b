/**
 * What stands behind a room's figures: `GET …/rooms/{room}/evidence`, made ready to be shown. Knows no DOM.
 */

/** @typedef {"added in one go" | "moved" | "restored" | "written offline"} Label */
/** @typedef {[author: string, text: string, label?: Label | null, client?: number, clock?: number]} Segment in the order of the text */
/**
 * @typedef {{ name: string, seat: number, measured?: boolean, present_seconds?: number, role?: string | null, answer?: string, slots?: number[], standing?: number,
 *   builds_on?: Record<string, number[]> }} PersonEvidence   `slots` are indexes of `slot_seconds` since `started_at`
 */
/** @typedef {{ participant: string, at: number, kind: Label, length: number, text: string }} Labelled */
/** @typedef {{ room: string, text: Segment[], people: Record<string, PersonEvidence>, evidence: Labelled[], slot_seconds: number, started_at: number }} EvidenceAnswer */

/**
 * @typedef {{ id: string, name: string, seat: number, measured: boolean, role: string, answer: string, slots: number[], standing: number, present: number,
 *   builtOn: { name: string, turns: number }[] }} PersonView   `present` in seconds
 */
/** @typedef {{ at: number, kind: string, name: string, seat: number, participant: string, length: number, text: string }} Moment   `at` in ms since the lesson began */
/** @typedef {{ author: string | null, text: string, kind?: string, fresh?: boolean }} Run */

/** @type {Record<string, string>} a label of P4 to P6 -> its name in the catalogue, which is also its shape */
const KINDS = { "added in one go": "one_go", moved: "moved", restored: "restored", "written offline": "offline" }

/** By seat, in which everyone is found again on the table. @param {EvidenceAnswer} evidence @returns {PersonView[]} */
export function peopleOf({ people }) {
  return Object.entries(people)
    .map(([id, person]) => ({
      id,
      name: person.name,
      seat: person.seat,
      measured: person.measured ?? true,
      role: person.role ?? "",
      answer: person.answer ?? "",
      slots: person.slots ?? [],
      standing: person.standing ?? 0,
      present: person.present_seconds ?? 0,
      builtOn: Object.entries(person.builds_on ?? {})
        .flatMap(([other, slots]) => (people[other] && slots.length > 0 ? [{ name: people[other].name, turns: slots.length }] : []))
        .sort((a, b) => b.turns - a.turns),
    }))
    .sort((a, b) => a.seat - b.seat)
}

/** The text as it stands, with the labels in their places. @param {EvidenceAnswer} evidence @returns {Run[]} */
export function runsOf({ text }) {
  return text.map(([author, words, label]) => ({ author, text: words, ...(label ? { kind: KINDS[label] } : {}) }))
}

/**
 * What was labelled and when, the latest first; pieces of one operation are one moment.
 * @param {EvidenceAnswer} answer @returns {Moment[]}
 */
export function momentsOf({ evidence, people, started_at }) {
  /** @type {Moment[]} */
  const moments = []
  for (const { participant, at, kind, length, text } of evidence) {
    const last = moments.at(-1)
    const since = at - started_at
    if (last && last.participant === participant && last.at === since && last.kind === KINDS[kind]) {
      last.length += length
      last.text = text + last.text
    } else {
      const { name = "", seat = 0 } = people[participant] ?? {}
      moments.push({ at: since, kind: KINDS[kind], name, seat, participant, length, text })
    }
  }
  return moments
}

/**
 * From the first turn to the end, in ms since the lesson began: the time before anyone wrote has nothing to show.
 * @param {EvidenceAnswer} evidence @param {{ start: number, end: number }} replay of the first and the last step @param {number} endedAt ms since the lesson began
 */
export function spanOf({ people, slot_seconds: seconds }, replay, endedAt) {
  const slots = Object.values(people).flatMap((person) => person.slots ?? [])
  const first = Math.min(...slots.map((slot) => slot * seconds * 1000), replay.end > 0 ? replay.start : Infinity)
  const from = Number.isFinite(first) ? Math.floor(first / 10_000) * 10_000 : 0
  return { from, to: Math.max(endedAt, replay.end, from + 10_000) }
}

/**
 * The text at a moment of the replay, with what the last step wrote set apart.
 * @param {{ author: string | null, text: string }[]} passage @param {[number, number][]} fresh in order, in units of the whole text
 * @returns {Run[]}
 */
export function withFresh(passage, fresh) {
  /** @type {Run[]} */
  const runs = []
  let at = 0
  for (const { author, text } of passage) {
    const end = at + text.length
    let done = at
    for (const [from, to] of fresh) {
      const start = Math.max(from, done)
      const stop = Math.min(to, end)
      if (start >= stop) continue
      if (start > done) runs.push({ author, text: text.slice(done - at, start - at) })
      runs.push({ author, text: text.slice(start - at, stop - at), fresh: true })
      done = stop
    }
    if (done < end) runs.push({ author, text: text.slice(done - at) })
    at = end
  }
  return runs
}

/** A whole lesson in a minute; nothing is ever slower than it was. */
const PLAY_MS = 60_000

/** How many times faster than it was. @param {{ from: number, to: number }} span */
export function speedOf({ from, to }) {
  return Math.max(1, (to - from) / PLAY_MS)
}
