/**
 * A seat's look: class names of tokens.css and the sign drawn beside a name. Seats are numbered from 1 and kept for the lesson; from the
 * ninth on the eight looks repeat.
 */
import { html } from "lit/html.js"

import { graphemes } from "./graphemes.js"

/** @param {number | undefined} seat the class `seat-1` … `seat-8`, or `seat-0` for someone whose seat is not known */
export function seatClass(seat) {
  return seat ? `seat-${((seat - 1) % 8) + 1}` : "seat-0"
}

/** The first letter of a name, as people count letters. @param {string} name */
export function initial(name) {
  return graphemes(name.trim())[0]?.toLocaleUpperCase() ?? "?"
}

/**
 * A person's sign: the initial in a ring of the seat's colour, hollow when away. The name stands beside it, so it is hidden from screen readers.
 * @param {{name: string, seat?: number, here?: boolean}} person
 */
export function avatar({ name, seat, here = true }) {
  return html`<span class="avatar ${seatClass(seat)} ${here ? "" : "away"}" aria-hidden="true">${initial(name)}</span>`
}
