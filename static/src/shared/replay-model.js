/**
 * How a text grew, step by step, without DOM and without a clock: `GET /api/lessons/{lesson}/rooms/{room}/replay` gives the steps.
 *
 *     const replay = new Replay(answer.steps)
 *     replay.seek(replay.countAt(ms))           // to what stood then; forwards and back
 *     replay.text; replay.passage; replay.fresh // the text, the text by author, and where the last step wrote
 */

/**
 * @typedef {[position: number, deleted: number, inserted: string]} Splice in UTF-16 units, each on what the one before left
 * @typedef {[at: number, author: string | null | undefined, splices: Splice[]]} Step `at` in ms since the lesson began
 * @typedef {{author: string | null, text: string}} Piece
 */

/** A text is kept after every so many steps: going back replays no more than this. */
const CHECKPOINT_EVERY = 256

export class Replay {
  /** How many steps have been done. */
  count = 0
  /** Where the last step left new words, as [from, to), first to last; empty when it only took away. @type {[number, number][]} */
  fresh = []
  #steps
  /** @type {Piece[]} */ #pieces = []
  /** @type {Piece[][]} */ #checkpoints = [[]]

  /** @param {Step[]} steps in order of time */
  constructor(steps) {
    this.#steps = steps
  }

  /** The number of all steps. */
  get length() {
    return this.#steps.length
  }
  /** When the first step was, in ms since the lesson began; 0 without any. */
  get start() {
    return this.#steps[0]?.[0] ?? 0
  }
  /** When the last one was. */
  get end() {
    return this.#steps.at(-1)?.[0] ?? 0
  }
  get text() {
    return this.#pieces.map(piece => piece.text).join("")
  }
  /** The text by author; neighbours differ in author. To be read, not changed. */
  get passage() {
    return this.#pieces
  }

  /** How many steps had been done at a time, ms since the lesson began. @param {number} at */
  countAt(at) {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#steps[middle][0] <= at) low = middle + 1
      else high = middle
    }
    return low
  }

  /** When a step was, ms since the lesson began; undefined past the last. @param {number} index from 0 */
  timeOf(index) {
    return this.#steps[index]?.[0]
  }

  /** Be where `count` steps have been done. @param {number} count is brought into 0 … length */
  seek(count) {
    const wanted = Math.max(0, Math.min(this.length, Math.trunc(count)))
    if (wanted === this.count) return
    const kept = Math.min(Math.floor(wanted / CHECKPOINT_EVERY), this.#checkpoints.length - 1)
    // From where one stands when that lies on the way, otherwise from the last text that was kept.
    if (wanted < this.count || kept * CHECKPOINT_EVERY > this.count) {
      this.count = kept * CHECKPOINT_EVERY
      this.#pieces = this.#checkpoints[kept].slice()
      this.fresh = []
    }
    while (this.count < wanted) this.#advance()
  }

  #advance() {
    const [, author, splices] = this.#steps[this.count]
    this.fresh = []
    for (const [position, deleted, inserted] of splices) {
      this.#splice(position, deleted, inserted, author ?? null)
      this.fresh = moved(this.fresh, position, deleted, inserted.length)
      if (inserted) this.fresh.push([position, position + inserted.length])
    }
    this.fresh.sort((a, b) => a[0] - b[0])
    this.count++
    if (this.count === this.#checkpoints.length * CHECKPOINT_EVERY) this.#checkpoints.push(this.#pieces.slice())
  }

  /** @param {number} position @param {number} deleted @param {string} inserted @param {string | null} author */
  #splice(position, deleted, inserted, author) {
    const pieces = this.#pieces
    let index = 0
    let at = 0
    while (index < pieces.length && at + pieces[index].text.length < position) at += pieces[index++].text.length
    let last = index
    let end = at
    while (last < pieces.length && end < position + deleted) end += pieces[last++].text.length
    // Nothing deleted: the piece that holds the place, or ends at it, is the one that is parted.
    if (last === index && index < pieces.length) end += pieces[last++].text.length
    // The pieces are values: checkpoints share them, so that they are replaced and never written to.
    /** @type {Piece[]} */
    const made = []
    /** @param {string | null} by @param {string} text */
    const add = (by, text) => {
      const before = made.at(-1)
      if (!text) return
      if (before?.author === by) made[made.length - 1] = { author: by, text: before.text + text }
      else made.push({ author: by, text })
    }
    const first = index > 0 ? index - 1 : index
    const beyond = Math.min(pieces.length, last + 1)
    if (first < index) add(pieces[first].author, pieces[first].text)
    if (index < pieces.length) add(pieces[index].author, pieces[index].text.slice(0, position - at))
    add(author, inserted)
    if (last > index) {
      const rest = pieces[last - 1]
      add(rest.author, rest.text.slice(rest.text.length - Math.max(0, end - position - deleted)))
    }
    if (last < beyond) add(pieces[last].author, pieces[last].text)
    pieces.splice(first, beyond - first, ...made)
  }
}

/**
 * Ranges after a splice: what was deleted leaves them, and what was inserted inside one is not yet part of it.
 * @param {[number, number][]} ranges @param {number} position @param {number} deleted @param {number} inserted
 */
function moved(ranges, position, deleted, inserted) {
  const end = position + deleted
  const shift = inserted - deleted
  /** @type {[number, number][]} */
  const kept = []
  for (const [from, to] of ranges) {
    if (from < position) kept.push([from, Math.min(to, position)])
    if (to > end) kept.push([Math.max(from, end) + shift, to + shift])
  }
  return kept
}
