/**
 * One room in the report: its text, its table in picture and words, and its members one by one.
 */
import { html, nothing } from "lit/html.js"
import { unsafeHTML } from "lit/directives/unsafe-html.js"

import { t } from "../shared/boot.js"
import { formatClock } from "../shared/clock.js"
import { icon } from "../shared/icons.js"
import { avatar } from "../shared/seats.js"
import { table, tableLabel } from "../shared/table.js"
import { wordKey, worked } from "../teach/words.js"
import { strip, stretchOf } from "./strip.js"

/**
 * @typedef {{ participant: string, name: string, seat: number, role?: string | null, answer?: string, measured?: boolean, moved?: boolean, present_seconds: number, slots?: number, standing?: number,
 *   inserted?: number, deleted?: number, added_in_one_go?: number, offline?: number, builds_on?: Record<string, number> }} MemberReport
 */
/**
 * @typedef {{ room: string, name: string, topic?: string, text: string, html?: string, words: number, ready?: boolean, met?: number[],
 *   balance: { word?: string | null, value?: number | null, slots?: number, cross_edit?: number | null }, members: MemberReport[] }} RoomReport
 */

/** @typedef {import("./strip.js").Window} Window */

/** @param {RoomReport} room @param {{ participation: boolean, criteria?: string[], timeline?: Window[] }} lesson @param {string} api */
export function roomSection(room, { participation, criteria = [], timeline = [] }, api) {
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
    ${room.members.length > 0 ? members(room, participation, timeline) : nothing}
    ${room.text.trim() || room.balance.slots ? grown(room, api) : nothing}
  </section>`
}

/** @param {RoomReport} room */
function picture(room) {
  const key = wordKey(room.balance.word ?? "")
  const word = key ? t(`word.${key}`) : ""
  const seats = room.members.map((member) => ({ name: member.name, seat: member.seat, units: member.slots ?? 0, here: true, measured: member.measured }))
  const label = tableLabel(seats, t, { word, language: document.documentElement.lang })
  return html`<figure class="picture">${room.balance.slots ? html`<div class="table-place">${table(seats, { label, size: 148 })}<button class="table-button" aria-label=${t("grown.of", { name: room.name })} title=${t("grown")}
      @click=${() => lookCloser(room.room)}></button></div>` : table(seats, { label, size: 148 })}
    <figcaption>${word ? html`<strong>${word}</strong><br />` : nothing}<span class="soft small">${key ? t(`word.${key}.means`) : ""}</span></figcaption></figure>`
}

/** Everything behind the figures, fetched when it is opened (P17). @param {RoomReport} room @param {string} api */
function grown(room, api) {
  /** @type {import("../evidence/panel.js").EvidencePanel | undefined} */
  let panel
  return html`<details class="grown" id="grown-${room.room}" @toggle=${async (/** @type {Event} */ event) => {
    const details = /** @type {HTMLDetailsElement} */ (event.currentTarget)
    if (event.target !== details || !details.open || panel) return
    const { EvidencePanel } = await import("../evidence/panel.js")
    panel ??= new EvidencePanel(/** @type {HTMLElement} */ (details.querySelector(".evidence-panel")), `${api}/rooms/${encodeURIComponent(room.room)}`)
  }}><summary>${t("grown")}</summary><div class="evidence-panel"></div></details>`
}

/** @param {string} room */
function lookCloser(room) {
  const details = document.getElementById(`grown-${room}`)
  if (!(details instanceof HTMLDetailsElement)) return
  details.open = true
  details.scrollIntoView({ block: "start" })
  details.querySelector("summary")?.focus({ preventScroll: true })
}

/** @param {RoomReport} room @param {boolean} participation @param {Window[]} timeline of all rooms */
function members(room, participation, timeline) {
  const names = new Map(room.members.map((member) => [member.participant, member.name]))
  const stretch = stretchOf(timeline)
  const windows = timeline.filter((window) => window.room === room.room)
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("members.of", { name: room.name })}><table class="members">
    <thead><tr><th scope="col">${t("who")}</th>${participation ? html`<th scope="col">${t("worked")}</th>${stretch ? html`<th scope="col">${t("over_time")}<span class="strip-ends" aria-hidden="true" dir="ltr"><span>0:00</span><span>${formatClock(stretch.minutes * 60)}</span></span></th>` : nothing}<th scope="col">${t("in_text")}</th>` : nothing}<th scope="col">${t("was_here")}</th>${participation ? html`<th scope="col">${t("also")}</th>` : nothing}</tr></thead>
    <tbody>${room.members.map((member) => html`<tr><th scope="row"><span class="who">${avatar(member)}<span><bdi>${member.name}</bdi>${member.role ? html`<br /><span class="soft small">${t(`role.${member.role}`)}</span>` : nothing}</span></span></th>
      ${participation ? html`<td>${member.slots ? html`${worked(member.slots)} <span class="soft">· ${t("turns", { count: member.slots })}</span>` : t("none")}
          ${member.answer ? html`<br /><span class="answer-beside"><span class="soft small">${t("evidence.answer", { name: member.name })}</span> <q dir="auto">${member.answer}</q></span>` : nothing}</td>
        ${stretch ? html`<td>${member.measured === false ? html`<span class="soft">${t("also.unmeasured")}</span>` : strip(windows, stretch, member)}</td>` : nothing}
        <td>${t("characters", { count: member.standing ?? 0 })}</td>` : nothing}
      <td>${t("minutes", { count: Math.round(member.present_seconds / 60) })}</td>
      ${participation ? html`<td class="soft">${also(member, names, stretch !== null)}</td>` : nothing}</tr>`)}</tbody></table></div>`
}

/** What else can be said of someone's part, neutrally (P4, P6, P9, P14). @param {MemberReport} member @param {Map<string, string>} names @param {boolean} drawn beside a strip, which says it already */
function also(member, names, drawn) {
  const on = Object.entries(member.builds_on ?? {}).filter(([other, count]) => count > 0 && names.has(other)).sort(([, a], [, b]) => b - a).map(([other]) => names.get(other) ?? "")
  return [
    member.measured === false && !drawn ? t("also.unmeasured") : "",
    member.moved ? t("also.moved") : "",
    on.length > 0 ? t("also.builds_on", { names: new Intl.ListFormat(document.documentElement.lang).format(on) }) : "",
    member.added_in_one_go ? t("also.one_go", { count: member.added_in_one_go }) : "",
    member.offline ? t("also.offline") : "",
  ].filter(Boolean).join(" · ")
}
