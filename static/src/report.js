/**
 * `/t/{lesson}/report`: every text, who worked on it and how much, and files to keep.
 */
import { html, nothing, render } from "lit/html.js"

import { boot, fetchHere, t } from "./shared/boot.js"
import { confirmDialog } from "./shared/dialog.js"
import { icon } from "./shared/icons.js"
import { toast } from "./shared/toast.js"
import { roomSection } from "./report/room.js"
import { menu, watchMenus } from "./teach/menu.js"

/** @typedef {import("./report/room.js").RoomReport} RoomReport */
/** @typedef {{ lesson: string, title: string, task?: string, criteria?: string[], phase: string, created_at: number, participation: boolean, demonstration?: boolean, rooms: RoomReport[], timeline?: import("./report/strip.js").Window[] }} Report */

const report = /** @type {Report} */ (boot.report)
const language = document.documentElement.lang
const api = `/api/lessons/${encodeURIComponent(boot.lesson)}`

function page() {
  const rooms = report.rooms.filter((room) => room.text.trim() || room.members.length > 0)
  return html`${report.demonstration ? html`<section class="demonstration" aria-label=${t("note")}>${t("demonstration")}</section>` : nothing}
    <header class="bar"><a class="brand" href="/">${t("product")}</a><span class="grow"></span>
      ${report.phase === "ended" ? nothing : html`<a class="btn" href=${`/t/${boot.lesson}`}>${t("back")}</a>`}
      <button class="btn" @click=${() => print()}>${t("print")}</button>
      ${menu({ label: t("keep"), items: html`
        <a class="btn quiet" href="${api}/report.html" download>${t("keep.html")}</a>
        <a class="btn quiet" href="${api}/report.csv" download>${t("keep.csv")}</a>
        <a class="btn quiet" href="${api}/report" download="report.json">${t("keep.json")}</a>` })}
      <button class="btn" @click=${remove}>${t("delete")}</button></header>
    <main id="main" class="page" tabindex="-1">
      <header class="stack report-head"><h1><bdi>${report.title}</bdi></h1>
        <p class="soft">${overview(rooms)}</p>
        ${report.phase === "ended" ? nothing : html`<p class="note">${icon("wait")}<span class="grow">${t("running")} <a href=${`/t/${boot.lesson}/report`}>${t("again")}</a></span></p>`}
        ${report.task ? html`<p class="lead" dir="auto">${report.task}</p>` : nothing}</header>
      ${rooms.length > 1 ? contents(rooms) : nothing}
      ${rooms.length === 0 ? html`<p class="empty">${t("nothing")}</p>` : rooms.map((room) => roomSection(room, report, api))}
      ${report.participation ? counted() : html`<p class="note">${t("participation.off")}</p>`}
    </main>`
}

/** @param {RoomReport[]} rooms */
function overview(rooms) {
  const people = new Set(rooms.flatMap((room) => room.members.map((member) => member.participant))).size
  const words = rooms.reduce((sum, room) => sum + room.words, 0)
  const day = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" }).format(report.created_at)
  return [day, t("people", { count: people }), t("rooms", { count: rooms.length }), t("words", { count: words })].join(" · ")
}

/** @param {RoomReport[]} rooms */
function contents(rooms) {
  return html`<nav class="contents" aria-label=${t("contents")}><ul class="plain-list row">${rooms.map((room) => html`<li>
    <a class="chip plain" href="#room-${room.room}">${room.name}</a></li>`)}</ul></nav>`
}

/** In plain words, what the figures are and are not (P21). */
function counted() {
  return html`<section class="card roomy stack counted" aria-labelledby="counted-title"><h2 id="counted-title">${t("counted")}</h2>
    <dl>${["turns", "text", "here", "table", "word"].map((name) => html`<div><dt>${t(`counted.${name}`)}</dt><dd>${t(`counted.${name}.text`)}</dd></div>`)}</dl>
    <p><strong>${t("counted.not")}</strong></p></section>`
}

async function remove() {
  const sure = await confirmDialog({ title: t("delete.title"), text: t(report.phase === "ended" ? "delete.text" : "delete.text.running"), yes: t("delete.yes"), heed: true })
  if (!sure) return
  try {
    const response = await fetchHere(api, { method: "DELETE" })
    if (response.ok) return location.assign("/")
    const answer = await response.json()
    toast(answer.error?.message ?? t("failed"), { heed: true })
  } catch {
    toast(t("offline.command"), { heed: true })
  }
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"))
root.replaceChildren()
render(page(), root)
watchMenus()
if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView()
