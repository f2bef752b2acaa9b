/**
 * A text in Markdown as lines to be read, without DOM and without its markup: enough for a replay, where half-written marks come and go.
 */

/** @typedef {{kind: "plain" | "heading" | "item" | "quote", parts: {text: string, fresh: boolean}[]}} Line */

const BLOCKS = /** @type {const} */ ([
  ["heading", /^#{1,6} /],
  ["item", /^\s*[-*+] /],
  ["quote", /^> ?/],
])

/**
 * @param {string} text
 * @param {[number, number][]} fresh ranges to be marked, as [from, to), in order
 * @returns {Line[]}
 */
export function linesOf(text, fresh) {
  let at = 0
  return text.split("\n").map(line => {
    const [kind, mark] = BLOCKS.find(([, block]) => block.test(line)) ?? ["plain", /^/]
    const begin = at + (mark.exec(line)?.[0].length ?? 0)
    const end = at + line.length
    at = end + 1
    const edges = fresh.flatMap(([from, to]) => [from, to]).filter(edge => edge > begin && edge < end)
    const cuts = [begin, ...edges, end]
    const parts = cuts.slice(1).map((to, index) => ({
      text: text.slice(cuts[index], to).replaceAll("*", ""),
      fresh: fresh.some(([first, last]) => first <= cuts[index] && to <= last),
    }))
    return { kind, parts: parts.filter(part => part.text) }
  })
}
