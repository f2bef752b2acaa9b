/**
 * The bar over the desk: which lesson, how to join it, who is here, how long, and what happens next.
 */
import { html, nothing } from "lit/html.js"

import { boot, t } from "../shared/boot.js"
import { formatClock, secondsLeft } from "../shared/clock.js"
import { icon } from "../shared/icons.js"
import { toast } from "../shared/toast.js"
import { addRoom, copyText, endLesson, pasteRoster, setTimer, shuffle, writeMessage } from "./asking.js"
import { joinAddress, spaced } from "./desk.js"
import { rotateRoles, shareRecord } from "./interventions.js"
import { menu } from "./menu.js"
import { people, unseated } from "./rooms.js"

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function bar(desk) {
  const { lesson } = desk.state
  const everyone = people(desk.state)
  const here = everyone.filter((person) => person.here).length
  return html`<header class="bar desk-bar">
    <div class="desk-about"><h1><bdi>${lesson.title}</bdi></h1>
    ${lesson.phase === "ended" ? nothing : html`
      <button class="code" @click=${() => copyText(joinAddress().href, toast)} aria-label=${t("code.copy", { code: spaced(lesson.code) })} title=${t("code.copy.short")}>
        <bdi>${spaced(lesson.code)}</bdi></button>
      ${everyone.length > 0 ? html`<span class="soft small">${t("here_of", { here, count: everyone.length })}</span>` : nothing}`}</div>
    <div class="desk-actions">${lesson.phase === "ended" ? html`<a class="btn main" href=${boot.urls.report}>${t("report.open")}</a>` : actions(desk)}</div>
  </header>`
}

/** @param {Desk} desk */
function actions(desk) {
  const { phase } = desk.state.lesson
  return html`${phase === "lobby" ? nothing : timer(desk)}
    <a class="btn" href=${boot.urls.project} target="_blank" rel="noopener">${icon("front")}${t("projector")}</a>
    <button class="btn" @click=${() => writeMessage(desk, { all: true })}>${icon("message")}${t("message.all")}</button>
    ${more(desk)} ${next(desk)}`
}

/** The one button that moves the lesson on. @param {Desk} desk */
function next(desk) {
  const { phase } = desk.state.lesson
  if (phase === "work") return html`<button class="btn main" @click=${() => desk.ask({ type: "gather" })}>${t("gather")}</button>`
  if (phase === "gather") {
    return html`<button class="btn" @click=${() => endLesson(desk)}>${t("end")}</button>
      <button class="btn main" @click=${() => desk.ask({ type: "open_rooms" })}>${t("open_again")}</button>`
  }
  return nothing // in the lobby it stands in the page, beside what it will do
}

/** @param {Desk} desk */
export function openButton(desk) {
  const waiting = unseated(desk.state).length
  const nobody = Object.keys(desk.state.people).length === 0 // then showing the code comes first
  return html`<button class="btn ${nobody ? "" : "main"}" @click=${() => desk.ask({ type: "open_rooms" })}>
    ${waiting > 0 ? t("open.seat", { count: waiting }) : t("open")}</button>`
}

/** What opening will do, in a sentence. @param {Desk} desk */
export function openHint(desk) {
  const { lesson } = desk.state
  const waiting = unseated(desk.state).length
  const seats = waiting > 0 ? t(`open.hint.${lesson.grouping === "teacher" || lesson.grouping === "self" ? "rest" : lesson.grouping}`, { count: waiting }) : t("open.hint.seated")
  return lesson.minutes ? `${seats} ${t("open.hint.minutes", { count: lesson.minutes })}` : seats
}

/** @param {Desk} desk */
function timer(desk) {
  const { timer: running } = desk.state
  if (!running) return html`<button class="btn" @click=${() => setTimer(desk)}>${icon("wait")}${t("timer.start")}</button>`
  const left = secondsLeft(running.ends_at, desk.now)
  return html`<div class="timer row" role="group" aria-label=${t("timer.group")}>
    <span class="clock ${left <= 60 ? "last" : ""}" role="timer" aria-live="off">${left > 0 ? formatClock(left) : t("time_up")}</span>
    <button class="btn" @click=${() => desk.ask({ type: "extend_timer", seconds: 60 })}>${t("timer.minute")}</button>
    ${menu({ label: icon("wait"), name: t("timer.more"), items: html`
      <button class="btn quiet" @click=${() => desk.ask({ type: "extend_timer", seconds: 300 })}>${t("timer.five")}</button>
      <button class="btn quiet" @click=${() => setTimer(desk)}>${t("timer.set")}</button>
      <button class="btn quiet" @click=${() => desk.ask({ type: "stop_timer" })}>${t("timer.stop")}</button>` })}
  </div>`
}

/** @param {Desk} desk */
function more(desk) {
  const { phase, all_locked: locked } = desk.state.lesson
  return menu({ label: t("more"), items: html`
    ${phase !== "work" ? nothing : html`<button class="btn quiet" @click=${() => desk.ask({ type: locked ? "unlock" : "lock" })}>
      ${locked ? t("unlock.all") : t("lock.all")}</button>`}
    <button class="btn quiet" @click=${() => addRoom(desk)}>${t("room.add")}</button>
    <button class="btn quiet" @click=${() => shuffle(desk)}>${t("shuffle")}</button>
    <button class="btn quiet" @click=${() => pasteRoster(desk)}>${t("roster.title")}</button>
    ${desk.state.lesson.grouping !== "jigsaw" || phase === "lobby" ? nothing : html`<button class="btn quiet"
      @click=${() => desk.ask({ type: "regroup", by: "home" }, t("home_groups.done"))}>${t("home_groups")}</button>`}
    ${phase !== "work" ? nothing : html`<button class="btn quiet" @click=${() => rotateRoles(desk)}>${t("roles.all")}</button>`}
    ${desk.state.lesson.participation === false ? nothing : html`<button class="btn quiet" @click=${() => shareRecord(desk)}>${t(desk.state.lesson.record_shared ? "record.off" : "record.on")}</button>`}
    ${phase === "lobby" ? nothing : html`<a class="btn quiet" href=${boot.urls.report} target="_blank" rel="noopener">${t("report.so_far")}</a>`}
    <button class="btn quiet" @click=${() => copyText(boot.urls.teach, (said) => toast(said === boot.urls.teach ? said : t("link.private.done")))}>${t("link.private")}</button>
    <button class="btn quiet" @click=${() => endLesson(desk)}>${t("end")}</button>` })
}
