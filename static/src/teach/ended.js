/**
 * After the lesson: the report is there, and what can be done next.
 */
import { html } from "lit/html.js"

import { boot, t } from "../shared/boot.js"
import { table } from "../shared/table.js"
import { people, roomIds, roomView } from "./rooms.js"

/** @param {import("./desk.js").Desk} desk */
export function ended(desk) {
  const { state } = desk
  const rooms = roomIds(state).map((id) => roomView(state, id)).filter((room) => room.words > 0 || room.size > 0)
  const words = rooms.reduce((sum, room) => sum + room.words, 0)
  return html`<main id="main" tabindex="-1" class="page ended">
    <section class="card roomy stack">
      <h2>${t("ended.title")}</h2>
      <p class="lead">${t("ended.people", { count: people(state).length })} ${t("ended.rooms", { count: rooms.length })} ${words > 0 ? t("ended.words", { count: words }) : ""}</p>
      <p>${t("ended.text")}</p>
      <div class="row"><a class="btn main big" href=${boot.urls.report}>${t("report.open")}</a><a class="btn big" href="/new">${t("ended.new")}</a></div>
    </section>
    <ul class="plain-list ended-rooms">${rooms.map((room) => html`<li class="card">${table(room.members, { label: "", size: 84 })}
      <div><h3><bdi>${room.name}</bdi></h3><p class="soft">${t("words", { count: room.words })}</p></div></li>`)}</ul>
  </main>`
}
