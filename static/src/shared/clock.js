/**
 * Time left, without DOM and without a clock of its own: `now` is always an argument, in ms since the epoch by the server's clock
 * (`LessonSocket.now()`).
 */

/** Minutes before the end at which people are told (PRODUCT, step 4). */
const WARNING_MINUTES = [5, 1]

/**
 * Seconds left until `endsAt`, never below zero; whole seconds, rounded up, so that 0 means that time is up.
 * @param {number} endsAt
 * @param {number} now
 */
export function secondsLeft(endsAt, now) {
  return Math.max(0, Math.ceil((endsAt - now) / 1000))
}

/**
 * `11:42`, or `1:05:00` from an hour on.
 * @param {number} seconds
 */
export function formatClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0")
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor(whole / 60) % 60
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** Tells each warning once per timer; an extension past a warning arms it again. */
export class Warnings {
  /** @type {number | undefined} */
  #endsAt
  /** Seconds left at the last look. */
  #before = 0

  /**
   * Look at the clock. Returns 5 or 1 when that many minutes are left since the last look, 0 when time has just run out, else null.
   * The first look of a page never warns about what has passed before it.
   * @param {number | undefined} endsAt
   * @param {number} now
   * @returns {number | null}
   */
  look(endsAt, now) {
    const left = endsAt === undefined ? 0 : secondsLeft(endsAt, now)
    const before = this.#before
    this.#before = left
    if (endsAt !== this.#endsAt) {
      // A new timer, or one set anew: what lies before its length has not passed, it was never there.
      this.#endsAt = endsAt
      return null
    }
    if (endsAt === undefined || left >= before) return null
    if (left === 0) return 0
    // The last one crossed counts: a laptop that slept through both hears only the nearer.
    const crossed = WARNING_MINUTES.filter(minutes => before > minutes * 60 && left <= minutes * 60)
    return crossed.length ? Math.min(...crossed) : null
  }
}
