/**
 * From any figure to what it rests on, in one tap (P17): a dialog over the desk that goes on while the lesson does.
 */
import { html, render } from "lit/html.js"
import { createRef, ref } from "lit/directives/ref.js"

import { boot, t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { roomView } from "./rooms.js"
import { sign } from "./signs.js"
import { balanceWord, chip, wordKey } from "./words.js"

/** New figures come every second; a whole text need not. */
const REFRESH_MS = 5000

/**
 * @param {import("./desk.js").Desk} desk @param {string} id
 * @param {string} [person] whose words to begin with
 */
export function openEvidence(desk, id, person) {
  const dialog = document.createElement("dialog")
  dialog.className = "evidence-dialog"
  dialog.setAttribute("aria-labelledby", "evidence-title")
  const place = createRef()
  const draw = () => {
    const room = roomView(desk.state, id)
    const key = wordKey(room.word ?? "")
    const { shape } = chip({ ...room, reason: { kind: "under_way" } }, desk.now, t)
    render(html`<header class="row"><h2 id="evidence-title" class="grow"><bdi>${room.name}</bdi></h2>
        <button class="btn" autofocus @click=${() => dialog.close()}>${icon("cross")}${t("close")}</button></header>
      ${key ? html`<p><span class="chip">${sign(shape)}${balanceWord(room, t)}</span> ${t(`word.${key}.means`)}</p>` : ""}
      <div class="evidence-panel" ${ref(place)}></div>`, dialog)
  }
  document.body.append(dialog)
  draw()
  dialog.showModal()
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close() // the content fills the dialog: only its backdrop is left
  })

  /** @type {import("../evidence/panel.js").EvidencePanel | undefined} */
  let panel
  let seen = desk.state.figures?.[id]?.last_at
  const timer = setInterval(() => {
    const last = desk.state.figures?.[id]?.last_at
    draw()
    if (last === seen) return
    seen = last
    void panel?.refresh()
  }, REFRESH_MS)
  dialog.addEventListener("close", () => {
    clearInterval(timer)
    panel?.close()
    panel = undefined
    dialog.remove()
  }, { once: true })
  void import("../evidence/panel.js").then(({ EvidencePanel }) => {
    if (!dialog.open) return
    panel = new EvidencePanel(/** @type {HTMLElement} */ (place.value), `/api/lessons/${encodeURIComponent(boot.lesson)}/rooms/${encodeURIComponent(id)}`, person)
  })
}
