import assert from "node:assert/strict"
import { test } from "node:test"
import { EditorSelection, EditorState } from "@codemirror/state"
import {
  closingMarks,
  continueBlock,
  deleteBack,
  formatAt,
  insertStarter,
  keepPairs,
  toggleBlock,
  toggleInline,
  typeHeld,
} from "../../static/src/editor/format.js"
import { summaryLanguage } from "../../static/src/editor/markdown.js"
import { countWords, WordCount } from "../../static/src/editor/words.js"

/** A state from text in which | is the cursor, or two of them the selection. @param {string} marked */
function state(marked) {
  const [anchor, head = anchor] = [...marked.matchAll(/\|/g)].map(({ index }, nth) => index - nth)
  return EditorState.create({
    doc: marked.replaceAll("|", ""),
    selection: EditorSelection.range(anchor, head),
    extensions: [summaryLanguage.extension, keepPairs],
  })
}

/** @param {EditorState} state */
function show({ doc, selection: { main } }) {
  const text = doc.toString()
  return main.empty
    ? `${text.slice(0, main.from)}|${text.slice(main.from)}`
    : `${text.slice(0, main.from)}|${text.slice(main.from, main.to)}|${text.slice(main.to)}`
}

/** @param {string} marked @param {(state: EditorState) => import("@codemirror/state").TransactionSpec | null} command */
function after(marked, command) {
  const before = state(marked)
  const spec = command(before)
  return spec && show(before.update(spec).state)
}

/** @param {(state: EditorState) => any} command @param {[string, string | null][]} cases */
function each(command, cases) {
  for (const [before, expected] of cases) assert.equal(after(before, command), expected, before)
}

test("bold and italic wrap the words, and unwrap them", () =>
  each(
    state => toggleInline(state, "strong"),
    [
      ["find |ripe| acorns", "find **|ripe|** acorns"],
      ["find **|ripe|** acorns", "find |ripe| acorns"],
      ["find **ri|pe** acorns", "find ri|pe acorns"],
      ["find **ripe|** acorns", "find **ripe**| acorns"],
      ["|one\ntwo|", "**|one**\n**two|**"],
      ["- |one|", "- **|one|**"],
      ["find | acorns", null],
    ],
  ))

test("typing with a format held wraps it, and goes on over a space", () => {
  assert.equal(
    after("find |", state => typeHeld(state, ["strong"], "r")),
    "find **r|**",
  )
  assert.equal(
    after("**ripe** |", state => typeHeld(state, ["strong"], "a")),
    "**ripe a|**",
  )
  assert.equal(
    after("***ripe*** |", state => typeHeld(state, ["strong", "emphasis"], "a")),
    "***ripe a|***",
  )
})

test("a space at the end of bold goes outside", () => {
  assert.deepEqual(closingMarks(state("**ripe|**")), { at: 8, held: ["strong"] })
  assert.equal(closingMarks(state("**ri|pe**")), null)
  assert.equal(closingMarks(state("ripe|")), null)
})

test("lines become headings, lists and quotes, one instead of the other, and plain again", () => {
  each(
    state => toggleBlock(state, "heading"),
    [
      ["acorns|", "## acorns|"],
      ["## acorns|", "acorns|"],
      ["- acorns|", "## acorns|"],
    ],
  )
  each(
    state => toggleBlock(state, "numbers"),
    [
      ["|one\n\ntwo|", "1. |one\n\n2. two|"],
      ["- one|", "1. one|"],
    ],
  )
  each(
    state => toggleBlock(state, "bullets"),
    [
      ["|", "- |"],
      ["> one|", "- one|"],
    ],
  )
  each(state => toggleBlock(state, "quote"), [["a|b", "> a|b"]])
})

test("Enter goes on with a list or quote and ends it on an empty line", () =>
  each(continueBlock, [
    ["- one|", "- one\n- |"],
    ["9. one|", "9. one\n10. |"],
    ["> one|", "> one\n> |"],
    ["- |", "|"],
    ["- on|e", "- on\n- |e"],
    ["## head|", null],
    ["plain|", null],
  ]))

test("Backspace takes the letter that is seen, or makes the line plain", () =>
  each(deleteBack, [
    ["## |head", "|head"],
    ["- |one", "|one"],
    ["find **ripe**|", "find **rip|**"],
    ["find **|ripe**", "find|**ripe**"],
    ["find **r**|", "find |"],
    ["find **r|**", "find |"],
    ["plain|", null],
    ["|plain", null],
  ]))

test("deleting across the edge of bold leaves no mark alone", () =>
  each(
    state => {
      const guarded = EditorState.create({
        doc: state.doc,
        selection: state.selection,
        extensions: [summaryLanguage.extension, keepPairs],
      })
      const { from, to } = state.selection.main
      const { newDoc, newSelection } = guarded.update({ changes: { from, to }, userEvent: "delete.selection" })
      return { changes: { from: 0, to: state.doc.length, insert: newDoc }, selection: newSelection }
    },
    [
      ["**bo|ld** pla|in", "**bo|**in"],
      ["pla|in **bo|ld**", "pla|**ld**"],
      ["find **|ripe|** acorns", "find | acorns"],
      ["find |**ripe**| acorns", "find | acorns"],
      ["find **ri|pe*s*|** x", "find **ri|** x"],
      ["**one|** and **tw|o**", "**one|o**"],
      ["pl|ai|n", "pl|n"],
    ],
  ))

test("the pressed buttons tell what the cursor is in", () => {
  assert.deepEqual(formatAt(state("- **ri|pe**")), new Set(["strong", "bullets"]))
  assert.deepEqual(formatAt(state("*ri|pe*")), new Set(["emphasis"]))
  assert.deepEqual(formatAt(state("ri|pe")), new Set())
})

test("a starter goes where a sentence can begin", () =>
  each(
    state => insertStarter(state, "I found that …"),
    [
      ["|", "I found that |"],
      ["- |", "- I found that |"],
      ["It is ripe.|", "It is ripe. I found that |"],
      ["It is ripe. |", "It is ripe. I found that |"],
      ["It is |ripe", "It is ripe\nI found that |"],
    ],
  ))

test("a starter that asks goes on before its question mark", () => {
  assert.equal(
    after("|", state => insertStarter(state, "But what about …?")),
    "But what about |?",
  )
})

test("words are counted without markup, in any script", () => {
  assert.equal(countWords("## Finding acorns\n- don’t eat **raw**"), 5)
  assert.equal(countWords("جمع البلوط مهمة صعبة"), 4)
  assert.equal(countWords(""), 0)
})

test("counting over and over gives what counting afresh gives", () => {
  const counter = new WordCount()
  for (const text of ["one two", "one two\none two\n\nthree", "one\none two\n- four **five**", ""])
    assert.equal(counter.count(text.split("\n")), countWords(text))
})
