/**
 * Ready-made lessons to start from. What is arithmetic stands here, what is said stands in the catalogue under `preset.<name>.…`,
 * so that a language brings its own texts.
 */

/** @typedef {{ name: string, grouping: string, minutes: number, rooms: number, named?: boolean }} Preset `named`: rooms have names and topics */

/** @type {Preset[]} */
export const PRESETS = [
  { name: "jigsaw", grouping: "jigsaw", minutes: 20, rooms: 4, named: true },
  { name: "pair", grouping: "random", minutes: 10, rooms: 12 },
  { name: "summary", grouping: "random", minutes: 15, rooms: 6 },
  { name: "debate", grouping: "random", minutes: 20, rooms: 4, named: true },
  { name: "lab", grouping: "self", minutes: 30, rooms: 6 },
]

/**
 * What a preset puts into the form, by field.
 * @param {Preset} preset
 * @param {(key: string) => string} t
 * @returns {Record<string, string>}
 */
export function fieldsOf({ name, grouping, minutes, rooms, named }, t) {
  /** @param {string} part */
  const text = (part) => {
    const key = `preset.${name}.${part}`
    const found = t(key)
    return found === key ? "" : found
  }
  return {
    title: text("title"), task: text("task"), criteria: text("criteria"), starters: text("starters"), template: text("template"),
    grouping, minutes: String(minutes), rooms_by: named ? "names" : "count", room_count: String(rooms), rooms: text("rooms"),
  }
}
