/**
 * `/p/{lesson}`: for the class that looks at the wall. How to join, then task, time and progress as a whole, then the spotlit text.
 * Never a name of a person.
 */
import { html, nothing, render, svg } from "lit/html.js"
import { unsafeHTML } from "lit/directives/unsafe-html.js"

import { boot, lessonSocketUrl, t } from "./shared/boot.js"
import { formatClock, secondsLeft } from "./shared/clock.js"
import { LessonSocket } from "./shared/lesson-socket.js"
import { fitText } from "./project/fit.js"

/**
 * @typedef {{ lesson: { id: string, title: string, task?: string, phase: string, code: string, demonstration?: boolean },
 *   timer?: { ends_at: number, ran_out?: boolean } | null, joined: number, here: number, rooms?: Record<string, { name: string, ready: boolean, size: number }>,
 *   broadcast?: { text: string, at: number } | null, spotlight?: { room: string, name: string, html?: string } | null, join?: { url: string, qr: string } }} ProjectorState
 */

const MESSAGE_SHOWN_MS = 120_000 // long enough for the last row to read it twice; the task is the main thing

const root = /** @type {HTMLElement} */ (document.getElementById("app"))
const lesson = new LessonSocket(lessonSocketUrl("projector"))

function draw() {
  const state = /** @type {ProjectorState | undefined} */ (lesson.state)
  if (lesson.bye && lesson.bye.code !== "ended") return render(message(t("bye.title"), lesson.bye.message || t("bye.text")), root)
  if (!state) return render(message("", t("loading")), root)
  document.title = `${state.lesson.title} · ${t("product")}`
  const lit = state.spotlight?.html !== undefined && state.lesson.phase !== "ended" ? state.spotlight : null
  render(html`<div class="wall ${lit ? "is-spotlit" : ""} ${state.lesson.phase}">
    ${state.lesson.demonstration ? html`<section class="demonstration" aria-label=${t("note")}>${t("demonstration")}</section>` : nothing}
    ${top(state, Boolean(lit))}
    ${lit ? spotlight(lit) : state.lesson.phase === "lobby" ? lobby(state) : state.lesson.phase === "ended" ? message(t("ended.title"), t("ended.text")) : work(state)}
    ${said(state)}
    ${state.lesson.phase === "lobby" || state.lesson.phase === "ended" ? nothing : foot(state)}
  </div>`, root)
  fitText(root.querySelector(".spotlit-text"))
}

/** @param {ProjectorState} state @param {boolean} lit */
function top(state, lit) {
  const tables = Object.values(state.rooms ?? {}).filter((room) => room.size > 0).length
  return html`<header class="wall-top"><p class="wall-title"><bdi>${state.lesson.title}</bdi></p>
    ${lit ? clock(state, false) : html`<p class="soft">${t("here", { count: state.here })}${tables > 0 ? html` · ${t("tables", { count: tables })}` : nothing}</p>`}</header>`
}

/** @param {ProjectorState} state */
function lobby(state) {
  return html`<main id="main" class="wall-join">
    <div class="join-how"><h1>${t("join.title")}</h1>
      <p class="join-at"><bdi>${typed(state)}</bdi></p>
      <p class="join-with">${t("join.with")}</p>
      <p class="join-code"><bdi>${spaced(state.lesson.code)}</bdi></p>
      <p class="join-count">${state.joined > 0 ? t("joined", { count: state.joined }) : t("joined.none")}</p></div>
    ${qr(state, t("join.qr"))}
  </main>`
}

/** @param {ProjectorState} state */
function work(state) {
  const { phase, task, title } = state.lesson
  const gathered = phase === "gather"
  return html`<main id="main" class="wall-work ${state.timer || gathered ? "" : "alone"}">
    <div class="task"><h1 class="visually-hidden">${t("task")}</h1><p class=${(task?.length ?? 0) > 220 ? "long" : ""} dir="auto">${task || title}</p>
      ${progress(state)}</div>
    ${gathered ? html`<div class="wall-clock"><p class="gathered">${t("gathered")}</p></div>` : clock(state, true)}
  </main>`
}

/** @param {ProjectorState} state @param {boolean} big */
function clock(state, big) {
  if (!state.timer || state.lesson.phase !== "work") return nothing
  const left = secondsLeft(state.timer.ends_at, lesson.now())
  if (!big) return html`<p class="clock">${left > 0 ? formatClock(left) : t("time_up")}</p>`
  return html`<div class="wall-clock ${left <= 60 ? "last" : ""}" role="timer" aria-live="off">
    ${left > 0 ? html`<p class="big ${left >= 3600 ? "hours" : ""}">${formatClock(left)}</p><p class="soft">${t("left")}</p>` : html`<p class="gathered">${t("time_up")}</p><p class="soft">${t("finish")}</p>`}</div>`
}

/** How far the class is, as a whole: a mark for each table, in no order that means anything. @param {ProjectorState} state */
function progress(state) {
  const rooms = Object.values(state.rooms ?? {}).filter((room) => room.size > 0)
  if (rooms.length === 0) return nothing
  const ready = rooms.filter((room) => room.ready).length
  return html`<div class="progress"><p>${ready === rooms.length ? t("ready.all") : t("ready", { ready, count: rooms.length })}</p>
    <svg class="marks" viewBox="0 0 ${rooms.length * 12} 12" aria-hidden="true" preserveAspectRatio="xMinYMid meet">${rooms.map((_, i) => mark(i, i < ready))}</svg></div>`
}

/** @param {number} i @param {boolean} ready */
function mark(i, ready) {
  return svg`<g transform="translate(${i * 12} 0)"><circle class=${ready ? "is-ready" : ""} cx="6" cy="6" r="4.6"/>${ready ? svg`<path d="m3.9 6.2 1.5 1.6 2.8-3.4"/>` : nothing}</g>`
}

/** @param {{ name: string, html?: string }} lit */
function spotlight({ name, html: text = "" }) {
  return html`<main id="main" class="wall-spotlight"><h1><bdi>${name}</bdi></h1>
    <div class="spotlit-text" tabindex="0" dir="auto" aria-label=${t("spotlight.text", { name })} role="region">${text.trim() ? unsafeHTML(text) /* rendered and sanitised by the server */ : html`<p class="soft">${t("spotlight.blank")}</p>`}</div></main>`
}

/** @param {ProjectorState} state */
function said({ broadcast, lesson: { phase } }) {
  if (!broadcast || phase === "ended" || lesson.now() - broadcast.at > MESSAGE_SHOWN_MS) return nothing
  return html`<p class="said" role="status" dir="auto">${broadcast.text}</p>`
}

/** @param {ProjectorState} state */
function foot(state) {
  return html`<footer class="wall-foot"><p>${t("join.foot")} <b><bdi>${typed(state)}</bdi></b> <span class="foot-code"><bdi>${spaced(state.lesson.code)}</bdi></span></p>${qr(state, t("join.qr"))}</footer>`
}

/** As an image, so that the drawing can do nothing else. @param {ProjectorState} state @param {string} label */
function qr({ join }, label) {
  if (!join?.qr) return nothing
  const drawing = join.qr.includes("xmlns=") ? join.qr : join.qr.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')
  return html`<img class="qr" alt=${label} src="data:image/svg+xml,${encodeURIComponent(drawing)}">`
}

/** The address that is typed: without the scheme. @param {ProjectorState} state */
function typed({ join }) {
  return `${new URL(join?.url ?? "/join", location.href).host}/join`
}

/** @param {string} code */
function spaced(code) {
  return code.length === 6 ? `${code.slice(0, 3)} ${code.slice(3)}` : code
}

/** @param {string} title @param {string} text */
function message(title, text) {
  return html`<main id="main" class="wall-message">${title ? html`<h1>${title}</h1>` : nothing}<p class="soft">${text}</p></main>`
}

root.replaceChildren()
for (const event of ["change", "status", "bye"]) lesson.addEventListener(event, draw)
setInterval(draw, 1000)
addEventListener("resize", draw)
draw()
lesson.open()
