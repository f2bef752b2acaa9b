/**
 * The editor comes on demand, and a network that fails just then is asked again: without it a text would stay empty until the page is reloaded.
 */
const AGAIN_MS = 1000

/** @returns {Promise<typeof import("../editor/index.js")>} */
export async function loadEditor() {
  try {
    return await import("../editor/index.js")
  } catch {
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
    return loadEditor()
  }
}
