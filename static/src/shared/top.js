/**
 * What stays at the top of a page says how much it covers, as `--top`: what stands below it, and what the keyboard goes to, keeps clear of it.
 */
const covering = new ResizeObserver(([{ target }]) => tell(`${target.getBoundingClientRect().height}px`))
/** @type {Element | null} */
let observed = null

/** Call after every drawing. @param {Element | null} bar */
export function keepClearOf(bar) {
  if (bar === observed) return
  covering.disconnect()
  if (bar) covering.observe(bar)
  else tell("0px")
  observed = bar
}

/** @param {string} height */
function tell(height) {
  document.documentElement.style.setProperty("--top", height)
}
