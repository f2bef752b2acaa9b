/**
 * Line icons, drawn in the colour of the text beside them, hidden from screen readers: the word beside them speaks.
 * `icon("hand")`, 20 px. A system's emoji font may be missing, so none is used.
 */
import { html } from "lit/html.js"
import { unsafeSVG } from "lit/directives/unsafe-svg.js"

/** @type {Record<string, string>} */
const PATHS = {
  hand: '<path d="M6.5 10V5.2a1.3 1.3 0 0 1 2.6 0V9m0-4.8a1.3 1.3 0 0 1 2.6 0V9m0-3.4a1.3 1.3 0 0 1 2.6 0v6.2c0 3.4-2 5.7-5 5.7-2.5 0-3.7-1-4.8-3l-1.7-3.2a1.2 1.2 0 0 1 2-1.3L6.5 12"/>',
  check: '<path d="m4 10.5 4 4 8-9"/>',
  cross: '<path d="m5 5 10 10M15 5 5 15"/>',
  wait: '<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.7 1.8"/>',
  offline: '<path d="M2.5 8a11 11 0 0 1 15 0M5.3 11a7 7 0 0 1 9.4 0M8 14a3 3 0 0 1 4 0M3 3l14 14"/>',
  heed: '<path d="M10 3 2.5 16.5h15ZM10 8.5v3.5M10 14.3v.2"/>',
  lock: '<rect x="4.5" y="9" width="11" height="8" rx="2"/><path d="M7 9V6.5a3 3 0 0 1 6 0V9"/>',
  front: '<rect x="3" y="3.5" width="14" height="9.5" rx="1.5"/><path d="M10 13v3M6.5 17h7"/>',
  message: '<path d="M3 4.5h14v9H9l-4 3.5v-3.5H3Z"/>',
  pen: '<path d="m4 16 .8-3.6L13.2 4l2.8 2.8-8.4 8.4Z"/>',
  undo: '<path d="M7.5 4 4 7.5 7.5 11M4 7.5h7.5a4.3 4.3 0 0 1 0 8.5H8"/>',
  redo: '<path d="M12.5 4 16 7.5 12.5 11M16 7.5H8.5a4.3 4.3 0 0 0 0 8.5H12"/>',
  bullets: '<path d="M8 5.5h9M8 10h9M8 14.5h9"/><circle cx="4" cy="5.5" r=".9"/><circle cx="4" cy="10" r=".9"/><circle cx="4" cy="14.5" r=".9"/>',
  numbers: '<path d="M8.5 5.5H17M8.5 10H17M8.5 14.5H17"/><path class="upright" d="M3 4.2l1.2-.7v4M2.8 12.5c1.8-1 2.8.3 1.7 1.5L3 16h2.2"/>',
  quote: '<path d="M8.5 6C6 6.8 4.5 8.7 4.5 11.5V14H8v-3.5H5.5M16 6c-2.5.8-4 2.7-4 5.5V14h3.5v-3.5H13"/>',
  people: '<circle cx="7" cy="7" r="2.7"/><path d="M2 16c.4-3 2.3-4.5 5-4.5s4.6 1.5 5 4.5M13 4.6a2.6 2.6 0 0 1 0 4.9M14.5 11.8c2 .6 3.2 2 3.5 4.2"/>',
  copy: '<rect x="7" y="7" width="10" height="10" rx="2"/><path d="M13 7V5a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v6a2 2 0 0 0 2 2h2"/>',
  plus: '<path d="M10 4v12M4 10h12"/>',
  leave: '<path d="M8 3.5H4.5v13H8M8.5 10H17M13.5 6.5 17 10l-3.5 3.5"/>',
  question: '<path d="M7 7.3a3 3 0 1 1 4.4 2.6c-1 .6-1.4 1-1.4 2.2M10 15.3v.2"/>',
  swap: '<path d="M4 7h11M12 4l3 3-3 3M16 13H5M8 10l-3 3 3 3"/>',
  hint: '<path d="M7.5 13.5c-1.6-1-2.5-2.4-2.5-4.2a5 5 0 0 1 10 0c0 1.8-.9 3.2-2.5 4.2v1.2h-5ZM8 17.3h4"/>',
  stretch: '<path d="M2.5 16 8 7l3 4.5L13 9l4.5 7ZM14 3.2v3M12.5 4.7h3"/>',
  eye: '<path d="M2 10c2-3.5 4.7-5.2 8-5.2s6 1.7 8 5.2c-2 3.5-4.7 5.2-8 5.2S4 13.5 2 10Z"/><circle cx="10" cy="10" r="2.3"/>',
  role: '<path d="m10 3 2.1 4.5 4.9.6-3.6 3.4.9 4.9L10 14l-4.3 2.4.9-4.9L3 8.1l4.9-.6Z"/>',
  play: '<path d="M6.5 4v12L16 10Z"/>',
  pause: '<path d="M7 4.5v11M13 4.5v11"/>',
  box: '<rect x="3.5" y="3.5" width="13" height="13" rx="3"/>',
  boxChecked: '<rect x="3.5" y="3.5" width="13" height="13" rx="3" fill="currentColor"/><path class="tick" d="m6.5 10.3 2.5 2.5 4.5-5.3"/>',
}

/** What points or begins where reading does; mirrored where that is from right to left. */
const DIRECTED = new Set(["undo", "redo", "bullets", "numbers", "leave"])

/**
 * @param {keyof typeof PATHS} name
 * @param {number} [size] in CSS pixels
 */
export function icon(name, size = 20) {
  return html`<svg class="${DIRECTED.has(name) ? "icon directed" : "icon"}" viewBox="0 0 20 20" width=${size} height=${size} fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${unsafeSVG(PATHS[name] ?? "")}</svg>`
}
