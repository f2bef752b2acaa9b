/**
 * Children, and hurried teachers, press twice. The second press is meant for what the first one pressed: what has moved to its
 * place by then (the next message's OK, the next child's "Answered", the button that undoes) is not pressed.
 */
const SECOND_MS = 500
const SAME_PLACE_PX = 8

/** Stop second presses that would press something else, for the life of the page. */
export function guardSecondPresses() {
  let last = { at: -Infinity, x: 0, y: 0, pressed: /** @type {Element | null} */ (null) }
  document.addEventListener(
    "click",
    event => {
      if (!event.detail || !(event.target instanceof Element)) return // a key's
      const { timeStamp: at, clientX: x, clientY: y } = event
      const pressed = event.target.closest("button, a, summary")
      const second = at - last.at < SECOND_MS && Math.hypot(x - last.x, y - last.y) < SAME_PLACE_PX
      if (second && pressed && last.pressed && pressed !== last.pressed) {
        event.preventDefault()
        event.stopPropagation()
      } else last = { at, x, y, pressed }
    },
    true,
  )
}
