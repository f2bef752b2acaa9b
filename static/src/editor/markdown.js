/**
 * Markdown shown as in a word processor: headings, bold, italic, lists and quotes look like what they are, and the markup is hidden
 * and stepped over as one piece.
 *
 * The grammar is CommonMark's, less what would surprise a child: four spaces do not make code, a row of dashes under a line does not make a
 * heading, angle brackets are not HTML, and links are plain words.
 */
import { Language, defineLanguageFacet, languageDataProp, syntaxTree, ensureSyntaxTree } from "@codemirror/language"
import { RangeSetBuilder } from "@codemirror/state"
import { Decoration, EditorView, ViewPlugin, WidgetType } from "@codemirror/view"
import { parser } from "@lezer/markdown"

/** @typedef {import("@codemirror/state").EditorState} EditorState */
/** @typedef {import("@lezer/common").SyntaxNodeRef} SyntaxNodeRef */

const data = defineLanguageFacet()
const grammar = parser.configure([
  {
    remove: [
      "IndentedCode",
      "FencedCode",
      "SetextHeading",
      "HorizontalRule",
      "LinkReference",
      "HTMLBlock",
      "Entity",
      "InlineCode",
      "HTMLTag",
      "Autolink",
      "Link",
      "Image",
      "LinkEnd",
      "HardBreak",
    ],
  },
  { props: [languageDataProp.add({ Document: data })] },
])

export const summaryLanguage = new Language(data, grammar, [], "markdown")

/** How long one step may parse; texts of a lesson take about a millisecond. */
const PARSE_MS = 50

/** The whole tree, as far as it can be had in one step. @param {EditorState} state @param {number} [upto] */
export function treeOf(state, upto = state.doc.length) {
  return ensureSyntaxTree(state, upto, PARSE_MS) ?? syntaxTree(state)
}

class Bullet extends WidgetType {
  eq() {
    return true
  }
  toDOM() {
    const bullet = document.createElement("span")
    bullet.className = "md-bullet"
    bullet.textContent = "•"
    return bullet
  }
}

const hidden = Decoration.replace({})
const bullet = Decoration.replace({ widget: new Bullet() })
const strong = Decoration.mark({ class: "md-strong", inclusive: true })
const emphasis = Decoration.mark({ class: "md-em", inclusive: true })
const number = Decoration.mark({ class: "md-number" })
/** @param {string} name */
const lineClass = name => Decoration.line({ class: name, attributes: { dir: "auto" } })
const plainLine = Decoration.line({ attributes: { dir: "auto" } })
const headings = [1, 2, 3].map(level => lineClass(`md-h${level}`))
const listLine = lineClass("md-item")
const quoteLine = lineClass("md-quote")

/** A piece of markup with the space after it. @param {EditorState} state @param {number} to */
const withSpace = (state, to) => (state.sliceDoc(to, to + 1) === " " ? to + 1 : to)

/**
 * @param {EditorState} state
 * @param {readonly {from: number, to: number}[]} ranges what is on screen
 */
function decorate(state, ranges) {
  /** @type {{from: number, to: number, value: Decoration}[]} */
  const found = []
  const atomic = /** @type {{from: number, to: number}[]} */ ([])
  const lines = /** @type {Map<number, Decoration>} */ (new Map())
  /** @param {number} from @param {number} to @param {Decoration} value */
  const replace = (from, to, value) => {
    if (from < to) {
      found.push({ from, to, value })
      atomic.push({ from, to })
    }
  }
  for (const { from, to } of ranges) {
    for (let at = from; at <= to;) {
      const line = state.doc.lineAt(at)
      if (!lines.has(line.from)) lines.set(line.from, plainLine)
      at = line.to + 1
    }
    treeOf(state, to).iterate({
      from,
      to,
      enter: node => {
        const heading = /^ATXHeading(\d)$/.exec(node.name)
        if (heading) {
          lines.set(state.doc.lineAt(node.from).from, headings[Math.min(3, Number(heading[1])) - 1])
          return
        }
        switch (node.name) {
          case "HeaderMark":
            // A closing row of # is left to be seen: it is not something the toolbar writes.
            if (node.from === node.node.parent?.from) replace(node.from, withSpace(state, node.to), hidden)
            break
          case "StrongEmphasis":
            found.push({ from: node.from, to: node.to, value: strong })
            break
          case "Emphasis":
            found.push({ from: node.from, to: node.to, value: emphasis })
            break
          case "EmphasisMark":
            replace(node.from, node.to, hidden)
            break
          case "Escape":
            replace(node.from, node.from + 1, hidden)
            break
          case "QuoteMark":
            lines.set(state.doc.lineAt(node.from).from, quoteLine)
            replace(node.from, withSpace(state, node.to), hidden)
            break
          case "ListMark":
            // A mark alone becomes a bullet once its space is typed: until then it may be the start of "-5".
            if (withSpace(state, node.to) === node.to) break
            lines.set(state.doc.lineAt(node.from).from, listLine)
            if (node.node.parent?.parent?.name === "OrderedList")
              found.push({ from: node.from, to: node.to + 1, value: number })
            else replace(node.from, node.to + 1, bullet)
            break
        }
      },
    })
  }
  for (const [from, value] of lines) found.push({ from, to: from, value })
  const steps = new RangeSetBuilder()
  atomic.sort((a, b) => a.from - b.from || a.to - b.to)
  for (const { from, to } of atomic) steps.add(from, to, hidden)
  return {
    decorations: Decoration.set(
      found.map(({ from, to, value }) => value.range(from, to)),
      true,
    ),
    atomic: steps.finish(),
  }
}

const formatted = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.tree = syntaxTree(view.state)
      this.look = decorate(view.state, view.visibleRanges)
    }

    /** @param {import("@codemirror/view").ViewUpdate} update */
    update(update) {
      const tree = syntaxTree(update.state)
      if (!update.docChanged && !update.viewportChanged && tree === this.tree) return
      this.tree = tree
      this.look = decorate(update.state, update.view.visibleRanges)
    }
  },
  {
    decorations: plugin => plugin.look.decorations,
    provide: plugin =>
      EditorView.atomicRanges.of(view => /** @type {any} */ (view.plugin(plugin)?.look.atomic ?? Decoration.none)),
  },
)

/** The language and its look. */
export function formattedMarkdown() {
  return [summaryLanguage.extension, formatted]
}
