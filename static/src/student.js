/**
 * The student's page: lobby, room, gathering at the front, and the end, on one page without a reload.
 *
 * The lesson socket says where this student is; `Desk` keeps the one room text that belongs there, and the views below draw both.
 */
import { html, render } from "lit/html.js"
import { announce } from "./shared/announcer.js"
import { boot, lessonSocketUrl, t } from "./shared/boot.js"
import { Warnings } from "./shared/clock.js"
import { guardSecondPresses } from "./shared/double-press.js"
import { LessonSocket } from "./shared/lesson-socket.js"
import { toast } from "./shared/toast.js"
import { keepClearOf } from "./shared/top.js"
import { Desk } from "./student/desk.js"
import { ended, gone } from "./student/farewell.js"
import { lobby } from "./student/lobby.js"
import { newsBetween, stageOf } from "./student/model.js"
import { ReplayPlayer } from "./student/replay.js"
import { room } from "./student/room.js"

/**
 * What the views draw from and act on.
 * @typedef {{lesson: LessonSocket, desk: Desk, replay: ReplayPlayer, state: any, dismissed: Set<string>, pane: "text" | "table" | "talk", unread: number,
 *   timeUp: boolean, pulse?: string, answering: boolean, render: () => void, ask: (command: {type: string, [field: string]: unknown}) => Promise<boolean>,
 *   dismiss: (id: string) => void, show: (pane: "text" | "table" | "talk") => void}} Page
 */

const app = /** @type {HTMLElement} */ (document.getElementById("app"))
const lesson = new LessonSocket(lessonSocketUrl("participant"))
const desk = new Desk(lesson, () => page.render())
const warnings = new Warnings()
const DISMISSED = `roundtable:${boot.lesson}:dismissed`

/** @type {Page} */
const page = {
  lesson,
  desk,
  replay: new ReplayPlayer(() => page.render()),
  get state() {
    return lesson.state
  },
  dismissed: new Set(JSON.parse(sessionStorage.getItem(DISMISSED) ?? "[]")),
  pane: "text",
  unread: 0,
  timeUp: false,
  answering: false,
  render: schedule,
  async ask(command) {
    const refusal = await lesson.attempt(command)
    if (refusal) toast(refusal, { heed: true })
    return !refusal
  },
  dismiss(id) {
    page.dismissed.add(id)
    sessionStorage.setItem(DISMISSED, JSON.stringify([...page.dismissed]))
    schedule()
  },
  show(pane) {
    if (page.pane === "text") leftAt = scrollY
    const back = pane === "text" && page.pane !== "text"
    page.pane = pane
    if (pane === "talk") page.unread = 0
    schedule()
    // Where one was writing, not the top of a long text.
    requestAnimationFrame(() => scrollTo({ top: back ? leftAt : 0, behavior: "instant" }))
  },
}
/** Where the page stood when the text was left for another pane, in CSS pixels. */
let leftAt = 0

let scheduled = false

/** Draw once a frame, however many things changed. */
function schedule() {
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(() => {
    scheduled = false
    draw()
  })
}

/** @type {string | undefined} */
let shownStage

function draw() {
  const stage = stageOf(lesson.state, lesson.bye)
  document.title = [lesson.state?.room?.name ?? lesson.state?.lesson.title, t("product")].filter(Boolean).join(" · ")
  if (shownStage === undefined) app.replaceChildren()
  render(
    html`${lesson.state?.lesson.demonstration ? html`<p class="demonstration">${t("demonstration")}</p>` : ""}${view(stage)}`,
    app,
  )
  keepClearOf(app.querySelector(".top"))
  // A new stage begins at its heading, and so does another room; who sits down in the lobby stays at the table pressed.
  const place = stage === "room" ? `room:${lesson.state.me.room}` : stage
  if (shownStage !== undefined && place !== shownStage && !document.querySelector("dialog[open]"))
    document.getElementById("heading")?.focus()
  shownStage = place
}

/** @param {import("./student/model.js").Stage} stage */
function view(stage) {
  switch (stage) {
    case "room":
      return room(page)
    case "ended":
      return ended(page)
    case "gone":
      return gone(page)
    default:
      return lobby(page)
  }
}

lesson.addEventListener("change", () => {
  const { before, state } = lesson
  for (const { key, vars, assertive } of newsBetween(before, state, page.dismissed))
    announce(t(key, vars), { assertive })
  if (before && before.talk !== state.talk && before.me.room === state.me.room && page.pane !== "talk") {
    page.unread += Object.keys(state.talk ?? {}).filter(
      id => !before.talk?.[id] && state.talk[id].author !== state.me.participant,
    ).length
  }
  if (before?.me.room !== state.me.room) page.unread = 0
  desk.follow(stageOf(state, lesson.bye))
  if (before) schedule()
  else draw()
})
lesson.addEventListener("status", schedule)
lesson.addEventListener("bye", () => {
  desk.follow(stageOf(lesson.state, lesson.bye))
  schedule()
})

setInterval(() => {
  const timer = lesson.state?.timer
  const warning = warnings.look(timer?.ends_at, lesson.now())
  page.timeUp = !!timer && timer.ends_at <= lesson.now()
  if (warning === 0) announce(t("time_up.finish"), { assertive: true })
  else if (warning) {
    toast(t("minutes_left", { count: warning }))
  }
  if (timer) schedule()
}, 500)

// What came with the page looks alive: where nothing answers, the page says that it keeps trying.
setTimeout(() => {
  if (!lesson.connected && !lesson.bye) toast(t("opening.slow"), { heed: true })
}, 6000)

guardSecondPresses()
lesson.open({ state: boot.state, now: boot.now })
