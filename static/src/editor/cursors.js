/**
 * The others' cursors with their names, and one's own sent to them. The awareness field is that of y-codemirror.next (`cursor: {anchor,
 * head}`, relative positions); who a cursor belongs to (`user: {participant, name, seat}`) is filled in by the server.
 *
 * They are drawn over the text and not in it: thirty people moving ten times a second then cost no update of the editor, and nothing
 * moves under the fingers of someone who writes. Between two words of awareness a cursor goes along with the changes of the text.
 */
import { EditorSelection } from "@codemirror/state"
import { Direction, EditorView, RectangleMarker, ViewPlugin } from "@codemirror/view"
import * as Y from "yjs"
import { initial, seatClass } from "../shared/seats.js"
import { placeFlags } from "./flags.js"

/** The others' cursors are drawn at most this often, and one's own told. */
const MOVE_MS = 100
/** A name is whole for so long after its cursor moved; then its initial is left, and the words under it can be read. */
const FOLD_MS = 4000

/**
 * @typedef {{element: HTMLElement, flag: HTMLElement, name: string, seat: string, said: string, movedAt: number, anchor?: number,
 *   head?: number, width?: number}} Peer `said` is the cursor as it was last told; anchor and head are places in the text
 */

const look = EditorView.baseTheme({
  ".cm-peers": { position: "absolute", left: 0, top: 0, contain: "size style", zIndex: 3, pointerEvents: "none" },
  ".cm-peers > *, .caret-name": { position: "absolute", left: 0, top: 0, pointerEvents: "none", userSelect: "none" },
  ".caret": { width: "2px", backgroundColor: "var(--seat)" },
  ".caret-name": {
    boxSizing: "border-box",
    height: "17px",
    maxWidth: "11rem",
    padding: "0 5px",
    border: "1px solid var(--seat)",
    borderRadius: "4px",
    backgroundColor: "color-mix(in srgb, var(--seat) 30%, var(--card))",
    color: "var(--ink)",
    font: "600 12px/15px var(--font)",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
  },
  // The name stays in the page, for whoever looks for it there; only its look is folded.
  ".caret-name.folded": { width: "20px", padding: 0, textAlign: "center", fontSize: 0 },
  ".caret-name.folded::before": { content: "attr(data-initial)", display: "block", fontSize: "12px" },
  ".caret-range": { backgroundColor: "color-mix(in srgb, var(--seat) 24%, transparent)" },
})
const FLAG_HEIGHT = 17
const INITIAL_WIDTH = 20

/**
 * @param {Y.Text} text
 * @param {import("y-protocols/awareness").Awareness} awareness
 * @param {string | undefined} mine own participant id: one's own cursor from before a reload or in another tab is no one to meet
 * @param {(view: EditorView) => number} covered how many pixels of the editor's upper edge are out of sight
 */
export function remoteCursors(text, awareness, mine, covered) {
  const plugin = ViewPlugin.fromClass(
    class {
      /** @type {Map<number, Peer>} */ #peers = new Map()
      /** @type {HTMLElement[]} */ #ranges = []
      /** @type {ReturnType<typeof setTimeout> | undefined} */ #drawing
      /** @type {ReturnType<typeof setTimeout> | undefined} */ #telling
      /** @type {ReturnType<typeof setTimeout> | undefined} */ #folding
      /** Clients whose cursor was told and is not yet found in the text. @type {Set<number>} */ #told = new Set()
      #drawnAt = 0
      #toldAt = 0

      /** @param {EditorView} view */
      constructor(view) {
        this.view = view
        this.layer = document.createElement("div")
        this.layer.className = "cm-peers"
        // Read out at every line the flags would be noise: who is here and writing stands at the table.
        this.layer.setAttribute("aria-hidden", "true")
        view.scrollDOM.append(this.layer)
        this.measure = { key: this, read: () => this.#place(), write: (/** @type {() => void} */ draw) => draw() }
        awareness.on("change", this.#hear)
        for (const client of awareness.getStates().keys()) this.#told.add(client)
        this.#soon()
      }

      destroy() {
        awareness.off("change", this.#hear)
        for (const timer of [this.#drawing, this.#telling, this.#folding]) clearTimeout(timer)
        this.layer.remove()
      }

      /** @param {import("@codemirror/view").ViewUpdate} update */
      update(update) {
        if (update.selectionSet || update.docChanged || update.focusChanged) this.#tellSoon()
        if (update.docChanged) {
          const { changes } = update
          for (const peer of this.#peers.values()) {
            if (peer.anchor === undefined || peer.head === undefined) continue
            peer.anchor = changes.mapPos(peer.anchor, 1)
            peer.head = changes.mapPos(peer.head, 1)
          }
        }
        if (!this.#peers.size) return
        if (update.docChanged || update.selectionSet || update.viewportChanged || update.geometryChanged)
          update.view.requestMeasure(this.measure)
      }

      /** @param {{added: number[], updated: number[], removed: number[]}} changes */
      #hear = ({ added, updated, removed }) => {
        for (const client of [...added, ...updated, ...removed]) if (client !== awareness.clientID) this.#told.add(client)
        if (this.#told.size) this.#soon()
      }

      #soon() {
        this.#drawing ??= setTimeout(
          () => {
            this.#drawing = undefined
            this.#drawnAt = Date.now()
            this.view.requestMeasure(this.measure)
          },
          Math.max(0, this.#drawnAt + MOVE_MS - Date.now()),
        )
      }

      #tellSoon() {
        this.#telling ??= setTimeout(
          () => {
            this.#telling = undefined
            this.#toldAt = Date.now()
            this.#tell()
          },
          Math.max(0, this.#toldAt + MOVE_MS - Date.now()),
        )
      }

      #tell() {
        const { view } = this
        const known = awareness.getLocalState()
        if (!view.hasFocus || known === null) return
        const { anchor, head } = view.state.selection.main
        const cursor = {
          anchor: Y.createRelativePositionFromTypeIndex(text, anchor),
          head: Y.createRelativePositionFromTypeIndex(text, head),
        }
        const before = known.cursor
        if (
          !before ||
          !Y.compareRelativePositions(before.anchor, cursor.anchor) ||
          !Y.compareRelativePositions(before.head, cursor.head)
        )
          awareness.setLocalStateField("cursor", cursor)
      }

      /** Take in what was told since the last look. */
      #listen() {
        // Told first, written later: a cursor can stand in words that are still on their way.
        if (text.length !== this.view.state.doc.length) return
        for (const client of this.#told) {
          const { cursor, user } = awareness.getStates().get(client) ?? {}
          const peer = this.#peers.get(client)
          if (!cursor || !user || (mine && user.participant === mine)) {
            this.#told.delete(client)
            peer?.element.remove()
            peer?.flag.remove()
            this.#peers.delete(client)
            continue
          }
          const said = JSON.stringify(cursor)
          const [anchor, head] = [cursor.anchor, cursor.head].map(position => placeOf(position, text))
          const found = anchor !== undefined && head !== undefined
          if (found) this.#told.delete(client)
          if (!found && !peer) continue
          const known = peer ?? makePeer()
          if (!peer) this.#peers.set(client, known)
          wear(known, String(user.name ?? ""), seatClass(user.seat))
          if (found) Object.assign(known, { anchor, head })
          if (known.said !== said) Object.assign(known, { said, movedAt: Date.now() })
        }
      }

      /** Measure without touching anything; returns what is to be drawn. */
      #place() {
        const { view } = this
        this.#listen()
        const now = Date.now()
        const frame = view.scrollDOM.getBoundingClientRect()
        const origin = { x: frame.left - view.scrollDOM.scrollLeft, y: frame.top - view.scrollDOM.scrollTop }
        const { from, to } = view.viewport
        /** @type {RectangleMarker[]} */
        const ranges = []
        /** @type {(import("./flags.js").Flag & {peer: Peer})[]} */
        const shown = []
        let foldsAt = Infinity
        for (const peer of this.#peers.values()) {
          const { anchor, head } = peer
          if (anchor === undefined || head === undefined) continue
          if (anchor !== head && Math.max(anchor, head) >= from && Math.min(anchor, head) <= to)
            ranges.push(...RectangleMarker.forRange(view, `caret-range ${peer.seat}`, EditorSelection.range(anchor, head)))
          const coords = head >= from && head <= to ? view.coordsAtPos(head, head > anchor ? -1 : 1) : null
          if (!coords) continue
          peer.width ??= peer.flag.isConnected ? peer.flag.offsetWidth : undefined
          const folded = now - peer.movedAt >= FOLD_MS
          if (!folded) foldsAt = Math.min(foldsAt, peer.movedAt + FOLD_MS)
          shown.push({
            peer,
            x: coords.left - origin.x,
            top: coords.top - origin.y,
            bottom: coords.bottom - origin.y,
            width: peer.width ?? INITIAL_WIDTH,
            folded,
            backwards: view.textDirectionAt(head) === Direction.RTL,
          })
        }
        clearTimeout(this.#folding)
        if (foldsAt < Infinity) this.#folding = setTimeout(() => this.#soon(), foldsAt - now)
        shown.sort((a, b) => b.peer.movedAt - a.peer.movedAt)
        const own = view.hasFocus ? view.coordsAtPos(view.state.selection.main.head) : null
        const top = view.scrollDOM.scrollTop + covered(view)
        const places = placeFlags(shown, {
          bounds: { left: 1, top, right: view.scrollDOM.clientWidth - 1, bottom: Math.max(top + frame.height, view.contentHeight) },
          written: own && { left: -1e6, right: 1e6, top: own.top - origin.y, bottom: own.bottom - origin.y },
          height: FLAG_HEIGHT,
          initial: INITIAL_WIDTH,
        })
        return () => this.#draw(shown, places, ranges)
      }

      /**
       * @param {(import("./flags.js").Flag & {peer: Peer})[]} shown @param {(import("./flags.js").Placed | null)[]} places
       * @param {RectangleMarker[]} ranges
       */
      #draw(shown, places, ranges) {
        const visible = new Set(shown.map(({ peer }) => peer))
        for (const peer of this.#peers.values()) {
          if (visible.has(peer)) continue
          peer.element.remove()
          peer.flag.remove()
        }
        let unmeasured = false
        for (const [index, { peer, x, top, bottom }] of shown.entries()) {
          const place = places[index]
          const { element, flag } = peer
          if (!element.isConnected) this.layer.append(element, flag)
          unmeasured ||= peer.width === undefined
          set(element, "transform", `translate(${Math.round(x - 1)}px, ${Math.round(top)}px)`)
          set(element, "height", `${Math.round(bottom - top)}px`)
          set(flag, "visibility", place && peer.width !== undefined ? "visible" : "hidden")
          if (!place) continue
          flag.classList.toggle("folded", place.folded && peer.width !== undefined)
          set(flag, "transform", `translate(${Math.round(place.x)}px, ${Math.round(place.y)}px)`)
        }
        for (const range of this.#ranges.splice(0)) range.remove()
        this.#ranges = ranges.map(range => range.draw())
        this.layer.prepend(...this.#ranges)
        if (unmeasured) this.#soon()
      }
    },
  )
  return [plugin, look]
}

/** @returns {Peer} */
function makePeer() {
  return {
    element: document.createElement("span"),
    flag: document.createElement("span"),
    name: "",
    seat: "",
    said: "",
    movedAt: 0,
  }
}

/** @param {Peer} peer @param {string} name @param {string} seat a class */
function wear(peer, name, seat) {
  if (peer.name === name && peer.seat === seat) return
  Object.assign(peer, { name, seat, width: undefined })
  peer.element.className = `caret ${seat}`
  peer.flag.className = `caret-name ${seat}`
  peer.flag.textContent = name
  peer.flag.dataset.initial = initial(name)
}

/** Writing what stands there already would still cost a style. @param {HTMLElement} element @param {string} property @param {string} value */
function set(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) element.style.setProperty(property, value)
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
