/**
 * One room on the dashboard: why it stands here, its table, its text, and what to do about it.
 */
import { html, nothing } from "lit/html.js"
import { repeat } from "lit/directives/repeat.js"

import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { seatClass } from "../shared/seats.js"
import { table, tableLabel } from "../shared/table.js"
import { actionsFor } from "./actions.js"
import { closeRoom, nudge, preparedText, renameRoom, writeMessage } from "./asking.js"
import { cardText, dropCard, giveCard, rotateRoles, swapAndBuild } from "./interventions.js"
import { openEvidence } from "./look.js"
import { evidence } from "./members.js"
import { menu } from "./menu.js"
import { dropTarget, personChip } from "./people.js"
import { roomView } from "./rooms.js"
import { sign } from "./signs.js"
import { balanceWord, chip, facts, headline, unmarked } from "./words.js"

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./rooms.js").RoomView} RoomView */

/** What a card shows depends on nothing else: with these unchanged it need not be made again. @param {Desk} desk @param {string} id */
export function shownIn({ state, now, opened }, id) {
  const figures = state.figures?.[id]
  const attention = state.triage?.attention?.[id]
  const waits = figures?.reason?.kind === "quiet" || figures?.reason?.kind === "help"
  // People wait by the second; everything else is told in minutes, and "writing now" in some seconds.
  const time = Math.floor(now / (waits ? 1000 : 5000))
  return [state.rooms[id], figures, state.people, state.lesson, state.timer, state.spotlight, state.messages, attention, opened.has(id), time]
}

/** @param {Desk} desk @param {string} id */
export function card(desk, id) {
  const { state, now } = desk
  const room = roomView(state, id)
  const { shape, text, heed } = chip(room, now, t)
  const more = facts(room, state.lesson.criteria?.length ?? 0, now, t)
  const seated = room.members.filter((member) => member.seated)
  const { over, leave, drop } = dropTarget(desk, id)
  return html`<article class="card room ${heed ? "heeded" : ""} ${room.reason.kind === "help" ? "first" : ""}" aria-labelledby="room-${id}"
      @dragover=${over} @dragleave=${leave} @drop=${drop}>
    ${tableButton(desk, room)}
    <div class="room-why">
      <header><h3 id="room-${id}"><bdi>${room.name}</bdi></h3><span class="chip ${heed ? "heed" : ""}">${sign(shape)}${text}</span></header>
      <p class="room-headline">${headline(room, now, t)}</p>
      ${room.hand ? html`<p class="small">${t("help.by", { name: room.hand.name })}${room.hand.note ? html` <q>${room.hand.note}</q>` : nothing}</p>` : nothing}
      ${more ? html`<p class="small soft">${more}</p>` : nothing}
      ${signs(desk, room)}
    </div>
    <div class="excerpt"><div class="excerpt-lines">${excerpt(room)}</div></div>
    ${seated.length > 0 ? html`<div class="chips small-chips">${repeat(seated, (member) => member.id, (member) => personChip(desk, member))}</div>`
      : html`<p class="small soft">${t("room.nobody")}</p>`}
    <div class="act">${actionsFor(room, { timer: Boolean(state.timer), work: state.lesson.phase === "work" })
      .map((action, i) => button(desk, room, action, i === 0 && (heed || room.reason.kind === "done")))}
      ${roomMenu(desk, room)}</div>
    ${room.units > 0 ? evidence(desk, room) : nothing}
  </article>`
}

/** The picture of the table, which opens what it is made of (P17). @param {Desk} desk @param {RoomView} room @param {number} [size] */
export function tableButton(desk, room, size) {
  const label = tableLabel(room.members, t, { word: balanceWord(room, t), language: document.documentElement.lang })
  if (room.units === 0) return table(room.members, { label, size })
  return html`<div class="table-place">${table(room.members, { label, size })}<button class="table-button" aria-label=${t("evidence.open.of", { name: room.name })}
    title=${t("evidence.open")} @click=${() => openEvidence(desk, room.id)}></button></div>`
}

/** What is true of the room besides its reason. @param {Desk} desk @param {RoomView} room */
function signs(desk, room) {
  const { state } = desk
  const chips = [
    state.spotlight?.room === room.id && html`<span class="chip">${icon("front", 16)}${t("sign.spotlit")}</span>`,
    (room.locked || state.lesson.all_locked) && html`<span class="chip plain">${icon("lock", 16)}${t("sign.locked")}</span>`,
    room.ready && room.reason.kind !== "done" && html`<span class="chip plain">${icon("check", 16)}${t("sign.ready")}</span>`,
    room.size > 0 && room.here < room.size && html`<span class="chip plain">${t("sign.away", { count: room.size - room.here })}</span>`,
    ...room.members.filter((member) => member.seated && !member.measured).map(({ name }) => html`<span class="chip plain unmeasured">${t("sign.unmeasured", { name })}</span>`),
  ].filter(Boolean)
  return chips.length > 0 ? html`<p class="row signs">${chips}</p>` : nothing
}

/** The end of the text, each author's words in their colour and line. @param {RoomView} room */
function excerpt(room) {
  if (room.excerpt.length === 0) return html`<p class="soft">${room.size === 0 ? t("room.waits") : t("room.blank")}</p>`
  const cut = room.words > room.excerpt.reduce((sum, run) => sum + run.text.split(/\s+/).length, 0)
  const runs = cut ? room.excerpt.map((run, i) => (i === 0 ? { ...run, text: run.text.replace(/^\S+(?=\s)/, "") } : run)) : room.excerpt // not from the middle of a word
  return html`<p dir="auto">${cut ? "…" : ""}${runs.map((run) => (run.seat === null ? html`<span>${unmarked(run.text)}</span>`
    : html`<span class="whose ${seatClass(run.seat)}" title=${run.name}>${unmarked(run.text)}</span>`))}</p>`
}

/** @param {Desk} desk @param {RoomView} room @param {import("./actions.js").Action} action @param {boolean} main */
function button(desk, room, action, main) {
  const look = `btn ${main ? "main" : ""}`
  switch (action.does) {
    case "visit":
      return html`<button class=${look} data-visit=${room.id} @click=${() => desk.visit(room.id)}>${t("visit")}<span class="visually-hidden"> ${room.name}</span></button>`
    case "answer":
      return html`<button class=${look} @click=${() => desk.ask({ type: "lower_hand", participant: room.hand?.participant })}>${t("answered")}</button>`
    case "minute":
      return html`<button class=${look} @click=${() => desk.ask({ type: "extend_timer", seconds: 60 })}>${t("timer.minute")}</button>`
    case "spotlight":
      return spotlight(desk, room, look)
    case "card":
      return html`<button class=${look} title=${cardText(desk, action.kind)} @click=${() => giveCard(desk, room.id, action.kind)}>${t(`action.${action.kind}`)}</button>`
    case "swap":
      return html`<button class=${look} @click=${() => swapAndBuild(desk, room.id)}>${t("action.swap")}</button>`
    case "roles":
      return html`<button class=${look} @click=${() => rotateRoles(desk, room.id)}>${t("action.roles")}</button>`
    case "message":
      return html`<button class=${look} title=${preparedText(desk, action.to, action.prepared)} @click=${() => nudge(desk, action.to, action.prepared)}>
        ${t(`action.${action.label}`, { name: "name" in action.to ? action.to.name : "" })}</button>`
  }
}

/** @param {Desk} desk @param {RoomView} room @param {string} look */
export function spotlight(desk, room, look) {
  const lit = desk.state.spotlight?.room === room.id
  return html`<button class=${look} aria-pressed=${lit ? "true" : "false"} @click=${() => desk.ask({ type: "spotlight", room: lit ? null : room.id },
    lit ? t("spotlight.out") : t("spotlight.on", { name: room.name }))}>${t("spotlight")}</button>`
}

/** @param {Desk} desk @param {RoomView} room */
function roomMenu(desk, room) {
  return menu({ label: html`<span aria-hidden="true">⋯</span>`, name: t("room.menu", { name: room.name }), className: "at-end", items: html`
    <button class="btn quiet" @click=${() => writeMessage(desk, { room: room.id })}>${t("room.message")}</button>
    ${room.units > 0 ? html`<button class="btn quiet" @click=${() => openEvidence(desk, room.id)}>${t("evidence.open")}</button>` : nothing}
    ${desk.state.lesson.phase !== "work" || room.size === 0 ? nothing : html`<button class="btn quiet" @click=${() => dropCard(desk, room.id, "hint")}>${t("action.hint")}</button>
    <button class="btn quiet" @click=${() => dropCard(desk, room.id, "stretch")}>${t("action.stretch")}</button>
    <button class="btn quiet" @click=${() => rotateRoles(desk, room.id)}>${t("action.roles")}</button>
    ${room.size > 1 ? html`<button class="btn quiet" @click=${() => swapAndBuild(desk, room.id)}>${t("action.swap")}</button>` : nothing}`}
    <button class="btn quiet" @click=${() => desk.ask({ type: "spotlight", room: room.id }, t("spotlight.on", { name: room.name }))}>${t("spotlight")}</button>
    <button class="btn quiet" @click=${() => desk.ask({ type: room.locked ? "unlock" : "lock", room: room.id })}>${room.locked ? t("unlock") : t("lock")}</button>
    <button class="btn quiet" @click=${() => renameRoom(desk, room.id)}>${t("room.rename")}</button>
    <button class="btn quiet" @click=${() => closeRoom(desk, room.id)}>${t("room.close")}</button>` })
}
