/**
 * The order of the cards: steady for the hand and for the eye (P16). Knows no DOM.
 */

const STEADY_MS = 10_000; // P16: a room does not jump more often than every ten seconds

/** @typedef {{ shown: string[], changedAt: number }} Order */

/** @returns {Order} */
export function newOrder() {
  return { shown: [], changedAt: 0 }
}

/**
 * What to show next. Closed rooms leave and new ones come at the end at once; the order itself changes
 * only when nobody points at it or has the focus in it (`held`), and at most every ten seconds.
 * @param {Order} order
 * @param {string[]} wanted room ids by need
 * @param {string[]} existing all room ids, in the lesson's order
 * @param {{ held: boolean, now: number }} when
 * @returns {Order}
 */
export function nextOrder(order, wanted, existing, { held, now }) {
  const exists = new Set(existing)
  const complete = [...new Set([...wanted.filter((room) => exists.has(room)), ...existing])]
  if (order.shown.length === 0) return { shown: complete, changedAt: now }
  const kept = order.shown.filter((room) => exists.has(room))
  const steady = [...new Set([...kept, ...complete])]
  if (same(steady, complete)) return same(steady, order.shown) ? order : { ...order, shown: steady }
  if (!held && now - order.changedAt >= STEADY_MS) return { shown: complete, changedAt: now }
  return same(steady, order.shown) ? order : { ...order, shown: steady }
}

/** @param {string[]} a @param {string[]} b */
function same(a, b) {
  return a.length === b.length && a.every((room, i) => room === b[i])
}
