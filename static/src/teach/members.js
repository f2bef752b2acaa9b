/**
 * What stands behind a table: each member's units and standing text, in words (P8, P17).
 */
import { html, nothing } from "lit/html.js"

import { t } from "../shared/boot.js"
import { avatar, seatClass } from "../shared/seats.js"
import { openEvidence } from "./look.js"
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
  }}><summary>${t("members")}</summary>${open ? members(desk, room) : nothing}</details>`
}

/** @param {import("./desk.js").Desk} desk @param {RoomView} room */
export function members(desk, room) {
  const standing = room.members.reduce((sum, member) => sum + member.standing, 0)
  return html`<table class="members"><caption class="visually-hidden">${t("members.of", { name: room.name })}</caption>
    <thead><tr><th scope="col">${t("members.who")}</th><th scope="col">${t("members.worked")}</th><th scope="col">${t("members.text")}</th><th scope="col">${t("members.here")}</th></tr></thead>
    <tbody>${room.members.map((member) => html`<tr>
      <th scope="row"><span class="who">${avatar(member)}<span><span class="whose ${seatClass(member.seat)}">${member.name || t("members.left")}</span>
        ${note(member)}</span></span></th>
      <td>${member.units > 0 ? html`<button class="figure" title=${t("evidence.choose", { name: member.name })}
        @click=${() => openEvidence(desk, room.id, member.id)}>${worked(member.units)}<br /><span class="small">${t("evidence.turns", { count: member.units })}</span><span class="visually-hidden"> ${t("evidence.choose", { name: member.name })}</span></button>` : t("members.nothing")}</td>
      <td>${standing > 0 ? t("characters", { count: member.standing }) : "–"}</td>
      <td>${t("minutes", { count: Math.round(member.present / 60) })}</td></tr>`)}</tbody></table>
    <p class="soft small">${t("evidence.note")}</p>`
}

/** @param {import("./rooms.js").MemberView} member */
function note(member) {
  const words = [member.role && t(`role.${member.role}`), !member.measured && t("members.unmeasured"), !member.seated && t("members.moved"), member.seated && !member.here && t("away")].filter(Boolean)
  return html`${words.length > 0 ? html`<br /><span class="soft small">${words.join(" · ")}</span>` : nothing}
    ${member.answer ? html`<br /><q class="small" dir="auto">${member.answer}</q>` : nothing}`
}
