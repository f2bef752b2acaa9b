/**
 * What the toolbar and the keyboard do to the text. Each command takes an editor state and returns what to dispatch, or null when
 * it has nothing to do; the text stays plain Markdown.
 */
import { EditorSelection, EditorState } from "@codemirror/state"
import { treeOf } from "./markdown.js"

/**
 * @typedef {import("@codemirror/state").TransactionSpec} TransactionSpec
 * @typedef {import("@codemirror/state").ChangeSpec} ChangeSpec
 * @typedef {import("@lezer/common").SyntaxNode} SyntaxNode
 * @typedef {"strong" | "emphasis"} Inline
 * @typedef {"heading" | "bullets" | "numbers" | "quote"} Block
 */

const INLINE = { strong: { node: "StrongEmphasis", mark: "**" }, emphasis: { node: "Emphasis", mark: "*" } }
/** The mark that makes a line what it is. */
const BLOCK_MARK = /^(\s*)(#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|>\s?)/
/** @type {Record<Block, RegExp>} */
const BLOCKS = { heading: /^#{1,6}\s/, bullets: /^\s*[-*+]\s/, numbers: /^\s*\d{1,9}[.)]\s/, quote: /^>\s?/ }

/** The innermost bold or italic that holds a position. @param {EditorState} state @param {number} at @param {string} name @returns {SyntaxNode | null} */
function around(state, at, name) {
  for (const side of /** @type {const} */ ([-1, 1])) {
    for (let node = /** @type {SyntaxNode | null} */ (treeOf(state).resolveInner(at, side)); node; node = node.parent) {
      if (node.name === name && node.from < at && at < node.to) return node
    }
  }
  return null
}

/** What the selection is, for the toolbar's pressed buttons. @param {EditorState} state @returns {Set<Inline | Block>} */
export function formatAt(state) {
  const { from, to, empty } = state.selection.main
  const found = /** @type {Set<Inline | Block>} */ (new Set())
  for (const inline of /** @type {Inline[]} */ (["strong", "emphasis"])) {
    if (
      around(state, empty ? from : from + 1, INLINE[inline].node) &&
      (empty || around(state, Math.max(from + 1, to - 1), INLINE[inline].node))
    )
      found.add(inline)
  }
  const line = state.doc.lineAt(from).text
  for (const block of /** @type {Block[]} */ (["heading", "bullets", "numbers", "quote"]))
    if (BLOCKS[block].test(line)) found.add(block)
  return found
}

/**
 * Make the selected words bold or italic, or plain again. With nothing selected returns null: the editor then holds the format for
 * what is typed next.
 * @param {EditorState} state
 * @param {Inline} inline
 * @returns {TransactionSpec | null}
 */
export function toggleInline(state, inline) {
  const { from, to, empty } = state.selection.main
  const { node: name, mark } = INLINE[inline]
  const node = around(state, empty ? from : from + 1, name)
  if (node && empty) {
    // At the end of bold words the same key means "go on without": step over the closing mark.
    if (from === node.to - mark.length) return { selection: { anchor: node.to }, scrollIntoView: true }
    return unwrap(node, mark)
  }
  if (empty) return null
  if (node && node.to >= to) return unwrap(node, mark)
  /** @type {ChangeSpec[]} */
  const changes = []
  for (let at = from; at <= to;) {
    const line = state.doc.lineAt(at)
    const block = BLOCK_MARK.exec(line.text)?.[0].length ?? 0
    const start = Math.max(from, line.from + block)
    const text = state.sliceDoc(start, Math.min(to, line.to))
    const trimmed = text.trim()
    if (trimmed) {
      const first = start + text.indexOf(trimmed)
      changes.push({ from: first, insert: mark }, { from: first + trimmed.length, insert: mark })
    }
    at = line.to + 1
  }
  return changes.length
    ? {
        changes,
        selection: EditorSelection.range(state.changes(changes).mapPos(from, 1), state.changes(changes).mapPos(to, -1)),
        userEvent: "input.format",
      }
    : null
}

/** @param {SyntaxNode} node @param {string} mark @returns {TransactionSpec} */
function unwrap(node, mark) {
  return {
    changes: [
      { from: node.from, to: node.from + mark.length },
      { from: node.to - mark.length, to: node.to },
    ],
    userEvent: "delete.format",
  }
}

/**
 * Type text while formats are held: it is wrapped in their marks, or, after bold words and a space, the bold goes on to hold it too.
 * @param {EditorState} state
 * @param {Iterable<Inline>} held
 * @param {string} typed
 * @returns {TransactionSpec}
 */
export function typeHeld(state, held, typed) {
  const { from } = state.selection.main
  const opening = [...held].map(inline => INLINE[inline].mark).join("")
  const closing = [...opening].reverse().join("")
  const rest = { scrollIntoView: true, userEvent: "input.format" }
  const line = state.doc.lineAt(from)
  const gap = /\S(\s+)$/.exec(line.text.slice(0, from - line.from))?.[1].length ?? 0
  const end = from - gap
  if (gap && state.sliceDoc(end - closing.length, end) === closing && markBefore(state, end)) {
    return {
      changes: [
        { from: end - closing.length, to: end },
        { from, insert: typed + closing },
      ],
      selection: { anchor: from - closing.length + typed.length },
      ...rest,
    }
  }
  return {
    changes: { from, insert: opening + typed + closing },
    selection: { anchor: from + opening.length + typed.length },
    ...rest,
  }
}

/**
 * What a space typed just before closing marks does: Markdown does not close bold after a space, so the space goes outside, and the
 * formats are held for the next word. Returns null anywhere else.
 * @param {EditorState} state
 * @returns {{at: number, held: Inline[]} | null}
 */
export function closingMarks(state) {
  const { from, empty } = state.selection.main
  if (!empty) return null
  let at = from
  const held = /** @type {Inline[]} */ ([])
  for (;;) {
    const inline = /** @type {Inline[]} */ (["strong", "emphasis"]).find(kind => {
      const node = around(state, at, INLINE[kind].node)
      return node && node.to - INLINE[kind].mark.length === at
    })
    if (!inline || held.includes(inline)) break
    held.push(inline)
    at += INLINE[inline].mark.length
  }
  return held.length ? { at, held } : null
}

/**
 * Make the selected lines a heading, a list or a quote, or plain again when they all are.
 * @param {EditorState} state
 * @param {Block} block
 * @returns {TransactionSpec}
 */
export function toggleBlock(state, block) {
  const { from, to } = state.selection.main
  const lines = []
  for (let at = from; at <= to;) {
    const line = state.doc.lineAt(at)
    lines.push(line)
    at = line.to + 1
  }
  const wanted = lines.length > 1 ? lines.filter(line => line.text.trim()) : lines
  const off = wanted.every(line => BLOCKS[block].test(line.text))
  const changes = wanted.map((line, index) => {
    const mark = { heading: "## ", bullets: "- ", numbers: `${index + 1}. `, quote: "> " }[block]
    return { from: line.from, to: line.from + (BLOCK_MARK.exec(line.text)?.[0].length ?? 0), insert: off ? "" : mark }
  })
  const set = state.changes(changes)
  const { anchor, head } = state.selection.main
  return {
    changes: set,
    selection: EditorSelection.range(set.mapPos(anchor, 1), set.mapPos(head, 1)),
    scrollIntoView: true,
    userEvent: "input.format",
  }
}

/**
 * Enter in a list or quote: the next line goes on with it; on an empty item the list ends. Null elsewhere.
 * @param {EditorState} state
 * @returns {TransactionSpec | null}
 */
export function continueBlock(state) {
  const { from, to, empty } = state.selection.main
  const line = state.doc.lineAt(from)
  const match = BLOCK_MARK.exec(line.text)
  if (!match || match[2].startsWith("#") || from < line.from + match[0].length) return null
  if (!line.text.slice(match[0].length).trim() && empty) {
    return { changes: { from: line.from, to: line.to }, selection: { anchor: line.from }, userEvent: "delete.format" }
  }
  const number = /^(\d+)([.)]\s)$/.exec(match[2])
  const mark = match[1] + (number ? `${Number(number[1]) + 1}${number[2]}` : match[2])
  return {
    changes: { from, to, insert: `\n${mark}` },
    selection: { anchor: from + 1 + mark.length },
    scrollIntoView: true,
    userEvent: "input",
  }
}

/**
 * Backspace beside hidden marks: at the start of a heading, list item or quote the line becomes plain; next to bold or italic the letter
 * that is seen before the cursor goes, never a mark alone. Null where ordinary Backspace is right.
 * @param {EditorState} state
 * @returns {TransactionSpec | null}
 */
export function deleteBack(state) {
  const { from, empty } = state.selection.main
  if (!empty) return null
  const line = state.doc.lineAt(from)
  const mark = BLOCK_MARK.exec(line.text)?.[0]
  if (mark && from <= line.from + mark.length && from > line.from) {
    return {
      changes: { from: line.from, to: line.from + mark.length },
      selection: { anchor: line.from },
      userEvent: "delete.backward",
    }
  }
  let at = from
  for (let skipped = markBefore(state, at); skipped; skipped = markBefore(state, at)) at = skipped.from
  if (at <= line.from) return at === from ? null : { selection: { anchor: at } }
  const before =
    [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(state.sliceDoc(line.from, at))].pop()
      ?.segment.length ?? 1
  const emptied = emptiedBy(state, at - before, at)
  if (at === from && !emptied) return null
  // The cursor stays inside, so that what is typed next is still bold.
  return emptied
    ? { changes: emptied, scrollIntoView: true, userEvent: "delete.backward" }
    : {
        changes: { from: at - before, to: at },
        selection: { anchor: at - before },
        scrollIntoView: true,
        userEvent: "delete.backward",
      }
}

/** @param {EditorState} state @param {number} at */
function markBefore(state, at) {
  const node = treeOf(state).resolveInner(at, -1)
  return node.name === "EmphasisMark" && node.to === at ? node : null
}

/** The bold or italic that would hold nothing once from…to is gone, with its marks. @param {EditorState} state @param {number} from @param {number} to */
function emptiedBy(state, from, to) {
  let range = null
  for (let node = /** @type {SyntaxNode | null} */ (treeOf(state).resolveInner(to, -1)); node; node = node.parent) {
    const size = node.name === "StrongEmphasis" ? 2 : node.name === "Emphasis" ? 1 : 0
    if (!size) continue
    const inner = range ?? { from, to }
    if (node.from + size !== inner.from || node.to - size !== inner.to) break
    range = { from: node.from, to: node.to }
  }
  return range
}

/**
 * Put a sentence starter where the cursor is: at the start of an empty line as it is, after a finished sentence with a space, in the
 * middle of one on a new line. The trailing "…" or "..." gives way to a space, and the cursor stands where the sentence goes on.
 * @param {EditorState} state
 * @param {string} starter
 * @returns {TransactionSpec}
 */
export function insertStarter(state, starter) {
  const words = starter.replace(/\s*(…|\.\.\.)\s*([?!]?)\s*$/u, (_all, _dots, end) => (end ? ` ${end}` : " "))
  const { head } = state.selection.main
  const line = state.doc.lineAt(head)
  const before = line.text.slice(0, head - line.from).replace(BLOCK_MARK, "")
  const after = line.text.slice(head - line.from)
  const finished = /[.!?…。؟]["”’»)]*\s*$/u.test(before)
  // In the middle of a sentence nothing is cut in two: the starter goes on a line of its own after it.
  const middle = before.trim() !== "" && (!finished || after.trim() !== "")
  const at = middle ? line.to : head
  const lead = middle ? "\n" : before.trim() && !/\s$/.test(before) ? " " : ""
  const tail = !middle && after && !/^\s/.test(after) && !words.endsWith(" ") ? " " : ""
  const insert = lead + words + tail
  // "But what about …?" goes on before its question mark.
  const end = /\s[?!]$/u.test(words) ? 1 : 0
  return {
    changes: { from: at, insert },
    selection: { anchor: at + lead.length + words.length - end },
    scrollIntoView: true,
    userEvent: "input.starter",
  }
}

/**
 * Keep hidden marks in pairs: what is deleted or typed over across the edge of bold or italic takes the words and leaves the marks that
 * still hold some; when nothing is left between them, both go. A mark alone would stand in the text as bare asterisks.
 */
export const keepPairs = EditorState.transactionFilter.of(transaction => {
  const typed = transaction.isUserEvent("delete") || transaction.isUserEvent("input")
  if (
    !transaction.docChanged ||
    !typed ||
    transaction.isUserEvent("delete.format") ||
    transaction.isUserEvent("input.format")
  )
    return transaction
  const tree = treeOf(transaction.startState)
  let cut = false
  /** @type {{from: number, to?: number, insert?: import("@codemirror/state").Text}[]} */
  const changes = []
  let cursor = 0
  transaction.changes.iterChanges((from, to, _fromAfter, _toAfter, insert) => {
    /** @type {{from: number, to: number, closes: boolean}[]} */
    let kept = []
    /** @type {{from: number, to: number}[]} */
    const gone = []
    if (from < to) {
      tree.iterate({
        from,
        to,
        enter: ({ name, from: start, to: end }) => {
          const size = name === "StrongEmphasis" ? 2 : name === "Emphasis" ? 1 : 0
          if (!size || (from <= start && end <= to)) return
          const marks = [
            { from: start, to: start + size, closes: false },
            { from: end - size, to: end, closes: true },
          ]
          const emptied = from <= start + size && end - size <= to
          const touched = marks.filter(mark => mark.from < to && mark.to > from)
          if (!emptied && !touched.length) return
          cut = true
          if (emptied) gone.push(...marks)
          else kept.push(...touched)
        },
      })
    }
    kept.sort((a, b) => a.from - b.from)
    // From inside one bold to inside the next: the two become one.
    const [first, second] = kept
    if (kept.length === 2 && first.closes && !second.closes && first.to - first.from === second.to - second.from)
      kept = []
    let at = Math.min(from, ...gone.map(mark => mark.from))
    cursor = at + insert.length
    changes.push({ from: at, insert })
    for (const mark of kept) {
      if (at < mark.from) changes.push({ from: at, to: mark.from })
      at = mark.to
    }
    const end = Math.max(to, ...gone.map(mark => mark.to))
    if (at < end) changes.push({ from: at, to: end })
  })
  return cut ? { changes, selection: { anchor: cursor }, scrollIntoView: true } : transaction
})
