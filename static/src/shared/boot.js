/**
 * What the server gave this page: the JSON in `<script type="application/json" id="boot">`, read once.
 *
 * `boot` is that object; `t(key, vars)` speaks from `boot.messages` in the language of the page; `socketUrl(path)` is the
 * ws(s) address of a path on this host.
 */
import { translator } from "./messages.js"

/** @type {Record<string, any>} */
export const boot = JSON.parse(document.getElementById("boot")?.textContent || "{}")

export const t = translator(boot.messages ?? {}, document.documentElement.lang || "en")

/** @param {string} path beginning with a slash */
export function socketUrl(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`
}
