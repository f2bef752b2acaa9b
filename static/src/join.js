/**
 * Join a lesson: code and first name. The form works by itself; this module answers without a new page and keeps the words typed.
 */
import { boot, fetchHere, t } from "./shared/boot.js"
import { wipeOthers } from "./shared/kept-texts.js"

const form = /** @type {HTMLFormElement} */ (document.getElementById("join"))
const code = /** @type {HTMLInputElement} */ (form.elements.namedItem("code"))
const name = /** @type {HTMLInputElement} */ (form.elements.namedItem("name"))
const error = /** @type {HTMLElement} */ (document.getElementById("join-error"))
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"))

if (boot.code && !code.value) {
  code.value = boot.code
  name.focus()
}

form.addEventListener("submit", event => {
  event.preventDefault()
  void join()
})
form.addEventListener("input", () => tell(""))

async function join() {
  button.disabled = true
  try {
    const response = await fetchHere("/api/join", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: code.value.trim(), name: name.value.trim() }),
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) {
      // Someone else at this device now, perhaps; someone who comes back is the same participant and keeps what is theirs.
      await wipeOthers(answer)
      location.assign(`/l/${answer.lesson}`)
      return
    }
    tell(answer.error?.message ?? t("failed"))
    ;(name.value.trim() ? code : name).focus()
  } catch {
    tell(t("offline"))
  }
  button.disabled = false
}

/** @param {string} text */
function tell(text) {
  error.hidden = !text
  error.textContent = text
  for (const field of [code, name]) {
    if (text) field.setAttribute("aria-describedby", `${field.id}-hint join-error`)
    else field.setAttribute("aria-describedby", `${field.id}-hint`)
  }
}
