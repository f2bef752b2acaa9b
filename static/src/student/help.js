/** Ask for help, with a reason. */
import { html } from "lit/html.js"
import { t } from "../shared/boot.js"
import { showDialog } from "../shared/dialog.js"

const REASONS = ["stuck", "check", "disagree", "other"]

/** @param {import("../student.js").Page} page */
export async function askForHelp(page) {
  await showDialog({
    title: t("help.title"),
    body: html`<fieldset class="stack reasons">
        <legend class="visually-hidden">${t("help.reason")}</legend>
        ${REASONS.map((reason, index) => html`<label class="choice"><input type="radio" name="reason" value=${reason} ?checked=${index === 0} /><span>${t(`help.${reason}`)}</span></label>`)}
      </fieldset>
      <div class="field">
        <label for="help-note">${t("help.note")}</label
        ><input class="input" id="help-note" name="note" maxlength="200" autocomplete="off" />
      </div>`,
    actions: [{ value: "ask", label: t("help.send"), main: true }],
    submit: form =>
      page.lesson.attempt({
        type: "hand",
        reason: String(form.get("reason") ?? "stuck"),
        note: String(form.get("note") ?? "").trim(),
      }),
  })
}
