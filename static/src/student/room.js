/** The room: bar, task, the shared text with its tools, and the table beside it. */
import { html, nothing } from "lit/html.js"
import { unsafeHTML } from "lit/directives/unsafe-html.js"
import { t } from "../shared/boot.js"
import { formatClock, secondsLeft } from "../shared/clock.js"
import { icon } from "../shared/icons.js"
import { refusedPanel, teacherMessages } from "./common.js"
import { askForHelp } from "./help.js"
import { lockWords } from "./model.js"
import { side } from "./side.js"

/** @typedef {import("../student.js").Page} Page */

/** Longer tasks are folded after a few lines. In characters. */
const LONG_TASK = 220

/** @type {Record<import("../editor/receipts.js").SaveState, string>} */
const SAVE_ICONS = { opening: "wait", saved: "check", saving: "wait", offline: "offline", unsaved: "heed" }
const TOOLS = /** @type {const} */ ([
  ["heading", "H", "Ctrl+Alt+2"],
  ["strong", "B", "Ctrl+B"],
  ["emphasis", "I", "Ctrl+I"],
  ["bullets", "", "Ctrl+Shift+8"],
  ["numbers", "", "Ctrl+Shift+7"],
  ["quote", "", "Ctrl+Shift+9"],
])

/** @param {Page} page */
export function room(page) {
  const { state } = page
  const lock = lockWords(state)
  return html`<div class="top">${bar(page)} ${panes(page)}</div>
    <main id="main" class="work show-${page.pane}" tabindex="-1">
      <div class="middle stack">
        ${refusedPanel(page)} ${teacherMessages(page)}
        ${
          page.timeUp && !lock
            ? html`<p class="note heed">
                ${icon("pen")}<span class="grow"><b>${t("time_up")}.</b> ${t("time_up.finish_rest")}</span>
              </p>`
            : nothing
        }
        ${lock ? html`<p class="note">${icon(state.lesson.phase === "gather" ? "front" : "lock")}<span class="grow">${t(lock)}</span></p>` : nothing}
        ${spotlight(state)} ${state.room.topic ? html`<p class="soft topic-line" dir="auto">${state.room.topic}</p>` : nothing} ${task(state)} ${sheet(page, lock !== null)}
      </div>
      ${side(page)}
    </main>`
}

/** @param {Page} page */
function bar(page) {
  const { state, desk } = page
  const { save } = desk
  const offline = save === "saved" && !page.lesson.connected
  const shown = offline ? "saving" : save
  const label = offline
    ? t("lesson.offline")
    : save === "offline" && desk.text?.waiting
      ? t("save.offline.kept")
      : t(`save.${save}`)
  return html`<header class="bar room-bar">
    <h1 id="heading" tabindex="-1">${state.room.name}</h1>
    ${state.room.topic ? html`<span class="soft small topic" dir="auto">${state.room.topic}</span>` : nothing}
    <span class="grow"></span>
    <span class="chip save ${shown === "offline" || shown === "unsaved" ? "heed" : ""}" data-save=${save}
      >${icon(SAVE_ICONS[shown], 16)} ${label}</span
    >
    ${clock(page)} ${hand(page)}
  </header>`
}

/** @param {Page} page */
function clock({ state, lesson }) {
  if (!state.timer) return nothing
  const left = secondsLeft(state.timer.ends_at, lesson.now())
  return html`<span class="clock ${left <= 60 ? "soon" : ""}" role="timer"
    ><span class="visually-hidden">${t("time_left")}</span>
    ${left ? formatClock(left) : html`<span class="clock-up">${t("time_up")}</span>`}</span
  >`
}

/** @param {Page} page */
function hand(page) {
  const { me } = page.state
  if (!me.hand) return html`<button class="btn" @click=${() => askForHelp(page)}>${icon("hand")} <span class="help-word">${t("help")}</span></button>`
  return html`<span class="hand"
    ><span class="chip heed"
      >${icon("hand", 16)} ${me.hand.place ? t("help.place", { place: me.hand.place }) : t("help.asked")}</span
    >
    <button class="btn" @click=${() => page.ask({ type: "lower_hand" })}>${t("help.back")}</button></span
  >`
}

/** On a narrow screen one of three is shown; on a wide one this is not there. @param {Page} page */
function panes(page) {
  const names = /** @type {const} */ (["text", "table", "talk"])
  return html`<nav class="panes" aria-label=${t("panes")}>
    ${names.map(
      name =>
        html` <button class="btn" aria-pressed=${page.pane === name} @click=${() => page.show(name)}>
          ${t(`pane.${name}`)}${name === "talk" && page.unread ? html` <span class="badge">${page.unread}<span class="visually-hidden"> ${t("pane.unread")}</span></span>` : nothing}
        </button>`,
    )}
  </nav>`
}

/** @param {any} state */
function task(state) {
  const { task } = state.lesson
  if (!task) return nothing
  return task.length <= LONG_TASK
    ? html`<p class="task"><b>${t("task")}</b> ${task}</p>`
    : html`<details class="task">
        <summary>
          <b>${t("task")}</b> ${task.slice(0, LONG_TASK - 60)}… <span class="more">${t("task.more")}</span>
        </summary>
        <p class="prose">${task}</p>
      </details>`
}

/** What the teacher shows everyone; sanitised by the server. @param {any} state */
function spotlight(state) {
  if (!state.spotlight?.html) return nothing
  // One's own text stands below already: it is not shown twice unless asked for.
  const own = state.spotlight.room === state.room?.room
  return html`<details class="card spotlight" ?open=${!own}>
    <summary>${icon("front")} ${own ? t("spotlight.own") : t("spotlight", { room: state.spotlight.name })}</summary>
    <div class="prose reading" dir="auto">${unsafeHTML(state.spotlight.html)}</div>
  </details>`
}

/** @param {Page} page @param {boolean} locked */
function sheet(page, locked) {
  const { desk, state } = page
  const { text } = desk
  const off = locked || !text?.writable
  return html`<section class="card sheet ${locked ? "locked" : ""}" aria-label=${t("sheet")}>
    ${locked ? nothing : html`<div class="tools marks" role="toolbar" aria-label=${t("tools")} @keydown=${roam}>${buttons(text, off)}</div>`}
    ${desk.host}
    ${
      state.lesson.starters?.length && !locked
        ? html`<div class="tools starters" role="group" aria-label=${t("starters")}>
            <span class="small soft" aria-hidden="true">${t("starters")}</span>
            ${state.lesson.starters.map((/** @type {string} */ starter) => html`<button class="btn starter" dir="auto" aria-disabled=${off} @mousedown=${keepFocus} @click=${() => off || text?.insertStarter(starter)}>${starter}</button>`)}
          </div>`
        : nothing
    }
    <div class="tools foot">
      <span class="small soft">${t("words", { count: text?.words ?? 0 })}</span>
      <button class="btn quiet who-wrote" aria-pressed=${desk.authorsShown} @click=${() => desk.showAuthors(!desk.authorsShown)}>
        ${t("authors")}
      </button>
      <span class="grow"></span> ${ready(page)}
    </div>
  </section>`
}

/** @param {import("../editor/index.js").RoomText | undefined} text @param {boolean} off */
function buttons(text, off) {
  return html`${TOOLS.map(
      ([command, letter, key], index) =>
        html`<button
          class="btn quiet tool tool-${command}"
          tabindex=${index ? -1 : 0}
          title="${t(`tool.${command}`)} (${key})"
          aria-label=${t(`tool.${command}`)}
          aria-pressed=${text?.formats.has(command) ?? false}
          aria-disabled=${off}
          @mousedown=${keepFocus}
          @click=${() => off || text?.run(command)}
        >
          ${letter || icon(command)}
        </button>`,
    )}
    <button
      class="btn quiet tool"
      tabindex="-1"
      title="${t("tool.undo")} (Ctrl+Z)"
      aria-label=${t("tool.undo")}
      aria-disabled=${off || !text?.canUndo}
      @mousedown=${keepFocus}
      @click=${() => off || text?.run("undo")}
    >
      ${icon("undo")}
    </button>
    <button
      class="btn quiet tool"
      tabindex="-1"
      title="${t("tool.redo")} (Ctrl+Y)"
      aria-label=${t("tool.redo")}
      aria-disabled=${off || !text?.canRedo}
      @mousedown=${keepFocus}
      @click=${() => off || text?.run("redo")}
    >
      ${icon("redo")}
    </button>`
}

/** @param {Page} page */
function ready(page) {
  const { room, lesson } = page.state
  return html`<span class="small soft ready-hint">${room.ready ? t("ready.on_hint") : nothing}</span>
    <button
      class="btn ready"
      aria-pressed=${room.ready ?? false}
      ?disabled=${lesson.phase !== "work" && lesson.phase !== "gather"}
      @click=${() => page.ask({ type: "ready", ready: !room.ready })}
    >
      ${icon(room.ready ? "boxChecked" : "box")} ${t("ready")}
    </button>`
}

/** A tool pressed with the mouse leaves the cursor in the text. @param {MouseEvent} event */
function keepFocus(event) {
  event.preventDefault()
}

/** One stop for Tab, arrow keys within, as a toolbar is used. @param {KeyboardEvent} event */
function roam(event) {
  const bar = /** @type {HTMLElement} */ (event.currentTarget)
  const buttons = [...bar.querySelectorAll("button")]
  const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement))
  const forward = getComputedStyle(bar).direction === "rtl" ? "ArrowLeft" : "ArrowRight"
  const back = forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight"
  const to = { [forward]: at + 1, [back]: at - 1, Home: 0, End: buttons.length - 1 }[event.key]
  if (at < 0 || to === undefined) return
  event.preventDefault()
  const next = buttons[(to + buttons.length) % buttons.length]
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1
  next.focus()
}
