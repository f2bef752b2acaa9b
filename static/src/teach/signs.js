/**
 * The small shape before a room's word, so that no state is told by colour alone (P22).
 */
import { html, svg } from "lit/html.js"

import { icon } from "../shared/icons.js"

/** @type {Record<string, unknown>} */
const SHAPES = {
  shared: svg`<circle cx="8" cy="8" r="6" fill="currentColor" stroke="none"/>`,
  leaning: svg`<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 1 1-6 6h6Z" fill="currentColor" stroke="none"/>`,
  one_voice: svg`<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor" stroke="none"/>`,
  solo: svg`<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2" fill="currentColor" stroke="none"/>`,
  open: svg`<circle cx="8" cy="8" r="6"/>`,
  unheard: svg`<path d="M12.2 3.8A6 6 0 1 0 14 8"/>`,
  parallel: svg`<path d="M5.5 2.5v11M10.5 2.5v11" stroke-width="2.4"/>`,
  quiet: svg`<g fill="currentColor" stroke="none"><circle cx="2.8" cy="8" r="1.7"/><circle cx="8" cy="8" r="1.7"/><circle cx="13.2" cy="8" r="1.7"/></g>`,
  pulse: svg`<path d="M1.5 8.5h3l2-5 3 9 2-4h3"/>`,
}

/** @param {string} name a name of SHAPES, or `hand` or `check` of the common icons */
export function sign(name) {
  if (!(name in SHAPES)) return icon(name, 16)
  return html`<svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" aria-hidden="true">${SHAPES[name]}</svg>`
}
