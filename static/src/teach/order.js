/**
 * The order of the cards: it comes from the moderator, which lets no room jump more often than every ten seconds; here it
 * waits while someone points at the cards or has the focus in them (P16). Knows no DOM.
 */

/**
 * What to show next. Closed rooms leave and new ones come at the end at once; the order itself changes only when it is not held.
 * @param {string[]} shown the rooms on the page, none at first
 * @param {string[]} wanted room ids by need
 * @param {string[]} existing all room ids, in the lesson's order
 * @param {boolean} held
 * @returns {{ shown: string[], waiting: boolean }} `waiting` when a newer order is held back
 */
export function nextOrder(shown, wanted, existing, held) {
  const exists = new Set(existing)
  const complete = [...new Set([...wanted.filter((room) => exists.has(room)), ...existing])]
  if (!held || shown.length === 0) return { shown: complete, waiting: false }
  const steady = [...new Set([...shown.filter((room) => exists.has(room)), ...complete])]
  return { shown: steady, waiting: steady.some((room, i) => room !== complete[i]) }
}
