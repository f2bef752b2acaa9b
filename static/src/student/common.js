/** Pieces that several stages of the student's page share. */
import { html, nothing } from "lit/html.js"
import { repeat } from "lit/directives/repeat.js"
import { t } from "../shared/boot.js"
import { confirmDialog } from "../shared/dialog.js"
import { icon } from "../shared/icons.js"
import { toast } from "../shared/toast.js"
import { openMessages } from "./model.js"

/** What the teacher sends has a sign and a word of its own. @type {Record<string, string>} */
const MESSAGE_ICONS = { broadcast: "front", nudge: "message", prompt: "question", swap: "swap", hint: "hint", stretch: "stretch" }

/** The teacher's words, newest first, until they are put away. @param {import("../student.js").Page} page */
export function teacherMessages(page) {
  const messages = openMessages(page.state, page.dismissed).slice(0, 3)
  return messages.length
    ? html`<section class="stack messages" aria-label=${t("message.all")}>
        ${repeat(
          messages,
          message => message.id,
          message =>
            html` <div class="note message-${message.kind}">
              ${icon(MESSAGE_ICONS[message.kind ?? ""] ?? "message")}
              <p class="grow"><b>${t(`message.${message.kind}`)}</b> <bdi>${message.text}</bdi></p>
              <button class="btn" @click=${() => page.dismiss(message.id)}>${t("message.ok")}</button>
            </div>`,
        )}
      </section>`
    : nothing
}

/** What could not be saved, to be copied. @param {import("../student.js").Page} page */
export function refusedPanel({ desk }) {
  if (!desk.refused) return nothing
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(desk.refused)
      toast(t("copied"))
    } catch {
      const area = /** @type {HTMLTextAreaElement} */ (document.getElementById("refused-text"))
      area.focus()
      area.select()
    }
  }
  return html`<section class="note heed refused" aria-labelledby="refused-title">
    ${icon("heed")}
    <div class="grow stack">
      <h2 id="refused-title">${t("refused.title")}</h2>
      <p>${t("refused.text")}</p>
      <textarea
        id="refused-text"
        class="input"
        readonly
        rows="3"
        aria-labelledby="refused-title"
        .value=${desk.refused}
      ></textarea>
      <p class="row">
        <button class="btn main" @click=${copy}>${icon("copy")} ${t("copy")}</button>
        <button class="btn" @click=${() => desk.forgetRefused()}>${t("refused.done")}</button>
      </p>
    </div>
  </section>`
}

/** @param {import("../student.js").Page} page */
export function leaveButton(page) {
  const leave = async () => {
    if (await confirmDialog({ title: t("leave.title"), text: t("leave.text"), yes: t("leave.yes") }))
      await page.ask({ type: "leave" })
  }
  return html`<button class="btn quiet" @click=${leave}>${icon("leave")} ${t("leave")}</button>`
}
