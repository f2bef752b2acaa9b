/**
 * The editor itself: CodeMirror over a shared text, with formatting, own undo, cursors and the keys a word processor has.
 */
import { standardKeymap } from "@codemirror/commands"
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state"
import { EditorView, drawSelection, dropCursor, keymap, placeholder } from "@codemirror/view"
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next"
import { authorMarks } from "./authors.js"
import { remoteCursors } from "./cursors.js"
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
} from "./format.js"
import { formattedMarkdown } from "./markdown.js"

/**
 * @typedef {import("yjs").Text} YText
 * @typedef {import("./format.js").Inline} Inline
 * @typedef {import("./format.js").Block} Block
 * @typedef {"strong" | "emphasis" | Block | "undo" | "redo"} EditorCommand
 */

const held = Annotation.define()

export class EditorPane {
  /** Formats held for what is typed next. @type {Set<Inline>} */
  #held = new Set()
  #writable = new Compartment()
  /** @type {import("yjs").UndoManager} */ #undo

  /**
   * @param {{parent: HTMLElement, text: YText, awareness: import("y-protocols/awareness").Awareness, undo: import("yjs").UndoManager,
   *   label: string, hint: string, language: string, nonce?: string, writable: boolean, changed: () => void,
   *   participant?: string, above?: () => number}} options
   */
  constructor({ parent, participant, above, text, awareness, undo, label, hint, language, nonce, writable, changed }) {
    this.#undo = undo
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          nonce ? EditorView.cspNonce.of(nonce) : [],
          this.#writable.of(lock(writable)),
          EditorView.lineWrapping,
          EditorView.scrollMargins.of(view => ({ top: above ? covered(view, above()) : 0 })),
          EditorView.perLineTextDirection.of(true),
          EditorView.contentAttributes.of({
            "aria-label": label,
            lang: language,
            spellcheck: "true",
            autocapitalize: "sentences",
            autocorrect: "on",
          }),
          drawSelection(),
          dropCursor(),
          placeholder(hint),
          formattedMarkdown(),
          keepPairs,
          yCollab(text, null, { undoManager: undo }),
          remoteCursors(text, awareness, participant, view => (above ? covered(view, above()) : 0)),
          authorMarks(text),
          EditorView.inputHandler.of((view, from, to, typed) => this.#typed(view, from, to, typed)),
          Prec.high(
            keymap.of([
              { key: "Mod-b", run: () => this.run("strong") },
              { key: "Mod-i", run: () => this.run("emphasis") },
              { key: "Mod-Alt-2", run: () => this.run("heading") },
              { key: "Mod-Shift-7", run: () => this.run("numbers") },
              { key: "Mod-Shift-8", run: () => this.run("bullets") },
              { key: "Mod-Shift-9", run: () => this.run("quote") },
              { key: "Enter", run: view => this.#apply(view, continueBlock) },
              { key: "Backspace", run: view => this.#apply(view, deleteBack) },
            ]),
          ),
          keymap.of([...yUndoManagerKeymap, ...standardKeymap]),
          EditorView.updateListener.of(update => {
            if (update.selectionSet && !update.transactions.some(transaction => transaction.annotation(held)))
              this.#held.clear()
            if (update.docChanged || update.selectionSet || update.focusChanged) changed()
          }),
        ],
      }),
    })
  }

  /** @param {boolean} writable */
  setWritable(writable) {
    this.view.dispatch({ effects: this.#writable.reconfigure(lock(writable)) })
  }

  /** Which toolbar buttons are pressed. */
  get formats() {
    return new Set([...formatAt(this.view.state), ...this.#held])
  }

  get canUndo() {
    return this.#undo.undoStack.length > 0
  }
  get canRedo() {
    return this.#undo.redoStack.length > 0
  }

  /** @param {EditorCommand} command */
  run(command) {
    const { view } = this
    if (view.state.readOnly) return false
    switch (command) {
      case "undo":
        this.#undo.undo()
        break
      case "redo":
        this.#undo.redo()
        break
      case "strong":
      case "emphasis": {
        const spec = toggleInline(view.state, command)
        if (spec) view.dispatch(spec)
        else {
          if (!this.#held.delete(command)) this.#held.add(command)
          // Nothing changes but the pressed button: an empty transaction lets the page look again.
          view.dispatch({ selection: view.state.selection, annotations: held.of(true) })
        }
        break
      }
      default:
        view.dispatch(toggleBlock(view.state, command))
    }
    view.focus()
    return true
  }

  /** @param {string} starter */
  insertStarter(starter) {
    if (this.view.state.readOnly) return
    this.view.dispatch(insertStarter(this.view.state, starter))
    this.view.focus()
  }

  destroy() {
    this.view.destroy()
  }

  /** @param {EditorView} view @param {(state: EditorState) => import("@codemirror/state").TransactionSpec | null} command */
  #apply(view, command) {
    const spec = view.state.readOnly ? null : command(view.state)
    if (!spec) return false
    view.dispatch(spec)
    return true
  }

  /** @param {EditorView} view @param {number} from @param {number} to @param {string} typed */
  #typed(view, from, to, typed) {
    if (view.state.readOnly || view.composing || typed.includes("\n")) return false
    if (this.#held.size && from === to && typed.trim()) {
      view.dispatch(typeHeld(view.state, this.#held, typed))
      return true
    }
    const closing = /^\s+$/.test(typed) && from === to ? closingMarks(view.state) : null
    if (closing) {
      this.#held = new Set(closing.held)
      view.dispatch({
        changes: { from: closing.at, insert: typed },
        selection: { anchor: closing.at + typed.length },
        annotations: held.of(true),
        scrollIntoView: true,
        userEvent: "input.type",
      })
      return true
    }
    return false
  }
}

/** How much of the text's upper edge lies under what ends at `edge`. @param {EditorView} view @param {number} edge */
function covered(view, edge) {
  return Math.max(0, edge - view.scrollDOM.getBoundingClientRect().top)
}

/** Read-only keeps the text reachable: it can be focused, selected, copied and read out. @param {boolean} writable */
function lock(writable) {
  return [
    EditorState.readOnly.of(!writable),
    EditorView.editable.of(writable),
    EditorView.contentAttributes.of(writable ? { tabindex: "0" } : { tabindex: "0", "aria-readonly": "true" }),
  ]
}
