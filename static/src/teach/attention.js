/**
 * Where the teacher has been (P18): visits and time for each room, the rooms not yet visited first.
 */
import { html, nothing } from "lit"

import { boot, t } from "../shared/boot.js"
import { formatClock } from "../shared/clock.js"
import { showDialog } from "../shared/dialog.js"
import { toast } from "../shared/toast.js"

/** @typedef {{ room: string, name: string, closed?: boolean, attention?: { visits: number, seconds: number } }} VisitedRoom */

/** @param {import("./desk.js").Desk} desk */
export async function showAttention(desk) {
  /** @type {VisitedRoom[]} */
  let rooms
  try {
    const answer = await fetch(`/api/lessons/${encodeURIComponent(boot.lesson)}/report`)
    if (!answer.ok) throw new Error(String(answer.status))
    rooms = (await answer.json()).rooms
  } catch {
    return toast(t("offline.command"), { heed: true })
  }
  const open = rooms.filter((room) => !room.closed).map((room) => ({ ...room, visits: room.attention?.visits ?? 0, seconds: room.attention?.seconds ?? 0 }))
  const most = Math.max(1, ...open.map((room) => room.seconds))
  open.sort((a, b) => a.visits - b.visits || a.seconds - b.seconds)
  const form = await showDialog({
    title: t("attention"),
    cancel: t("close"),
    body: html`<p class="soft">${t("attention.what")}</p>
      <table class="members attention"><thead><tr><th scope="col">${t("attention.room")}</th><th scope="col">${t("attention.visits")}</th><th scope="col">${t("attention.time")}</th></tr></thead>
      <tbody>${open.map((room) => html`<tr><th scope="row"><bdi>${room.name}</bdi></th>
        <td>${room.visits > 0 ? t("attention.count", { count: room.visits }) : html`<strong>${t("attention.never")}</strong>`}</td>
        <td>${room.seconds > 0 ? html`${formatClock(room.seconds)}<svg class="attention-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width=${(100 * room.seconds) / most} height="6" /></svg>` : nothing}</td></tr>`)}</tbody></table>`,
    actions: open.length > 0 && open[0].visits === 0 ? [{ value: open[0].room, label: t("attention.visit", { name: open[0].name }), main: true }] : [],
  })
  const room = String(form?.get("action") ?? "")
  if (room && desk.state.rooms[room]) desk.visit(room)
}
