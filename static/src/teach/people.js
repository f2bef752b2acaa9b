/**
 * People as things to press and to drag: onto a table by hand, or through the dialog that a press opens.
 */
import { html, nothing } from "lit/html.js"

import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { avatar } from "../shared/seats.js"
import { lookAfterPerson } from "./asking.js"

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {Desk} desk
 * @param {{ id: string, name: string, seat?: number, here: boolean, hand?: unknown, role?: string }} person
 */
export function personChip(desk, { id, name, seat, here, hand, role }) {
  return html`<button class="person ${here ? "" : "is-away"}" draggable="true" title=${t("person.open", { name })}
    @click=${() => lookAfterPerson(desk, id)}
    @dragstart=${(/** @type {DragEvent} */ event) => {
      desk.dragged = id
      event.dataTransfer?.setData("text/plain", name)
      if (event.dataTransfer) event.dataTransfer.effectAllowed = "move"
    }}
    @dragend=${() => {
      desk.dragged = null
      desk.redraw()
    }}>${avatar({ name, seat, here })}<bdi>${name}</bdi>${hand ? html`${icon("hand", 16)}<span class="visually-hidden">${t("person.hand")}</span>` : nothing}
    ${role ? html`<span class="soft small">${t(`role.${role}`)}</span>` : nothing}
    ${here ? nothing : html`<span class="soft small">${t("away")}</span>`}</button>`
}

/** What makes an element take a dragged person. @param {Desk} desk @param {string | null} room */
export function dropTarget(desk, room) {
  /** @param {DragEvent} event @param {boolean} over */
  const mark = (event, over) => /** @type {HTMLElement} */ (event.currentTarget).classList.toggle("is-over", over)
  return {
    /** @param {DragEvent} event */
    over(event) {
      if (!desk.dragged) return
      event.preventDefault()
      mark(event, true)
    },
    /** @param {DragEvent} event */
    leave(event) {
      const to = event.relatedTarget
      if (!(to instanceof Node) || !(/** @type {HTMLElement} */ (event.currentTarget)).contains(to)) mark(event, false)
    },
    /** @param {DragEvent} event */
    drop(event) {
      event.preventDefault()
      mark(event, false)
      const { dragged } = desk
      desk.dragged = null
      if (dragged) void desk.move(dragged, room)
      desk.redraw()
    },
  }
}
