/**
 * One's own record, when the teacher shares it (P21): in words, with one small picture and never beside anybody else's; and what one has
 * to say about it.
 */
import { html, nothing } from "lit/html.js"
import { boot, t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { minutesOf } from "./model.js"

/** @typedef {import("../student.js").Page} Page */

const ANSWER_LENGTH = 200

/** @param {Page} page */
export function record(page) {
  const own = page.state.record
  if (!own) return nothing
  const minutes = minutesOf(own)
  const said = [
    minutes.worked ? t("record.worked", { count: minutes.worked }) : t(minutes.any ? "record.worked_little" : "record.worked_none"),
    t("record.standing", { count: own.standing }),
    own.built_on ? t("record.built", { count: own.built_on }) : "",
    own.added_in_one_go ? t("record.one_go", { count: own.added_in_one_go }) : "",
    own.offline ? t("record.offline") : "",
  ]
  return html`<section class="card record stack" aria-labelledby="record-title">
    <h2 id="record-title">${t("record")}</h2>
    <p class="soft small">${t("record.private")}</p>
    ${minutes.here ? bar(minutes) : nothing}
    <ul class="plain-list">
      ${said.filter(Boolean).map(line => html`<li>${line}</li>`)}
    </ul>
    <p class="soft small">${t("record.not_all")}</p>
    ${answer(page)}
  </section>`
}

/** The minutes one was here, and how many of them were spent on the text. @param {{worked: number, here: number}} minutes */
function bar({ worked, here }) {
  return html`<div class="minutes">
    <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="all" width="100" height="8" rx="1.5"></rect>
      <rect class="worked" width=${(100 * worked) / here} height="8" rx="1.5"></rect>
    </svg>
    <p class="small">${t("record.of", { count: here, worked })}</p>
  </div>`
}

/** @param {Page} page */
function answer(page) {
  const given = page.state.me.answer
  // Once the lesson is over nothing more can be said in it.
  const over = page.state.lesson.phase === "ended"
  if (over && !given) return nothing
  if (given && (over || !page.answering))
    return html`<div class="stack answer">
      <p>${t("answer.given")} <q dir="auto">${given}</q></p>
      <p class="soft small">${icon("eye", 16)} ${t("answer.seen")}</p>
      ${
        over
          ? nothing
          : html`<p class="row">
              <button class="btn" @click=${() => change(page, true)}>${t("answer.change")}</button>
              <button class="btn quiet" @click=${() => page.ask({ type: "answer", text: "" })}>${t("answer.back")}</button>
            </p>`
      }
    </div>`
  /** @param {SubmitEvent} event */
  const send = async event => {
    event.preventDefault()
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("answer") ?? "").trim()
    if (text && (await page.ask({ type: "answer", text }))) change(page, false)
  }
  /** @param {MouseEvent} event */
  const take = event => {
    const words = /** @type {HTMLElement} */ (event.currentTarget).textContent?.trim() ?? ""
    const field = /** @type {HTMLInputElement} */ (document.getElementById("answer"))
    field.value = words
    field.focus()
  }
  return html`<form class="stack answer" @submit=${send}>
    <label for="answer">${t("answer")}</label>
    <div class="row">
      ${["scribe", "talked"].map(way => html`<button type="button" class="btn" @click=${take}>${t(`answer.${way}`)}</button>`)}
    </div>
    <div class="say">
      <input
        id="answer"
        name="answer"
        class="input"
        maxlength=${ANSWER_LENGTH}
        autocomplete="off"
        dir="auto"
        placeholder=${t("answer.own")}
        aria-describedby="answer-seen"
        .value=${page.answering ? (given ?? "") : ""}
      /><button class="btn" type="submit">${t("send")}</button>
    </div>
    <p class="soft small" id="answer-seen">${icon("eye", 16)} ${t("answer.seen")}</p>
  </form>`
}

/** @param {Page} page @param {boolean} answering */
function change(page, answering) {
  page.answering = answering
  page.render()
}

/** The way to the page on what is counted; it opens beside the room, whose text stays open. @param {any} state */
export function countedLink(state) {
  const counting = state?.lesson.participation ? "on" : "off"
  return html`<a class="counted-link" href="/counted?counting=${counting}&lang=${boot.language ?? "en"}" target="_blank" rel="noopener"
    >${t("counted.more")}</a
  >`
}
