/**
 * A menu of buttons under a button: a `<details>` that closes when one looks elsewhere. It needs no script to open, and reads well.
 */
import { html, nothing } from "lit/html.js"

/** @param {{ label: unknown, name?: string, className?: string, items: unknown }} menu `name` is read where the label alone says too little */
export function menu({ label, name, className = "", items }) {
  return html`<details class="menu ${className}">
    <summary class="btn" aria-label=${name ?? nothing}>${label}</summary>
    <div class="menu-items" @click=${(/** @type {Event} */ event) => {
      if (event.target instanceof Element && event.target.closest("button, a")) closeMenus(null)
    }}>${items}</div>
  </details>`
}

/** Close every open menu but the one that holds `inside`. @param {Element | null} inside */
function closeMenus(inside) {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (!inside || !open.contains(inside)) open.removeAttribute("open")
  }
}

/** Close menus on a press elsewhere and on Escape, for the life of the page. */
export function watchMenus() {
  document.addEventListener("pointerdown", (event) => closeMenus(/** @type {Element} */ (event.target)))
  document.addEventListener("focusin", (event) => closeMenus(/** @type {Element} */ (event.target)))
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" ? document.activeElement?.closest("details.menu[open]") : null
    if (!open) return
    event.preventDefault()
    event.stopPropagation()
    open.removeAttribute("open")
    open.querySelector("summary")?.focus()
  })
}
