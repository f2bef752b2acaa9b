/**
 * Where the name flags of the others' cursors go, without DOM: never over the line that is being written here, never over each other,
 * never past an edge. A flag that finds no place as a whole name is tried as an initial; one that finds none at all is left out, and its
 * cursor stands alone.
 */

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */
/**
 * A cursor and its flag. `x`, `top`, `bottom` are the cursor's; `width` is the whole flag's; `folded` asks for the initial alone;
 * `backwards` lets the flag run to the left, as its text does.
 * @typedef {{x: number, top: number, bottom: number, width: number, folded: boolean, backwards: boolean}} Flag
 */
/** @typedef {{x: number, y: number, folded: boolean, below: boolean}} Placed */

/**
 * Place flags, the most important first.
 * @param {Flag[]} flags
 * @param {{bounds: Box, written: Box | null, height: number, initial: number}} around `written` is the line being written here; `initial`
 *   is the width of a folded flag
 * @returns {(Placed | null)[]}
 */
export function placeFlags(flags, { bounds, written, height, initial }) {
  /** @type {Box[]} */
  const taken = written ? [written] : []
  return flags.map(flag => {
    for (const folded of flag.folded ? [true] : [false, true]) {
      const width = folded ? initial : flag.width
      const start = flag.backwards ? flag.x - width : flag.x
      const x = Math.max(bounds.left, Math.min(start, bounds.right - width))
      for (const below of [false, true]) {
        const y = below ? flag.bottom : flag.top - height
        const box = { left: x, top: y, right: x + width, bottom: y + height }
        if (y < bounds.top || box.bottom > bounds.bottom || taken.some(other => overlap(box, other))) continue
        taken.push(box)
        return { x, y, folded, below }
      }
    }
    return null
  })
}

/** @param {Box} a @param {Box} b */
function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}
