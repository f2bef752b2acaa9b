/**
 * Who wrote what: the runs of the text by author, and their look. An author is found through the Yjs client id of each character,
 * by the map that the server keeps; the page never guesses from names. Only what is on screen is marked.
 */
import { StateEffect } from "@codemirror/state"
import { Decoration, ViewPlugin } from "@codemirror/view"
import { seatClass } from "../shared/seats.js"

/** @typedef {{name: string, seat?: number}} Author */
/** @typedef {((client: number) => Author | undefined) | null} AuthorOf */

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

/** @type {import("@codemirror/state").StateEffectType<AuthorOf>} */
const setAuthorOf = StateEffect.define()

/** @param {import("yjs").Text} text */
export function authorMarks(text) {
  return ViewPlugin.fromClass(
    class {
      marks = Decoration.none
      /** @type {AuthorOf} */ #authorOf = null

      /** @param {import("@codemirror/view").ViewUpdate} update */
      update(update) {
        let asked = false
        for (const transaction of update.transactions)
          for (const effect of transaction.effects)
            if (effect.is(setAuthorOf)) {
              asked = true
              this.#authorOf = effect.value
            }
        if (!this.#authorOf) this.marks = Decoration.none
        // In the middle of a change editor and text may differ: the marks go along, and are drawn anew when it has settled.
        else if (update.docChanged) this.marks = this.marks.map(update.changes)
        else if (asked || update.viewportChanged) this.#draw(update.view)
      }

      /** @param {import("@codemirror/view").EditorView} view */
      #draw(view) {
        if (text.length !== view.state.doc.length) return
        const { from: first, to: last } = view.viewport
        const found = []
        for (const { client, from, to } of runsOf(text)) {
          if (to <= first || from >= last) continue
          const author = this.#authorOf?.(client)
          found.push(
            Decoration.mark({
              class: `whose ${seatClass(author?.seat)}`,
              attributes: author ? { title: author.name } : {},
            }).range(Math.max(first, from), Math.min(last, to)),
          )
        }
        this.marks = Decoration.set(found)
      }
    },
    { decorations: plugin => plugin.marks },
  )
}

/**
 * Show who wrote what as it is now, or with null stop showing it.
 * @param {import("@codemirror/view").EditorView} view
 * @param {AuthorOf} authorOf
 */
export function showAuthors(view, authorOf) {
  view.dispatch({ effects: setAuthorOf.of(authorOf) })
}
