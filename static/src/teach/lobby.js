/**
 * Before the work: how to join, who has come, and who sits where.
 */
import { html, nothing } from "lit/html.js"
import { repeat } from "lit/directives/repeat.js"

import { boot, t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { toast } from "../shared/toast.js"
import { table } from "../shared/table.js"
import { addRoom, closeRoom, copyText, pasteRoster, renameRoom, shuffle } from "./asking.js"
import { openButton, openHint } from "./bar.js"
import { joinAddress, spaced } from "./desk.js"
import { menu } from "./menu.js"
import { dropTarget, personChip } from "./people.js"
import { openRoomIds, people, roomView, unseated } from "./rooms.js"

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function lobby(desk) {
  const { state } = desk
  const everyone = people(state)
  const waiting = unseated(state)
  const rooms = openRoomIds(state)
  return html`<main id="main" tabindex="-1" class="desk lobby">
    ${joining(desk, everyone.length)}
    <section class="seating" aria-labelledby="seating-title">
      <div class="row"><h2 id="seating-title">${t("lobby.tables")}</h2><span class="grow"></span>
        <button class="btn" @click=${() => shuffle(desk)} ?disabled=${everyone.length === 0}>${t("shuffle")}</button>
        <button class="btn" @click=${() => pasteRoster(desk)}>${t("roster.title")}</button>
        <button class="btn" @click=${() => addRoom(desk)}>${icon("plus")}${t("room.add")}</button></div>
      <p class="soft">${t(`lobby.grouping.${state.lesson.grouping}`)} ${everyone.length > 0 ? t("lobby.how_to_move") : ""}</p>
      ${waitingList(desk, waiting, everyone.length)}
      <div class="tables">${repeat(rooms, (id) => id, (id) => lobbyRoom(desk, id))}</div>
    </section>
  </main>`
}

/** @param {Desk} desk @param {number} count */
function joining(desk, count) {
  const { typed, href } = joinAddress()
  const code = spaced(desk.state.lesson.code)
  return html`<section class="joining card roomy" aria-labelledby="joining-title">
    <div class="joining-how">
      <h2 id="joining-title">${count === 0 ? t("lobby.nobody") : t("lobby.come", { count })}</h2>
      <p>${count === 0 ? t("lobby.write_up") : t("lobby.still")}</p>
      <p class="joining-code"><bdi>${code}</bdi></p>
      <p class="joining-address"><span class="soft">${t("lobby.at")}</span> <strong><bdi>${typed}</bdi></strong></p>
      <div class="row"><a class="btn ${count === 0 ? "main" : ""}" href=${boot.urls.project} target="_blank" rel="noopener">${icon("front")}${t("lobby.projector")}</a>
        <button class="btn" @click=${() => copyText(href, toast)}>${icon("copy")}${t("lobby.copy")}</button></div>
    </div>
    <div class="joining-next">
      <p class="label">${t("lobby.next")}</p>
      <p class="soft">${openHint(desk)}</p>
      ${openButton(desk)}
      ${desk.state.lesson.task ? nothing : html`<p class="soft small">${t("lobby.no_task")}</p>`}
    </div>
  </section>`
}

/** @param {Desk} desk @param {ReturnType<typeof unseated>} waiting @param {number} count */
function waitingList(desk, waiting, count) {
  const { over, leave, drop } = dropTarget(desk, null)
  return html`<div class="waiting" @dragover=${over} @dragleave=${leave} @drop=${drop}>
    <h3>${t("lobby.unseated")} <span class="soft">${waiting.length || ""}</span></h3>
    ${waiting.length > 0 ? html`<div class="chips">${repeat(waiting, (person) => person.id, (person) => personChip(desk, person))}</div>`
      : html`<p class="soft">${count === 0 ? t("lobby.nobody_waits") : t("lobby.all_seated")}</p>`}
  </div>`
}

/** @param {Desk} desk @param {string} id */
function lobbyRoom(desk, id) {
  const room = roomView(desk.state, id)
  const seated = room.members.filter((member) => member.seated)
  const { over, leave, drop } = dropTarget(desk, id)
  return html`<article class="card lobby-room" @dragover=${over} @dragleave=${leave} @drop=${drop}>
    <header>${table(seated, { label: "", size: 64 })}
      <div class="grow"><h3><bdi>${room.name}</bdi></h3><p class="soft small" dir="auto">${room.topic || (room.size > 0 ? t("seated", { count: room.size }) : "")}</p></div>
      ${menu({ label: html`<span aria-hidden="true">⋯</span>`, name: t("room.menu", { name: room.name }), items: html`
        <button class="btn quiet" @click=${() => renameRoom(desk, id)}>${t("room.rename")}</button>
        <button class="btn quiet" @click=${() => closeRoom(desk, id)}>${t("room.close")}</button>` })}</header>
    ${seated.length > 0 ? html`<div class="chips">${repeat(seated, (member) => member.id, (member) => personChip(desk, member))}</div>`
      : html`<p class="empty small">${t("lobby.drop")}</p>`}
  </article>`
}
