/**
 * Words from the catalogue. Pages import `t` and `boot` from `./boot.js`; this module knows no DOM.
 *
 * `t("key", {name})` fills `{name}`. With a number `count` what stands for just that number, `key.0`, is looked up first, then the plural
 * form of the language: `key.one`, `key.two`, `key.few`, `key.many`, `key.other`, then plain `key`. A missing key shows itself.
 */

/** @typedef {(key: string, vars?: Record<string, string | number>) => string} Translate */

/**
 * Make a translator for a flat catalogue `{"key": "Text with {name}"}`.
 * @param {Record<string, string>} catalogue
 * @param {string} language a BCP 47 tag
 * @returns {Translate}
 */
export function translator(catalogue, language) {
  const plurals = new Intl.PluralRules(language)
  /** The first NumberFormat of a page costs a slow laptop 80 ms, and writes English numbers as they are. @type {Intl.NumberFormat | undefined} */
  let numbers
  const format = (/** @type {number} */ value) =>
    language.startsWith("en") ? String(value) : (numbers ??= new Intl.NumberFormat(language, { useGrouping: false })).format(value)
  return (key, vars = {}) => {
    const { count } = vars
    const plural =
      typeof count === "number"
        ? (catalogue[`${key}.${count}`] ?? catalogue[`${key}.${plurals.select(count)}`] ?? catalogue[`${key}.other`])
        : undefined
    const text = plural ?? catalogue[key] ?? key
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = vars[name]
      return value === undefined ? whole : typeof value === "number" ? format(value) : value
    })
  }
}
