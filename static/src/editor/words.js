/** Words so far, as a reader counts them: letters and digits in any script, no markup. */
const segmenters = new Intl.Segmenter(undefined, { granularity: "word" })

/** @param {string} text */
export function countWords(text) {
  let count = 0
  for (const { isWordLike } of segmenters.segment(text)) if (isWordLike) count++
  return count
}
