/**
 * The shapes of the labels of P4 to P6, the same in the text, in the list and on the timeline. Drawn in a box of 10 by 10.
 */
import { html } from "lit/html.js"

/** @type {Record<string, string>} */
export const SHAPES = {
  one_go: "M5 1 9.5 9h-9Z",
  moved: "M5 .5 9.5 5 5 9.5.5 5Z",
  restored: "M1.2 1.2h7.6v7.6H1.2Z",
  offline: "M5 1a4 4 0 1 1 0 8 4 4 0 0 1 0-8Zm0 2.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6Z",
}

/** @param {string} kind */
export function shape(kind) {
  return html`<svg class="label-shape" viewBox="0 0 10 10" width="10" height="10" fill="currentColor" aria-hidden="true"><path d=${SHAPES[kind] ?? ""} /></svg>`
}
