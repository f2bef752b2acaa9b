/**
 * `/`: two doors, and the lessons this browser has started. The page works without this module; it only eases typing a code.
 */
import { html, render } from "lit/html.js"

import { boot, t } from "./shared/boot.js"

/** @typedef {{ lesson: string, title: string, code: string, phase: string, created_at: number }} OwnLesson */

const code = document.querySelector("#code")
if (code instanceof HTMLInputElement) {
  code.addEventListener("input", () => {
    const end = code.selectionStart === code.value.length
    code.value = code.value.toUpperCase()
    if (end) code.setSelectionRange(code.value.length, code.value.length)
  })
}

const language = document.documentElement.lang
const day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })

/** Lessons that go on come first, then the latest. @param {OwnLesson} a @param {OwnLesson} b */
function byNeed(a, b) {
  return Number(a.phase === "ended") - Number(b.phase === "ended") || b.created_at - a.created_at
}

/** @param {OwnLesson} own */
function ownLesson({ lesson, title, code: joinCode, phase, created_at: createdAt }) {
  const over = phase === "ended"
  return html`<li class="card own-lesson"><div class="grow">
      <h3><a href=${over ? `/t/${lesson}/report` : `/t/${lesson}`}><bdi>${title}</bdi></a></h3>
      <p class="soft small"><time datetime=${new Date(createdAt).toISOString()}>${day.format(createdAt)}</time>${over ? "" : html` · <bdi class="own-code">${joinCode}</bdi>`}</p></div>
    <span class="chip ${over ? "plain" : ""}">${t(`phase.${phase}`)}</span></li>`
}

const place = document.querySelector("#own-lessons")
/** @type {OwnLesson[]} */
const lessons = boot.lessons ?? []
if (place instanceof HTMLElement && lessons.length > 0) {
  render(html`<h2>${t("own.title")}</h2><ul class="plain-list stack">${[...lessons].sort(byNeed).map(ownLesson)}</ul>`, place)
  place.hidden = false
}
