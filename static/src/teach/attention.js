/**
 * Where the teacher has been (P18): visits and time for each room, as they grow. The rooms been to least come first.
 */
import { html, nothing } from "lit/html.js"
import { repeat } from "lit/directives/repeat.js"

import { t } from "../shared/boot.js"
import { formatClock } from "../shared/clock.js"
import { showDialog } from "../shared/dialog.js"
import { openRoomIds, roomView } from "./rooms.js"

/** @param {import("./desk.js").Desk} desk */
export async function showAttention(desk) {
  // The order stays while the teacher reads; only the figures go on.
  const order = openRoomIds(desk.state).map((id) => roomView(desk.state, id)).sort((a, b) => a.visits - b.visits || a.visited - b.visited)
  const next = order.find((room) => room.visits === 0 && room.size > 0)
  const form = await showDialog({
    title: t("attention"),
    cancel: t("close"),
    live: desk.lesson,
    body: () => table(order.filter(({ id }) => desk.state.rooms[id]).map(({ id }) => roomView(desk.state, id))),
    actions: next ? [{ value: next.id, label: t("attention.visit", { name: next.name }), main: true }] : [],
  })
  const room = String(form?.get("action") ?? "")
  if (room && desk.state.rooms[room]) desk.visit(room)
}

/** @param {import("./rooms.js").RoomView[]} rooms */
function table(rooms) {
  const most = Math.max(1, ...rooms.map((room) => room.visited))
  return html`<p class="soft">${t("attention.what")}</p>
    <table class="members attention"><thead><tr><th scope="col">${t("attention.room")}</th><th scope="col">${t("attention.visits")}</th><th scope="col">${t("attention.time")}</th></tr></thead>
    <tbody>${repeat(rooms, (room) => room.id, (room) => html`<tr><th scope="row"><bdi>${room.name}</bdi></th>
      <td>${room.visits > 0 ? t("attention.count", { count: room.visits }) : html`<strong>${t("attention.never")}</strong>`}</td>
      <td>${room.visits > 0 ? html`${formatClock(room.visited)}<svg class="attention-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width=${(100 * room.visited) / most} height="6" /></svg>` : nothing}</td></tr>`)}</tbody></table>`
}
