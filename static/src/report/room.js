/**
 * One room in the report: its text, its table in picture and words, and its members one by one.
 */
import { html, nothing } from "lit"
import { unsafeHTML } from "lit/directives/unsafe-html.js"

import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { avatar } from "../shared/seats.js"
import { table, tableLabel } from "../shared/table.js"
import { wordKey, worked } from "../teach/words.js"

/**
 * @typedef {{ participant: string, name: string, seat: number, measured?: boolean, moved?: boolean, present_seconds: number, slots?: number, standing?: number,
 *   inserted?: number, deleted?: number, added_in_one_go?: number, offline?: number, builds_on?: Record<string, number> }} MemberReport
 */
/**
 * @typedef {{ room: string, name: string, topic?: string, text: string, html?: string, words: number, ready?: boolean, met?: number[],
 *   balance: { word?: string | null, value?: number | null, slots?: number, cross_edit?: number | null }, members: MemberReport[] }} RoomReport
 */

/** @param {RoomReport} room @param {{ participation: boolean, criteria?: string[] }} lesson @param {string} api */
export function roomSection(room, { participation, criteria = [] }, api) {
  const files = `${api}/rooms/${encodeURIComponent(room.room)}/summary`
  return html`<section class="card roomy room-report" id="room-${room.room}" aria-labelledby="name-${room.room}">
    <header class="room-head"><div class="grow"><h2 id="name-${room.room}"><bdi>${room.name}</bdi></h2>${room.topic ? html`<p class="soft" dir="auto">${room.topic}</p>` : nothing}</div>
      <div class="row keep"><a class="btn" href="${files}.md" download>${t("keep.markdown")}</a><a class="btn" href="${files}.html" download>${t("keep.page")}</a></div></header>
    <div class="room-body ${participation && room.members.length > 0 ? "" : "alone"}">
      <div class="summary" dir="auto">${room.text.trim() ? (room.html ? unsafeHTML(room.html) /* rendered and sanitised by the server */ : html`<p class="raw">${room.text}</p>`) : html`<p class="soft">${t("room.nothing")}</p>`}</div>
      ${participation && room.members.length > 0 ? picture(room) : nothing}
    </div>
    ${criteria.length > 0 ? html`<ul class="plain-list criteria">${criteria.map((criterion, i) => {
      const met = room.met?.includes(i) ?? false
      return html`<li>${icon(met ? "boxChecked" : "box")}<span><bdi>${criterion}</bdi><span class="visually-hidden"> (${t(met ? "met" : "not_met")})</span></span></li>`
    })}</ul>` : nothing}
    ${room.members.length > 0 ? members(room, participation) : nothing}
  </section>`
}

/** @param {RoomReport} room */
function picture(room) {
  const key = wordKey(room.balance.word ?? "")
  const word = key ? t(`word.${key}`) : ""
  const seats = room.members.map((member) => ({ name: member.name, seat: member.seat, units: member.slots ?? 0, here: true }))
  return html`<figure class="picture">${table(seats, { label: tableLabel(seats, t, { word, language: document.documentElement.lang }), size: 148 })}
    <figcaption>${word ? html`<strong>${word}</strong><br />` : nothing}<span class="soft small">${key ? t(`word.${key}.means`) : ""}</span></figcaption></figure>`
}

/** @param {RoomReport} room @param {boolean} participation */
function members(room, participation) {
  const names = new Map(room.members.map((member) => [member.participant, member.name]))
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("members.of", { name: room.name })}><table class="members">
    <thead><tr><th scope="col">${t("who")}</th>${participation ? html`<th scope="col">${t("worked")}</th><th scope="col">${t("in_text")}</th>` : nothing}<th scope="col">${t("was_here")}</th>${participation ? html`<th scope="col">${t("also")}</th>` : nothing}</tr></thead>
    <tbody>${room.members.map((member) => html`<tr><th scope="row"><span class="who">${avatar(member)}<bdi>${member.name}</bdi></span></th>
      ${participation ? html`<td>${member.slots ? html`${worked(member.slots)} <span class="soft">· ${t("turns", { count: member.slots })}</span>` : t("none")}</td>
        <td>${t("characters", { count: member.standing ?? 0 })}</td>` : nothing}
      <td>${t("minutes", { count: Math.round(member.present_seconds / 60) })}</td>
      ${participation ? html`<td class="soft">${also(member, names)}</td>` : nothing}</tr>`)}</tbody></table></div>`
}

/** What else can be said of someone's part, neutrally (P4, P6, P9, P14). @param {MemberReport} member @param {Map<string, string>} names */
function also(member, names) {
  const on = Object.entries(member.builds_on ?? {}).filter(([other, count]) => count > 0 && names.has(other)).sort(([, a], [, b]) => b - a).map(([other]) => names.get(other) ?? "")
  return [
    member.measured === false ? t("also.unmeasured") : "",
    member.moved ? t("also.moved") : "",
    on.length > 0 ? t("also.builds_on", { names: new Intl.ListFormat(document.documentElement.lang).format(on) }) : "",
    member.added_in_one_go ? t("also.one_go", { count: member.added_in_one_go }) : "",
    member.offline ? t("also.offline") : "",
  ].filter(Boolean).join(" · ")
}
