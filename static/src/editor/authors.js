/**
 * Who wrote what: the runs of the text by author, and their look. An author is found through the Yjs client id of each character,
 * by the map that the server keeps; the page never guesses from names.
 */
import { StateEffect, StateField } from "@codemirror/state"
import { Decoration, EditorView } from "@codemirror/view"
import { seatClass } from "../shared/seats.js"

/** @typedef {{name: string, seat?: number}} Author */

/**
 * The standing text as runs of one client id each, in order; `from` and `to` count UTF-16 units, as the editor does.
 * @param {import("yjs").Text} text
 * @returns {{client: number, from: number, to: number}[]}
 */
export function runsOf(text) {
  const runs = []
  let at = 0
  /** @type {{client: number, from: number, to: number} | undefined} */
  let last
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !item.countable) continue
    const { client } = item.id
    if (last?.client === client) last.to += item.length
    else runs.push((last = { client, from: at, to: at + item.length }))
    at += item.length
  }
  return runs
}

/** @type {import("@codemirror/state").StateEffectType<import("@codemirror/view").DecorationSet>} */
const setMarks = StateEffect.define()

const marks = StateField.define({
  create: () => Decoration.none,
  update(set, transaction) {
    for (const effect of transaction.effects) if (effect.is(setMarks)) return effect.value
    return set.map(transaction.changes)
  },
  provide: field => EditorView.decorations.from(field),
})

export const authorMarks = marks

/**
 * Show who wrote what, or with `authorOf` null stop showing it.
 * @param {EditorView} view
 * @param {import("yjs").Text} text
 * @param {((client: number) => Author | undefined) | null} authorOf
 */
export function showAuthors(view, text, authorOf) {
  if (!authorOf) {
    view.dispatch({ effects: setMarks.of(Decoration.none) })
    return
  }
  const length = view.state.doc.length
  const found = runsOf(text)
    .filter(({ to }) => to <= length)
    .map(({ client, from, to }) => {
      const author = authorOf(client)
      return Decoration.mark({
        class: `whose ${seatClass(author?.seat)}`,
        attributes: author ? { title: author.name } : {},
      }).range(from, to)
    })
  view.dispatch({ effects: setMarks.of(Decoration.set(found)) })
}
