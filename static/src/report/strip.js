/**
 * One person's turns over the lesson as a strip that needs no script and prints: a bar for each minute, as high as the turns in it.
 */
import { svg, html } from "lit/html.js"

import { t } from "../shared/boot.js"
import { seatClass } from "../shared/seats.js"

/** @typedef {{ at: number, room: string, word: string, value: number | null, slots: Record<string, number> }} Window a minute from `at` (ms) in which somebody worked */

const MINUTE = 60_000
const TURNS = 6; // in a minute there are six pieces of ten seconds

/** From the first minute in which anybody wrote to the last, in ms. @param {Window[]} windows */
export function stretchOf(windows) {
  const times = windows.map((window) => window.at)
  return times.length > 0 ? { from: Math.min(...times), minutes: (Math.max(...times) - Math.min(...times)) / MINUTE + 1 } : null
}

/**
 * @param {Window[]} windows of the person's room @param {{ from: number, minutes: number }} stretch of the whole lesson
 * @param {{ participant: string, name: string, seat: number, slots?: number }} member
 */
export function strip(windows, { from, minutes }, { participant, name, seat, slots = 0 }) {
  const own = windows.filter((window) => window.slots[participant] > 0)
  if (own.length === 0 && slots > 0) return html`<span class="soft">${t("over_time.new")}</span>` // still in the minute of grace (P14)
  const label = own.length > 0 ? t("over_time.of", { name, count: own.length }) : t("over_time.none", { name })
  return html`<svg class="strip ${seatClass(seat)}" viewBox="0 0 ${minutes} ${TURNS}" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${own.map((window) => svg`<rect x=${(window.at - from) / MINUTE + 0.05} y=${TURNS - window.slots[participant]} width="0.9" height=${window.slots[participant]} />`)}</svg>`
}
