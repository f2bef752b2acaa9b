/**
 * `/t/{lesson}`: the teacher's desk. Before the work it seats people, during it shows who needs the teacher, after it points to the report.
 */
import { html, nothing, render } from "lit/html.js"

import { boot, lessonSocketUrl, t } from "./shared/boot.js"
import { guardSecondPresses } from "./shared/double-press.js"
import { LessonSocket } from "./shared/lesson-socket.js"
import { keepClearOf } from "./shared/top.js"
import { bar } from "./teach/bar.js"
import { dashboard } from "./teach/dashboard.js"
import { Desk } from "./teach/desk.js"
import { ended } from "./teach/ended.js"
import { lobby } from "./teach/lobby.js"
import { watchMenus } from "./teach/menu.js"

/** @type {Record<string, (desk: Desk) => unknown>} */
const PHASES = { lobby, work: dashboard, gather: dashboard, ended }

const root = /** @type {HTMLElement} */ (document.getElementById("app"))
root.replaceChildren()
const lesson = new LessonSocket(lessonSocketUrl("teacher"))
const desk = new Desk(lesson, draw)
let begun = false

function draw() {
  if (lesson.bye && lesson.bye.code !== "ended") return render(farewell(lesson.bye), root)
  if (!lesson.state) return render(html`<main id="main" class="page narrow center"><p class="soft">${t("loading")}</p></main>`, root)
  const { phase, demonstration } = lesson.state.lesson
  if (!begun) {
    begun = true
    desk.visited = lesson.state.visiting ?? null
  }
  if (desk.visited && !lesson.state.rooms[desk.visited]) desk.visited = null
  if (phase === "lobby" || phase === "ended") desk.visited = null
  desk.announceHands()
  render(html`${demonstration ? html`<section class="demonstration" aria-label=${t("note")}>${t("demonstration")}</section>` : nothing}
    ${bar(desk)}
    ${lesson.connected || lesson.bye ? nothing : html`<p class="offline-line" role="status">${t("offline")}</p>`}
    ${PHASES[phase](desk)}`, root)
  keepClearOf(root.querySelector(".desk-bar"))
}

/** @param {import("./shared/lesson-socket.js").Bye} bye */
function farewell({ code, message }) {
  return html`<main id="main" class="page narrow"><section class="card roomy stack"><h1>${t(code === "deleted" ? "bye.deleted" : "bye.title")}</h1>
    <p>${message || t(code === "deleted" ? "bye.deleted.text" : "bye.text")}</p>
    <p><a class="btn main" href="/">${t("home")}</a></p></section></main>`
}

for (const event of ["change", "status", "bye"]) lesson.addEventListener(event, () => desk.redraw())
setInterval(() => desk.redraw(), 1000) // waiting times and the clock
watchMenus()
guardSecondPresses()
draw()
lesson.open()
