/**
 * The round table as numbers: where the seats stand, and how far each member's arc runs.
 *
 * Each member has a seat; the arc in front of a seat is that member's part of the work. At a fair table every arc lies
 * before its own seat; when one person does it all, that arc runs round in front of the others. Someone silent has a
 * seat and no arc, someone away a hollow seat. Knows no DOM.
 */

import { graphemes } from "./graphemes.js"

/**
 * @typedef {{ name: string, seat: number, units: number, here: boolean, measured?: boolean }} Member  `units` are slots of ten seconds; of someone who is
 *   not measured by typing there is a seat and no arc, as the balance leaves them out (P14)
 */
/** @typedef {{ x: number, y: number, seat: number, letters: string, here: boolean }} Seat */
/** @typedef {{ path: string, seat: number, letters: string, x: number, y: number, roomy: boolean }} Arc */
/** @typedef {{ seats: Seat[], arcs: Arc[], count: number, seatRadius: number }} Table */

export const SIZE = 112
const CENTRE = SIZE / 2
const SEATS_AT = 46
const ARCS_AT = 29
const GAP_DEGREES = 5
const LETTER_DEGREES = 26; // a letter needs this much of an arc to sit in it
/**
 * The shortest beginnings that tell names apart: one letter, two where two names share the first.
 * @param {string[]} names
 * @returns {string[]}
 */
export function lettersFor(names) {
  const spelled = names.map((name) => graphemes(name.trim()))
  const firsts = spelled.map((letters) => (letters[0] ?? "?").toLocaleUpperCase())
  return spelled.map((letters, i) => {
    const alone = firsts.filter((first) => first === firsts[i]).length === 1
    if (alone) return firsts[i]
    const digit = names[i].match(/\((\d+)\)\s*$/)?.[1]; // "Sam (2)" is told from "Sam" by its number
    return digit ? firsts[i] + digit : firsts[i] + (letters[1] ?? "")
  })
}

/** @param {number} degrees clockwise from the top @param {number} radius */
function at(degrees, radius) {
  const angle = ((degrees - 90) * Math.PI) / 180
  return { x: round(CENTRE + radius * Math.cos(angle)), y: round(CENTRE + radius * Math.sin(angle)) }
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100
}

/** @param {number} from @param {number} to degrees clockwise from the top; less than a full turn */
function arcPath(from, to) {
  const start = at(from, ARCS_AT)
  const end = at(to, ARCS_AT)
  return `M${start.x} ${start.y}A${ARCS_AT} ${ARCS_AT} 0 ${to - from > 180 ? 1 : 0} 1 ${end.x} ${end.y}`
}

/** @returns {string} a whole ring: two halves, since an arc that ends where it begins draws nothing */
function ringPath() {
  return `${arcPath(0, 180)}${arcPath(180, 360)}`
}

/** All units that are measured. @param {Member[]} members */
export function unitsOf(members) {
  return members.reduce((sum, member) => sum + (member.measured === false ? 0 : member.units), 0)
}

/**
 * Lay out a table. Members sit clockwise from the top in the order of their seats.
 * @param {Member[]} members
 * @returns {Table}
 */
export function layTable(members) {
  const sitting = [...members].sort((a, b) => a.seat - b.seat)
  const letters = lettersFor(sitting.map((member) => member.name))
  const step = 360 / Math.max(1, sitting.length)
  const seatRadius = round(Math.min(9, Math.max(2.5, (Math.PI * SEATS_AT * 0.8) / Math.max(1, sitting.length))))
  const seats = sitting.map((member, i) => ({
    ...at(i * step, SEATS_AT),
    seat: member.seat,
    letters: seatRadius >= 7 ? letters[i] : "",
    here: member.here,
  }))
  const total = unitsOf(sitting)
  const writers = sitting.filter((member) => member.measured !== false && member.units > 0).length
  /** @type {Arc[]} */
  const arcs = []
  let from = -step / 2
  sitting.forEach((member, i) => {
    if (member.units <= 0 || member.measured === false) return
    const sweep = (360 * member.units) / total
    const gap = writers > 1 ? Math.min(GAP_DEGREES, sweep / 2) : 0
    arcs.push({
      path: writers === 1 ? ringPath() : arcPath(from + gap / 2, from + sweep - gap / 2),
      seat: member.seat,
      letters: letters[i],
      ...at(from + sweep / 2, ARCS_AT),
      roomy: sweep >= LETTER_DEGREES,
    })
    from += sweep
  })
  return { seats, arcs, count: sitting.length, seatRadius }
}
