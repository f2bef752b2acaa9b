/**
 * The others' cursors with their names, and one's own sent to them. The stock plugin of y-codemirror.next writes `style` attributes,
 * which the page's Content-Security-Policy forbids; the awareness field is the same: `cursor: {anchor, head}`, relative positions.
 * Who a cursor belongs to (`user: {participant, name, seat}`) is filled in by the server.
 */
import { Annotation } from "@codemirror/state"
import { Decoration, ViewPlugin, WidgetType } from "@codemirror/view"
import * as Y from "yjs"
import { seatClass } from "../shared/seats.js"

const moved = Annotation.define()

class Caret extends WidgetType {
  /** @param {string} name @param {string} seat a class */
  constructor(name, seat) {
    super()
    this.name = name
    this.seat = seat
  }

  /** @param {Caret} other */
  eq(other) {
    return other.name === this.name && other.seat === this.seat
  }

  toDOM() {
    const caret = document.createElement("span")
    caret.className = `caret ${this.seat}`
    // Read out at every line the flag would be noise: who is here and writing stands at the table.
    caret.setAttribute("aria-hidden", "true")
    const flag = document.createElement("span")
    flag.className = "caret-name"
    flag.textContent = this.name
    // A joiner on both sides keeps the caret from making a place to break the line.
    caret.append("\u2060", flag, "\u2060")
    return caret
  }

  ignoreEvent() {
    return true
  }
}

/**
 * @param {Y.Text} text
 * @param {import("y-protocols/awareness").Awareness} awareness
 * @param {string | undefined} mine own participant id: one's own cursor from before a reload or in another tab is no one to meet
 */
export function remoteCursors(text, awareness, mine) {
  const doc = /** @type {Y.Doc} */ (text.doc)

  return ViewPlugin.fromClass(
    class {
      /** @param {import("@codemirror/view").EditorView} view */
      constructor(view) {
        this.decorations = Decoration.none
        /** @param {{added: number[], updated: number[], removed: number[]}} changes */
        this.changed = ({ added, updated, removed }) => {
          if ([...added, ...updated, ...removed].some(client => client !== doc.clientID))
            view.dispatch({ annotations: moved.of(true) })
        }
        awareness.on("change", this.changed)
      }

      destroy() {
        awareness.off("change", this.changed)
      }

      /** @param {import("@codemirror/view").ViewUpdate} update */
      update(update) {
        if (update.selectionSet || update.docChanged || update.focusChanged) this.tell(update)
        if (update.docChanged || update.transactions.some(transaction => transaction.annotation(moved)))
          this.draw(update.state.doc.length)
      }

      /** @param {import("@codemirror/view").ViewUpdate} update */
      tell({ view, state }) {
        if (!view.hasFocus || awareness.getLocalState() === null) return
        const { anchor, head } = state.selection.main
        const cursor = {
          anchor: Y.createRelativePositionFromTypeIndex(text, anchor),
          head: Y.createRelativePositionFromTypeIndex(text, head),
        }
        const before = awareness.getLocalState()?.cursor
        if (
          before &&
          Y.compareRelativePositions(before.anchor, cursor.anchor) &&
          Y.compareRelativePositions(before.head, cursor.head)
        )
          return
        awareness.setLocalStateField("cursor", cursor)
      }

      /** @param {number} length of the editor's text */
      draw(length) {
        const found = []
        for (const [client, { cursor, user }] of awareness.getStates()) {
          if (client === doc.clientID || !cursor || !user || (mine && user.participant === mine)) continue
          const [anchor, head] = [cursor.anchor, cursor.head].map(position => placeOf(position, text))
          if (anchor === undefined || head === undefined || Math.max(anchor, head) > length) continue
          const seat = seatClass(user.seat)
          if (anchor !== head)
            found.push(
              Decoration.mark({ class: `caret-range ${seat}` }).range(Math.min(anchor, head), Math.max(anchor, head)),
            )
          found.push(
            Decoration.widget({ widget: new Caret(String(user.name ?? ""), seat), side: head > anchor ? -1 : 1 }).range(
              head,
            ),
          )
        }
        this.decorations = Decoration.set(found, true)
      }
    },
    { decorations: plugin => plugin.decorations },
  )
}

/** Another client's word: anything may stand there. @param {unknown} position @param {Y.Text} text @returns {number | undefined} */
function placeOf(position, text) {
  try {
    const place = Y.createAbsolutePositionFromRelativePosition(
      Y.createRelativePositionFromJSON(position),
      /** @type {Y.Doc} */ (text.doc),
    )
    return place?.type === text ? place.index : undefined
  } catch {
    return undefined
  }
}
