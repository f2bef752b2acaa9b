/**
 * What a teacher can do for rooms that show a sign (P19): a question to all of them, a card, the next roles, swap and build; and whether
 * students see their own record (P21).
 */
import { html, nothing } from "lit/html.js"

import { t } from "../shared/boot.js"
import { confirmDialog } from "../shared/dialog.js"
import { QUESTIONS, sharedSigns } from "./actions.js"
import { compose } from "./asking.js"

/** @typedef {import("./desk.js").Desk} Desk */

/** Ask the rooms with this sign something. @param {Desk} desk @param {string} sign @param {string[]} rooms */
async function promptRooms(desk, sign, rooms) {
  const names = new Intl.ListFormat(document.documentElement.lang).format(rooms.map((id) => desk.state.rooms[id].name))
  await compose({
    title: t("prompt.title", { count: rooms.length }), hint: t("prompt.seen", { names }),
    begin: t(`prepared.${QUESTIONS[sign]}`), offers: [...new Set([QUESTIONS[sign], "build", "check"])].map((key) => t(`prepared.${key}`)),
    send: (text) => desk.attempt({ type: "prompt", text, rooms }, t("message.sent", { name: names })),
  })
}

/** What a card says: the one prepared with the lesson, if there is one. @param {Desk} desk @param {"hint" | "stretch"} kind */
export function cardText(desk, kind) {
  return desk.state.lesson[kind]?.trim() || t(`prepared.${kind}`)
}

/** Lower or raise the challenge at once. @param {Desk} desk @param {string} room @param {"hint" | "stretch"} kind */
export async function giveCard(desk, room, kind) {
  const text = cardText(desk, kind)
  await desk.ask({ type: "card", room, kind, text }, t("message.sent.what", { name: desk.state.rooms[room].name, text }))
}

/** The same in words of one's own. @param {Desk} desk @param {string} room @param {"hint" | "stretch"} kind */
export async function dropCard(desk, room, kind) {
  const { rooms } = desk.state
  const begin = cardText(desk, kind)
  await compose({
    title: t(`card.${kind}`, { name: rooms[room].name }), hint: t(`card.${kind}.hint`),
    begin, offers: [...new Set([begin, t(`prepared.${kind}`)])], most: 4000,
    send: (text) => desk.attempt({ type: "card", room, kind, text }, t("message.sent", { name: rooms[room].name })),
  })
}

/** @param {Desk} desk @param {string} room */
export async function swapAndBuild(desk, room) {
  await desk.ask({ type: "swap_and_build", room }, t("swap.done", { name: desk.state.rooms[room].name }))
}

/** The next role for everyone in a room, or in all rooms. @param {Desk} desk @param {string} [room] */
export async function rotateRoles(desk, room) {
  await desk.ask({ type: "rotate_roles", ...(room ? { room } : {}) }, room ? t("roles.done", { name: desk.state.rooms[room].name }) : t("roles.done.all"))
}

/** Whether students see their own record: said in full before it is switched on. @param {Desk} desk */
export async function shareRecord(desk) {
  const on = !desk.state.lesson.record_shared
  const sure = !on || (await confirmDialog({ title: t("record.title"), text: t("record.text"), yes: t("record.on") }))
  if (sure) await desk.ask({ type: "share_record", on }, t(on ? "record.on.done" : "record.off.done"))
}

/** One line for what several rooms have in common. @param {Desk} desk */
export function signLine(desk) {
  const shared = desk.state.lesson.phase === "work" ? sharedSigns(desk.state) : []
  if (shared.length === 0) return nothing
  return html`<p class="row shared-signs"><span class="soft">${t("prompt.several")}</span>${shared.map(({ sign, rooms }) => html`<button class="btn"
    @click=${() => promptRooms(desk, sign, rooms)}>${t(`prompt.sign.${sign}`, { count: rooms.length })}</button>`)}</p>`
}
