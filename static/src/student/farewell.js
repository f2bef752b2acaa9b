/** The end of a lesson, and the other ways out of it. */
import { html, nothing } from "lit/html.js"
import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { refusedPanel } from "./common.js"
import { countedLink, record } from "./record.js"

/** @param {import("../student.js").Page} page */
export function ended(page) {
  const { desk, state } = page
  return html` <header class="bar"><p class="bar-title">${state?.lesson.title ?? t("product")}</p></header>
    <main id="main" class="page farewell stack" tabindex="-1">
      ${refusedPanel(page)}
      <section class="card roomy stack center">
        <h1 id="heading" tabindex="-1">
          ${state ? t("ended.title", { name: state.me.name }) : t("ended.title_plain")}
        </h1>
        <p class="lead">${t("ended.text")}</p>
        <p class="soft" role="status">
          ${desk.forgotten ? html`${icon("check", 16)} ${t("ended.forgotten")}` : t("ended.forgetting")}
        </p>
      </section>
      ${state?.me?.room ? page.replay.view(state.me.room) : nothing}
      ${
        desk.text
          ? html`<section class="card sheet" aria-labelledby="text-title">
              <h2 id="text-title" class="sheet-title">${t("ended.yours", { room: state?.room?.name ?? "" })}</h2>
              ${desk.host}
            </section>`
          : nothing
      }
      ${record(page)}
      <p class="center small">${countedLink(state)}</p>
      <p class="center"><a class="btn" href="/">${t("home")}</a></p>
    </main>`
}

/** Left, removed, deleted, or not signed in on this browser. @param {import("../student.js").Page} page */
export function gone(page) {
  const code = page.lesson.bye?.code ?? ""
  const known = ["left", "removed", "deleted", "not_signed_in", "not_found", "not_allowed"].includes(code)
    ? code
    : "not_found"
  return html`<main id="main" class="page narrow stack" tabindex="-1">
    ${refusedPanel(page)}
    <section class="card roomy stack center">
      <h1 id="heading" tabindex="-1">${t(`gone.${known}.title`)}</h1>
      <p class="lead">${t(`gone.${known}.text`)}</p>
      ${known === "left" || known === "removed" || known === "deleted" ? html`<p class="soft" role="status">${page.desk.forgotten ? html`${icon("check", 16)} ${t("ended.forgotten")}` : t("ended.forgetting")}</p>` : nothing}
      <p><a class="btn main" href="/join">${t("gone.join")}</a></p>
    </section>
  </main>`
}
