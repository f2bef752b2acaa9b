/**
 * The signature of the product: a room drawn as its round table seen from above. Shape and letters carry the meaning, colour only helps;
 * the label says the same in words.
 */
import { html, nothing, svg } from "lit/html.js"

import { layTable, SIZE, unitsOf } from "./table-model.js"
import { seatClass } from "./seats.js"

/** @typedef {import("./table-model.js").Member} Member */

/**
 * @param {Member[]} members
 * @param {{ label: string, size?: number }} options `label` is read in place of the picture; an empty one hides it from screen readers
 */
export function table(members, { label, size = SIZE }) {
  const { seats, arcs, count, seatRadius } = layTable(members)
  const centre = SIZE / 2
  return html`<svg class="table" viewBox="0 0 ${SIZE} ${SIZE}" width=${size} height=${size}
    role=${label ? "img" : nothing} aria-label=${label || nothing} aria-hidden=${label ? nothing : "true"}>
    <circle class="table-top" cx=${centre} cy=${centre} r="22" />
    <circle class="table-edge" cx=${centre} cy=${centre} r="29" />
    ${arcs.map((arc) => svg`<path class="table-arc ${seatClass(arc.seat)}" d=${arc.path} />${
      arc.roomy ? svg`<text class="table-arc-letter" x=${arc.x} y=${arc.y} dy="0.36em">${arc.letters}</text>` : nothing}`)}
    ${seats.map((seat) => svg`<g class="table-seat ${seatClass(seat.seat)} ${seat.here ? "" : "away"}">
      <circle cx=${seat.x} cy=${seat.y} r=${seatRadius} /><text x=${seat.x} y=${seat.y} dy="0.36em">${seat.letters}</text></g>`)}
    <text class="table-count" x=${centre} y=${centre} dy="0.36em">${count || ""}</text>
  </svg>`
}

/**
 * What the picture says, in words: each member's part of the work, by seat.
 * @param {Member[]} members
 * @param {import("./messages.js").Translate} t speaks `table.share`, `table.away`, `table.none`, `table.unmeasured`, `table.empty`
 * @param {{ word?: string, language?: string }} [options] `word` comes first
 */
export function tableLabel(members, t, { word = "", language = "en" } = {}) {
  if (members.length === 0) return word || t("table.empty")
  const total = unitsOf(members)
  const parts = [...members].sort((a, b) => a.seat - b.seat).map((member) => {
    const away = member.here ? "" : t("table.away")
    const share = member.measured === false ? t("table.unmeasured") : member.units > 0 && members.length > 1
      ? t("table.share", { percent: Math.round((100 * member.units) / total) }) : member.units > 0 ? "" : t("table.none")
    return [member.name, share, away].filter(Boolean).join(" ")
  })
  const list = new Intl.ListFormat(language, { type: "unit" }).format(parts)
  return word ? `${word}: ${list}` : list
}
