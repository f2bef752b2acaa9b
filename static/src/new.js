/**
 * `/new`: the lesson on one page. Only the title is needed; a ready-made lesson fills the rest.
 */
import { html, render } from "lit/html.js"

import { boot, fetchHere, t } from "./shared/boot.js"
import { fieldAtFault, readDraft, readRooms } from "./new/draft.js"
import { fieldsOf, PRESETS } from "./new/presets.js"
import { readRoster } from "./new/roster.js"
import { rosterPreview } from "./new/roster-preview.js"

const form = /** @type {HTMLFormElement} */ (document.getElementById("lesson"))
const submit = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"))

/** The value of a field, "" for an unchecked box. @param {string} name */
function field(name) {
  return String(new FormData(form).get(name) ?? "")
}

/** @param {string} name @param {string} value */
function fill(name, value) {
  const element = form.elements.namedItem(name)
  if (element && "value" in element) element.value = value
}

/** Show what belongs to the chosen way of forming groups, and what it will make. */
function follow() {
  const roster = field("grouping") === "roster"
  show("roster-part", roster)
  show("rooms-part", !roster)
  const named = field("rooms_by") === "names"
  show("count-part", !named)
  show("names-part", named)
  if (roster) renderInto("roster-preview", rosterPreview(readRoster(field("roster")), t))
  if (named) {
    const rooms = readRooms(field("rooms"))
    renderInto("rooms-preview", rooms.length > 0 ? html`<p class="small soft">${t("rooms.made", { count: rooms.length })}</p>` : "")
  }
}

/** @param {string} id @param {boolean} shown */
function show(id, shown) {
  const element = document.getElementById(id)
  if (element) element.hidden = !shown
}

/** @param {string} id @param {unknown} content */
function renderInto(id, content) {
  const element = document.getElementById(id)
  if (element) render(content, element)
}

/** Say what is wrong beside its field, and go to the first. @param {Record<string, string>} errors by field, "" for what belongs to none */
function showErrors(errors) {
  for (const place of form.querySelectorAll(".error-text")) place.textContent = ""
  for (const marked of form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid")
  let first = null
  for (const [name, message] of Object.entries(errors)) {
    const input = form.querySelector(`[name="${name}"]`)
    const place = document.getElementById(`${name}-error`) ?? document.getElementById("form-error")
    if (place) place.textContent = message
    if (!(input instanceof HTMLElement)) continue
    input.setAttribute("aria-invalid", "true")
    input.closest("details")?.setAttribute("open", "")
    first ??= input
  }
  first?.focus()
}

/** A text as UTF-8, a character for each byte: a header holds nothing else. @param {string} text */
function bytesOf(text) {
  return String.fromCharCode(...new TextEncoder().encode(text))
}

/** @param {SubmitEvent} event */
async function create(event) {
  event.preventDefault()
  const { draft, errors } = readDraft(field)
  showErrors(Object.fromEntries(Object.entries(errors).map(([name, { key, vars }]) => [name, t(key, vars)])))
  if (Object.keys(errors).length > 0) return
  submit.disabled = true
  try {
    const key = field("teacher_key")
    const response = await fetchHere("/api/lessons", {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { "x-teacher-key": bytesOf(key) } : {}) },
      body: JSON.stringify(draft),
    })
    const answer = await response.json()
    if (response.ok) return location.assign(answer.urls.teach)
    const { message = t("failed") } = answer.error ?? {}
    const refusedKey = boot.needs_key && (response.status === 401 || response.status === 403)
    showErrors({ [refusedKey ? "teacher_key" : fieldAtFault(message) ?? ""]: message })
  } catch {
    showErrors({ "": t("offline.command") })
  }
  submit.disabled = false
}

/** @param {import("./new/presets.js").Preset} preset @param {HTMLElement} button */
function usePreset(preset, button) {
  for (const [name, value] of Object.entries(fieldsOf(preset, t))) fill(name, value)
  for (const other of document.querySelectorAll("#presets button")) other.setAttribute("aria-pressed", String(other === button))
  for (const details of form.querySelectorAll("details")) details.open = true
  showErrors({})
  follow()
  const title = form.elements.namedItem("title")
  if (!(title instanceof HTMLInputElement)) return
  title.focus()
  title.select()
}

renderInto("presets", PRESETS.map((preset) => html`<button type="button" class="btn preset" aria-pressed="false"
  @click=${(/** @type {Event} */ event) => usePreset(preset, /** @type {HTMLElement} */ (event.currentTarget))}>
  <strong>${t(`preset.${preset.name}`)}</strong><span class="soft small">${t(`preset.${preset.name}.why`)}</span></button>`))
form.addEventListener("input", follow)
form.addEventListener("change", follow)
form.addEventListener("submit", create)
addEventListener("pageshow", () => {
  submit.disabled = false // back from the lesson: the browser kept the page as it was
  follow()
})
follow()
