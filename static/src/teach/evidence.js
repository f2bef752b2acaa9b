/**
 * What stands behind a table: each member's units and standing text, in words (P8, P17).
 */
import { html, nothing } from "lit"

import { t } from "../shared/boot.js"
import { avatar, seatClass } from "../shared/seats.js"
import { worked } from "./words.js"

/** @typedef {import("./rooms.js").RoomView} RoomView */

/** @param {import("./desk.js").Desk} desk @param {RoomView} room */
export function evidence(desk, room) {
  const open = desk.opened.has(room.id)
  return html`<details class="evidence" ?open=${open} @toggle=${(/** @type {Event} */ event) => {
    const details = /** @type {HTMLDetailsElement} */ (event.currentTarget)
    if (details.open === desk.opened.has(room.id)) return
    if (details.open) desk.opened.add(room.id)
    else desk.opened.delete(room.id)
    desk.redraw()
  }}><summary>${t("evidence")}</summary>${open ? members(room) : nothing}</details>`
}

/** @param {RoomView} room */
export function members(room) {
  const standing = room.members.reduce((sum, member) => sum + member.standing, 0)
  return html`<table class="members"><caption class="visually-hidden">${t("evidence.of", { name: room.name })}</caption>
    <thead><tr><th scope="col">${t("evidence.who")}</th><th scope="col">${t("evidence.worked")}</th><th scope="col">${t("evidence.text")}</th><th scope="col">${t("evidence.here")}</th></tr></thead>
    <tbody>${room.members.map((member) => html`<tr>
      <th scope="row"><span class="who">${avatar(member)}<span><span class="whose ${seatClass(member.seat)}">${member.name || t("evidence.left")}</span>
        ${note(member)}</span></span></th>
      <td>${member.units > 0 ? html`${worked(member.units)}<br /><span class="soft small">${t("evidence.slots", { count: member.units })}</span>` : t("evidence.nothing")}</td>
      <td>${standing > 0 ? html`${t("evidence.signs", { count: member.standing })}` : "–"}</td>
      <td>${t("evidence.minutes", { count: Math.round(member.present / 60) })}</td></tr>`)}</tbody></table>
    <p class="soft small">${t("evidence.note")}</p>`
}

/** @param {import("./rooms.js").MemberView} member */
function note(member) {
  const word = !member.measured ? t("evidence.unmeasured") : !member.seated ? t("evidence.moved") : member.here ? "" : t("away")
  return word ? html`<br /><span class="soft small">${word}</span>` : nothing
}
