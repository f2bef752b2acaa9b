/**
 * What people count as letters, without DOM. The first Intl.Segmenter of a page costs a slow laptop 80 ms: it is made for names that need it.
 */
/** @type {Intl.Segmenter | undefined} */
let segmenter

/** @param {string} text @returns {string[]} */
export function graphemes(text) {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split("")
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  return Array.from(segmenter.segment(text), (part) => part.segment)
}
