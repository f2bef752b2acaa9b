/**
 * During the work: who asked for help, where the teacher has not been, and a card for each room in the order of need.
 */
import { html, nothing } from "lit/html.js"
import { guard } from "lit/directives/guard.js"
import { repeat } from "lit/directives/repeat.js"

import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { card, shownIn } from "./card.js"
import { dropTarget, personChip } from "./people.js"
import { addRoom } from "./asking.js"
import { showAttention } from "./attention.js"
import { signLine } from "./interventions.js"
import { helpQueue, unseated, unvisited } from "./rooms.js"
import { visitPanel } from "./visit.js"
import { waiting } from "./words.js"

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function dashboard(desk) {
  const { shown, waiting: newer } = desk.settleOrder()
  return html`<div class="desk-and-panel ${desk.visited ? "with-panel" : ""}">
    <main id="main" tabindex="-1" class="desk">
      ${standing(desk)} ${queue(desk)} ${lost(desk)}
      ${signLine(desk)}
      <div class="row order-line"><p class="soft">${orderLine(desk)} <button class="figure" @click=${() => showAttention(desk)}>${t("attention")}</button></p>
        ${newer ? html`<button class="btn" @click=${() => desk.reorder()}>${t("order.show")}</button>` : nothing}</div>
      ${shown.length === 0 ? html`<div class="empty"><p>${t("rooms.none")}</p><button class="btn main" @click=${() => addRoom(desk)}>${t("room.add")}</button></div>` : nothing}
      <h2 class="visually-hidden">${t("rooms.title")}</h2>
      <div class="tables" @pointerenter=${() => hold(desk, true)} @pointerleave=${() => hold(desk, false)}
        @focusin=${() => hold(desk, true)} @focusout=${(/** @type {FocusEvent} */ event) => {
          const grid = /** @type {HTMLElement} */ (event.currentTarget)
          if (!(event.relatedTarget instanceof Node && grid.contains(event.relatedTarget)) && !grid.matches(":hover")) hold(desk, false)
        }}>${repeat(shown, (id) => id, (id) => guard(shownIn(desk, id), () => card(desk, id)))}</div>
    </main>
    ${desk.visited && desk.state.rooms[desk.visited] ? visitPanel(desk, desk.visited) : nothing}
  </div>`
}

/** @param {Desk} desk @param {boolean} held */
function hold(desk, held) {
  if (desk.held === held) return
  desk.held = held
  desk.redraw()
}

/** What holds for the whole class just now. @param {Desk} desk */
function standing(desk) {
  const { lesson, spotlight, rooms } = desk.state
  const lit = spotlight?.room ? rooms[spotlight.room] : null
  return html`
    ${lesson.phase === "gather" ? html`<div class="note">${icon("front")}<p class="grow">${t("gathered")}</p></div>` : nothing}
    ${lesson.phase === "work" && lesson.all_locked ? html`<div class="note">${icon("lock")}<p class="grow">${lesson.lock_reason === "time" ? t("locked.time") : t("locked.all")}</p>
      <button class="btn" @click=${() => desk.ask({ type: "unlock" })}>${t("unlock.all")}</button></div>` : nothing}
    ${lit ? html`<div class="note">${icon("front")}<p class="grow">${t("spotlit", { name: lit.name })}</p>
      <button class="btn" @click=${() => desk.ask({ type: "spotlight", room: null })}>${t("spotlight.stop")}</button></div>` : nothing}`
}

/** @param {Desk} desk */
function queue(desk) {
  const hands = helpQueue(desk.state)
  if (hands.length === 0) return nothing
  return html`<section class="queue card" aria-labelledby="queue-title"><h2 id="queue-title">${icon("hand")}${t("queue.title", { count: hands.length })}</h2>
    <ol class="plain-list">${repeat(hands, (hand) => hand.participant, (hand) => html`<li>
      <span class="queue-time">${waiting(hand.since, desk.now)}</span>
      <span class="grow"><strong><bdi>${hand.name}</bdi></strong>${hand.room ? html` <span class="soft">· ${desk.state.rooms[hand.room]?.name}</span>` : nothing}
        <br />${t(`help.quote.${hand.reason}`)}${hand.note ? html` <q>${hand.note}</q>` : nothing}</span>
      <span class="row nowrap">${hand.room ? html`<button class="btn" @click=${() => desk.visit(hand.room ?? "")}>${t("visit")}<span class="visually-hidden"> ${hand.name}</span></button>` : nothing}
      <button class="btn" @click=${() => desk.ask({ type: "lower_hand", participant: hand.participant })}>${t("answered")}<span class="visually-hidden"> ${hand.name}</span></button></span></li>`)}</ol></section>`
}

/** People who sit nowhere. @param {Desk} desk */
function lost(desk) {
  const people = unseated(desk.state)
  if (people.length === 0) return nothing
  const { over, leave, drop } = dropTarget(desk, null)
  return html`<section class="waiting" aria-labelledby="lost-title" @dragover=${over} @dragleave=${leave} @drop=${drop}>
    <h2 id="lost-title">${t("lobby.unseated")} <span class="soft">${people.length}</span></h2>
    <div class="chips">${repeat(people, (person) => person.id, (person) => personChip(desk, person))}</div>
    ${desk.state.lesson.phase === "work" ? html`<p><button class="btn" @click=${() => desk.ask({ type: "open_rooms" })}>${t("seat_rest", { count: people.length })}</button></p>` : nothing}
  </section>`
}

/** @param {Desk} desk */
function orderLine(desk) {
  const rooms = unvisited(desk.state)
  const order = t(desk.state.lesson.participation === false ? "order.off" : "order.need")
  if (rooms.length === 0) return html`${order} ${t("unvisited.none")}`
  const names = rooms.slice(0, 3).map((room) => room.name)
  const rest = rooms.length - names.length
  const list = new Intl.ListFormat(document.documentElement.lang, { type: "conjunction" }).format(rest > 0 ? [...names, t("unvisited.more", { count: rest })] : names)
  return html`${order} ${t("unvisited", { names: list })}`
}
