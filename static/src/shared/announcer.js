/**
 * Say something to a screen reader, through the live regions of base.html. Only what matters: every announcement interrupts someone.
 */

/**
 * @param {string} text
 * @param {{assertive?: boolean}} [options] assertive only for what cannot wait, such as time being up
 */
export function announce(text, { assertive = false } = {}) {
  const region = document.getElementById(assertive ? "announce-assertive" : "announce-polite")
  if (!region) return
  // Lines are added and removed rather than replaced, so that two announcements in a row are both read and a repeated one is read again.
  const line = document.createElement("p")
  line.textContent = text
  region.append(line)
  setTimeout(() => line.remove(), 8000)
}
