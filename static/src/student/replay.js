/** How the group's own text grew, without names, once the lesson is over: to be played, or looked through by hand. */
import { html, nothing } from "lit/html.js"
import { boot, fetchHere, t } from "../shared/boot.js"
import { formatClock } from "../shared/clock.js"
import { icon } from "../shared/icons.js"
import { Replay } from "../shared/replay-model.js"
import { linesOf } from "./replay-lines.js"

/** The whole lesson passes in this time at most, and never slower than so many times its own pace. */
const LONGEST_MS = 40_000
const SLOWEST = 4
/** A pause of more than this part of the whole is cut short. */
const LONG_PAUSE = 1 / 20
/** So many places to stop at, for the slider. */
const STOPS = 200
/** With reduced motion the text changes this often instead of flowing. */
const STILL_MS = 1500
/** The balance of the group as a whole, in words (P20); of others there is nothing to say. */
const WORDS = ["shared", "leaning", "one voice"]

export class ReplayPlayer {
  /** @type {"offered" | "loading" | "ready" | "failed"} */ #stage = "offered"
  #replay = new Replay([])
  /** @type {string | undefined} */ #word
  /** ms since the lesson began */
  #at = 0
  #playing = false
  #changed
  #still = matchMedia("(prefers-reduced-motion: reduce)")

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed
  }

  /** @param {string} room */
  view(room) {
    return html`<section class="card stack replay" aria-labelledby="replay-title">
      <h2 id="replay-title">${t("replay")}</h2>
      ${this.#stage === "ready" ? this.#player() : this.#offer(room)}
    </section>`
  }

  /** @param {string} room */
  #offer(room) {
    return html`<p>${t(this.#stage === "failed" ? "replay.failed" : "replay.text")}</p>
      <p>
        <button class="btn main" ?disabled=${this.#stage === "loading"} @click=${() => this.#load(room)}>
          ${icon("play")} ${t("replay.watch")}
        </button>
      </p>`
  }

  #player() {
    const replay = this.#replay
    if (!replay.length) return html`<p>${t("replay.empty")}</p>`
    const span = replay.end - replay.start
    const time = t("replay.at", { time: formatClock((this.#at - replay.start) / 1000), all: formatClock(span / 1000) })
    return html`${this.#word ? html`<p>${t(`replay.${this.#word}`)}</p>` : nothing}
      <div class="replay-text reading" tabindex="0" role="region" aria-label=${t("replay.region")}>
        ${linesOf(replay.text, replay.fresh).map(
          ({ kind, parts }) =>
            html`<p class="replay-${kind}" dir="auto">${parts.map(part => (part.fresh ? html`<mark>${part.text}</mark>` : part.text))}</p>`,
        )}
      </div>
      <div class="replay-controls">
        <button class="btn main" @click=${() => (this.#playing ? this.#pause() : this.#play())}>
          ${icon(this.#playing ? "pause" : "play")} ${t(this.#playing ? "replay.pause" : "replay.play")}
        </button>
        <input
          type="range"
          min="0"
          max=${STOPS}
          aria-label=${t("replay.slider")}
          aria-valuetext=${time}
          .value=${String(Math.round(span ? ((this.#at - replay.start) / span) * STOPS : STOPS))}
          @input=${this.#slide}
        />
        <span class="small soft replay-time" aria-hidden="true">${time}</span>
      </div>`
  }

  /** @param {string} room */
  async #load(room) {
    this.#stage = "loading"
    this.#changed()
    try {
      const response = await fetchHere(`/api/lessons/${boot.lesson}/rooms/${room}/replay`)
      if (!response.ok) throw new Error(String(response.status))
      const answer = await response.json()
      this.#replay = new Replay(answer.steps)
      this.#word = WORDS.includes(answer.balance?.word) ? answer.balance.word.replace(" ", "_") : undefined
      this.#stage = "ready"
      if (this.#still.matches) this.#seek(this.#replay.end)
      else this.#play()
    } catch {
      this.#stage = "failed"
    }
    this.#changed()
  }

  #play() {
    if (this.#at >= this.#replay.end || this.#at < this.#replay.start) this.#seek(this.#replay.start)
    this.#playing = true
    this.#run(performance.now())
    this.#changed()
  }

  #pause() {
    this.#playing = false
    this.#changed()
  }

  /** @param {number} before */
  #run(before) {
    const next = () => {
      if (!this.#playing) return
      const now = performance.now()
      const { start, end, count } = this.#replay
      const span = end - start
      let at = this.#at + (now - before) * Math.max(SLOWEST, span / LONGEST_MS)
      const coming = this.#replay.timeOf(count)
      if (coming !== undefined) at = Math.max(at, coming - span * LONG_PAUSE)
      this.#seek(Math.min(end, at))
      this.#show()
      if (at >= end) this.#playing = false
      else this.#run(now)
      this.#changed()
    }
    if (this.#still.matches) setTimeout(next, STILL_MS)
    else requestAnimationFrame(next)
  }

  /** Keep what is being written in sight; the page itself stays where it is. */
  #show() {
    requestAnimationFrame(() => {
      const host = document.querySelector(".replay-text")
      const mark = host?.querySelector("mark")
      if (!host || !mark) return
      const frame = host.getBoundingClientRect()
      const place = mark.getBoundingClientRect()
      if (place.top < frame.top || place.bottom > frame.bottom) host.scrollTop += place.top - frame.top - frame.height / 2
    })
  }

  /** @param {Event} event */
  #slide = event => {
    const { value } = /** @type {HTMLInputElement} */ (event.target)
    const { start, end } = this.#replay
    this.#playing = false
    this.#seek(start + ((end - start) * Number(value)) / STOPS)
    this.#changed()
  }

  /** @param {number} at */
  #seek(at) {
    this.#at = at
    this.#replay.seek(this.#replay.countAt(at))
  }
}
