/**
 * A short word at the foot of the page, also announced. It stays long enough to read and while it is pointed at or holds focus.
 */
import { announce } from "./announcer.js"

const SHOWN_MS = 6000

/**
 * @param {string} text
 * @param {{heed?: boolean, action?: {label: string, run: () => void}}} [options] heed: something did not work, and the text says what to do next
 */
export function toast(text, { heed = false, action } = {}) {
  const region = document.getElementById("toasts")
  if (!region) return
  for (const same of [...region.children].filter(({ firstChild }) => firstChild?.textContent === text)) same.remove()
  const element = document.createElement("div")
  element.className = heed ? "toast heed" : "toast"
  const words = document.createElement("span")
  words.className = "grow"
  words.textContent = text
  element.append(words)
  if (action) {
    const button = document.createElement("button")
    button.className = "btn"
    button.textContent = action.label
    button.onclick = () => {
      element.remove()
      action.run()
    }
    element.append(button)
  }
  region.append(element)
  while (region.childElementCount > 3) region.firstElementChild?.remove()
  announce(text, { assertive: heed })
  const leave = () => {
    if (element.matches(":hover, :focus-within")) setTimeout(leave, 1000)
    else element.remove()
  }
  setTimeout(leave, SHOWN_MS)
}
