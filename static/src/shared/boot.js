/**
 * What the server gave this page: the JSON in `<script type="application/json" id="boot">`, read once.
 *
 * `boot` is that object; `t(key, vars)` speaks from `boot.messages` in the language of the page; `socketUrl(path)` is the
 * ws(s) address of a path on this host. What the server refuses it says in the language of the page, too, when it is asked with
 * `fetchHere` or over `lessonSocketUrl`.
 */
import { translator } from "./messages.js"

/** @type {Record<string, any>} */
export const boot = JSON.parse(document.getElementById("boot")?.textContent || "{}")

const language = document.documentElement.lang || "en"

export const t = translator(boot.messages ?? {}, language)

/**
 * `fetch` in the language of the page, which need not be the browser's.
 * @param {string} path
 * @param {RequestInit & {headers?: Record<string, string>}} [options]
 */
export function fetchHere(path, options) {
  return fetch(path, { ...options, headers: { "Accept-Language": language, ...options?.headers } })
}

/** @param {string} path beginning with a slash */
export function socketUrl(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`
}

/** The address for a `LessonSocket`. @param {"teacher" | "participant" | "projector"} role */
export function lessonSocketUrl(role) {
  const person = role === "participant" ? `&participant=${boot.participant}` : ""
  return socketUrl(`/ws/lessons/${boot.lesson}?role=${role}${person}&lang=${language}`)
}
