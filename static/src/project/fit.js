/**
 * Type as large as the wall allows: a short text is set large; a long one shrinks to what the last row can still read, and then scrolls.
 */

const LARGEST = 0.075 // of the window's height
const SMALLEST = 0.036 // about 39 px on 1080 lines: 22 mm on a two-metre wall, legible at eight metres (ISO 9241-303, 16 arc minutes)
const STEP = 0.94

/** @type {string} */
let fitted = ""

/** Fit the text into its box; costs nothing when neither text nor box has changed. @param {Element | null} element */
export function fitText(element) {
  if (!(element instanceof HTMLElement)) {
    fitted = ""
    return
  }
  const signature = `${element.clientWidth} ${element.clientHeight} ${innerHeight} ${element.innerHTML}`
  if (signature === fitted) return
  const followed = element.scrollHeight - element.scrollTop - element.clientHeight < 40 || fitted === ""
  fitted = signature
  let size = LARGEST * innerHeight
  const least = SMALLEST * innerHeight
  for (;;) {
    element.style.setProperty("--fit", `${size}px`)
    if (element.scrollHeight <= element.clientHeight || size <= least) break
    size = Math.max(least, size * STEP)
  }
  // A text that still grows is followed at its end, unless someone has scrolled back to read.
  if (followed && element.scrollHeight > element.clientHeight) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
    element.scrollTo({ top: element.scrollHeight, behavior: calm ? "auto" : "smooth" })
  }
}
