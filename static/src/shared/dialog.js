/**
 * Ask in a dialog: a native modal `<dialog>`, so focus stays inside, Escape closes and focus goes back where it was.
 *
 *     await showDialog({title: t("help.title"), body: html`…fields…`, actions: [{value: "send", label: t("send"), main: true}],
 *       submit: form => lesson.attempt({type: "hand", reason: form.get("reason")})})  // stays open, with what was typed, until it is done
 *     const form = await showDialog({title, body, actions})                         // FormData of the fields, form.get("action") is the button
 *     if (await confirmDialog({title, text, yes: t("end.yes"), heed: true})) …
 */
import { html, nothing, render } from "lit/html.js"
import { t } from "./boot.js"

/** @typedef {{value: string, label: string, main?: boolean, heed?: boolean}} DialogAction */

/**
 * Show a dialog with fields and buttons; a Cancel button is always there. Resolves to the fields, or null when it was cancelled.
 * @param {{title: string, body?: unknown, actions: DialogAction[], cancel?: string, className?: string, live?: EventTarget, submit?: (form: FormData) => Promise<string>}} options
 *   `live`: at every "change" of it the body, then a function, is drawn again; `submit` does what the dialog
 *   is for and gives "", or the sentence that says why it was not done: then the dialog says it, and keeps what was typed
 * @returns {Promise<FormData | null>}
 */
export function showDialog({ title, body = nothing, actions, cancel = t("cancel"), className = "", live, submit: attempt = async () => "" }) {
  const dialog = document.createElement("dialog")
  dialog.className = className
  dialog.setAttribute("aria-labelledby", "dialog-title")
  document.body.append(dialog)
  /** @type {FormData | null} */
  let answer = null
  let attempting = false
  let refusal = ""
  /** @param {SubmitEvent} event */
  const submit = async event => {
    event.preventDefault()
    if (attempting) return
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))
    form.set("action", /** @type {HTMLButtonElement | null} */ (event.submitter)?.value || actions[0]?.value || "")
    attempting = true
    refusal = await attempt(form)
    attempting = false
    if (refusal) return draw()
    answer = form
    dialog.close()
  }
  // The first action comes first in the form, so that Enter in a field means it; the order on screen is set by the style sheet's row.
  const draw = () => render(
    html`<form @submit=${submit}>
      <h2 id="dialog-title">${title}</h2>
      ${typeof body === "function" ? body() : body}
      ${refusal ? html`<p class="error-text" role="alert">${refusal}</p>` : nothing}
      <div class="actions">
        <button type="button" class="btn" @click=${() => dialog.close()}>${cancel}</button>
        ${actions.map(action => html`<button type="submit" value=${action.value} class="btn ${action.main ? "main" : ""} ${action.heed ? "heed" : ""}">${action.label}</button>`)}
      </div>
    </form>`,
    dialog,
  )
  draw()
  live?.addEventListener("change", draw)
  return new Promise(resolve => {
    dialog.addEventListener(
      "close",
      () => {
        live?.removeEventListener("change", draw)
        dialog.remove()
        resolve(answer)
      },
      { once: true },
    )
    dialog.addEventListener("click", event => {
      if (event.target === dialog && outside(dialog, event)) dialog.close()
    })
    dialog.showModal()
    const first = dialog.querySelector("[autofocus], input, textarea, select")
    if (first instanceof HTMLElement) first.focus()
  })
}

/**
 * Ask for a yes. Nothing is done on Cancel or Escape.
 * @param {{title: string, text?: string, yes: string, heed?: boolean}} options
 */
export async function confirmDialog({ title, text = "", yes, heed = false }) {
  return (
    (await showDialog({
      title,
      body: text ? html`<p>${text}</p>` : nothing,
      actions: [{ value: "yes", label: yes, main: !heed, heed }],
    })) !== null
  )
}

/** Whether a click on the dialog element itself was on its backdrop rather than its padding. @param {HTMLElement} dialog @param {MouseEvent} event */
function outside(dialog, event) {
  const box = dialog.getBoundingClientRect()
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom
}
