/**
 * JSON merge patch (RFC 7386), without DOM: `mergePatch(target, patch)` gives the patched value and changes neither argument.
 * What the patch does not touch keeps its identity, so `before.talk === after.talk` tells that nothing was said.
 */

/** @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json */

/** @param {unknown} value @returns {value is {[key: string]: any}} */
const isObject = value => typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Apply a merge patch; a null in the patch removes its key.
 * @param {any} target
 * @param {any} patch
 * @returns {any}
 */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch
  const merged = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    // A key called __proto__ would set the prototype instead of a property: nothing of ours is called that.
    if (key === "__proto__") continue
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(Object.hasOwn(merged, key) ? merged[key] : undefined, value)
  }
  return merged
}
