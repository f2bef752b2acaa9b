/**
 * The receipts of one room (P17): the text by author with its labels, everyone's turns over the lesson, who built on whom, and how the
 * text grew, to be played and scrubbed. Stands in the report and, on the desk, in a dialog; loaded on demand.
 */
import { html, nothing, render } from "lit/html.js"
import { createRef, ref } from "lit/directives/ref.js"

import { fetchHere, t } from "../shared/boot.js"
import { formatClock } from "../shared/clock.js"
import { Replay } from "../shared/replay-model.js"
import { avatar, seatClass } from "../shared/seats.js"
import { shape } from "./labels.js"
import { momentsOf, peopleOf, runsOf, spanOf, speedOf, withFresh } from "./model.js"
import { Timeline } from "./timeline.js"

/** @typedef {import("./model.js").EvidenceAnswer} EvidenceAnswer */
/** @typedef {import("./model.js").PersonView} PersonView */
/** @typedef {import("./model.js").Run} Run */
/** @typedef {{ started_at: number, ended_at: number, steps: import("../shared/replay-model.js").Step[] }} ReplayAnswer */

const STEP_MS = 10_000
/** A picture of the text so often while it plays: more than the eye follows. */
const PICTURE_MS = 80
/** With reduced motion the text changes once a second. */
const STILL_MS = 1000

export class EvidencePanel {
  #host
  #room
  /** @type {EvidenceAnswer | undefined} */ #evidence
  #replay = new Replay([])
  /** @type {PersonView[]} */ #people = []
  /** @type {import("./model.js").Moment[]} */ #moments = []
  #span = { from: 0, to: STEP_MS }
  /** In ms since the lesson began; null is the text as it stands. @type {number | null} */ #at = null
  /** @type {string | null} */ #chosen
  #playing = 0
  #failed = false
  #closed = false
  /** @type {Timeline | undefined} */ #timeline
  #text = createRef()
  #still = matchMedia("(prefers-reduced-motion: reduce)")

  /**
   * @param {HTMLElement} host
   * @param {string} room its address, `/api/lessons/…/rooms/…`
   * @param {string} [person] whose words to begin with
   */
  constructor(host, room, person) {
    this.#host = host
    this.#room = room
    this.#chosen = person ?? null
    this.#show()
    void this.refresh()
  }

  /** Ask again: the lesson has gone on. While someone looks at an earlier time nothing is moved under their eyes. */
  async refresh() {
    if (this.#at !== null) return
    try {
      const [evidence, replay] = await Promise.all([this.#get("evidence"), this.#get("replay")])
      if (this.#closed || this.#at !== null) return
      this.#take(/** @type {EvidenceAnswer} */ (evidence), /** @type {ReplayAnswer} */ (replay))
    } catch {
      this.#failed = !this.#evidence
    }
    this.#show()
    this.#picture()
  }

  close() {
    this.#closed = true
    cancelAnimationFrame(this.#playing)
    this.#timeline?.close()
    render(nothing, this.#host)
  }

  /** @param {"evidence" | "replay"} what @returns {Promise<unknown>} */
  async #get(what) {
    const answer = await fetchHere(`${this.#room}/${what}`)
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`)
    return answer.json()
  }

  /** @param {EvidenceAnswer} evidence @param {ReplayAnswer} replay */
  #take(evidence, replay) {
    this.#failed = false
    this.#evidence = evidence
    this.#replay = new Replay(replay.steps)
    this.#people = peopleOf(evidence)
    this.#moments = momentsOf(evidence)
    this.#span = spanOf(evidence, this.#replay, replay.ended_at - replay.started_at)
  }

  /** @param {number} at */
  #seek(at) {
    this.#at = at >= this.#span.to ? null : at
    if (this.#at !== null) this.#replay.seek(this.#replay.countAt(this.#at))
    this.#timeline?.moveTo(this.#at)
    this.#show()
    this.#follow()
  }

  #play() {
    if (this.#playing) return this.#pause()
    const { from, to } = this.#span
    let at = this.#at ?? from
    let before = performance.now()
    let shown = 0
    const frame = (/** @type {number} */ now) => {
      at += Math.max(0, now - before) * speedOf(this.#span)
      before = now
      if (at >= to) {
        this.#pause()
        return this.#seek(to)
      }
      this.#playing = requestAnimationFrame(frame)
      if (now - shown < (this.#still.matches ? STILL_MS : PICTURE_MS)) return
      shown = now
      this.#seek(at)
    }
    this.#playing = requestAnimationFrame(frame)
    this.#seek(at)
  }

  #pause() {
    cancelAnimationFrame(this.#playing)
    this.#playing = 0
    this.#show()
  }

  /** Keep what was just written in view, inside the text's own box. */
  #follow() {
    const box = this.#text.value
    const fresh = box?.querySelector(".fresh")
    if (!box || !fresh) return
    const place = fresh.getBoundingClientRect()
    const frame = box.getBoundingClientRect()
    if (place.bottom > frame.bottom) box.scrollTop += place.bottom - frame.bottom + 24
    if (place.top < frame.top) box.scrollTop -= frame.top - place.top + 24
  }

  /** @param {string} participant */
  #choose(participant) {
    this.#chosen = this.#chosen === participant ? null : participant
    this.#show()
    this.#picture()
  }

  #show() {
    if (this.#closed) return
    render(this.#evidence ? this.#whole() : html`<p class="soft" role="status">${t(this.#failed ? "evidence.failed" : "loading")}</p>`, this.#host)
  }

  #whole() {
    const turns = this.#people.some((person) => person.slots.length > 0)
    return html`${this.#replay.length > 0 ? this.#player(turns) : nothing}
      <div class="evidence-body ${this.#people.length > 0 ? "" : "alone"}">
        ${this.#words()}
        ${this.#people.length > 0 ? html`<ul class="plain-list evidence-people" aria-label=${t("evidence.people")}>${this.#people.map((person) => this.#person(person))}</ul>` : nothing}
      </div>
      ${this.#moments.length > 0 ? this.#labelled() : nothing}
      ${turns ? html`<p class="soft small">${t("evidence.note")}</p>` : nothing}`
  }

  /** @param {boolean} turns */
  #player(turns) {
    const { from, to } = this.#span
    const at = this.#at ?? to
    const now = formatClock((at - from) / 1000)
    const all = formatClock((to - from) / 1000)
    return html`<section class="player" aria-label=${t("replay")} dir="ltr">
      ${turns ? html`<div class="lanes" role="img" aria-label=${this.#lanesInWords()} ${ref(this.#draw)}></div>` : nothing}
      <div class="player-row"><button class="btn play" @click=${() => this.#play()}>
          <svg viewBox="0 0 12 12" width="12" height="12" fill="currentColor" aria-hidden="true"><path d=${this.#playing ? "M2 1h3v10H2zM7 1h3v10H7z" : "M2 .5 11 6 2 11.5Z"} /></svg>
          <bdi>${t(this.#playing ? "replay.pause" : "replay.play")}</bdi></button>
        <input type="range" aria-label=${t("replay.time")} min=${from} max=${from + Math.ceil((to - from) / STEP_MS) * STEP_MS} step=${STEP_MS} .value=${String(Math.ceil(at / STEP_MS) * STEP_MS)}
          aria-valuetext=${this.#at === null ? t("replay.end") : t("replay.at", { time: now, all })}
          @input=${(/** @type {Event} */ event) => this.#slid(/** @type {HTMLInputElement} */ (event.currentTarget))} />
        <span class="player-time" aria-hidden="true">${now} / ${all}</span></div></section>`
  }

  /** @param {HTMLInputElement} slider */
  #slid(slider) {
    if (this.#playing) this.#pause()
    this.#seek(Number(slider.value))
  }

  /** The same function at every drawing, so that lit calls it only when the element comes and goes. @param {Element | undefined} element */
  #draw = (element) => {
    this.#timeline?.close()
    this.#timeline = element instanceof HTMLElement ? new Timeline(element, (at) => this.#seek(at)) : undefined
    this.#picture()
  }

  #picture() {
    if (!this.#timeline || !this.#evidence) return
    this.#timeline.show({ ...this.#span, slotMs: this.#evidence.slot_seconds * 1000, people: this.#people, moments: this.#moments, chosen: this.#chosen })
  }

  #lanesInWords() {
    const words = this.#people.map((person) => `${person.name}: ${person.slots.length > 0 ? t("evidence.turns", { count: person.slots.length }) : t("evidence.no_turns")}`)
    return t("evidence.lanes", { people: new Intl.ListFormat(document.documentElement.lang).format(words) })
  }

  #words() {
    const runs = this.#at === null || !this.#evidence ? runsOf(/** @type {EvidenceAnswer} */ (this.#evidence)) : withFresh(this.#replay.passage, this.#replay.fresh)
    return html`<div class="evidence-text" tabindex="0" role="region" aria-label=${t(this.#at === null ? "evidence.text_now" : "evidence.text_then")} ${ref(this.#text)}>
      ${runs.length > 0 ? html`<div dir="auto">${runs.map((run) => this.#run(run))}</div>` : html`<p class="soft">${t("evidence.blank")}</p>`}</div>`
  }

  /** @param {Run} run */
  #run({ author, text, kind, fresh }) {
    const person = this.#people.find(({ id }) => id === author)
    const look = `${person ? `whose ${seatClass(person.seat)}` : ""} ${fresh ? "fresh" : ""} ${this.#chosen ? (author === this.#chosen ? "chosen" : "rest") : ""}`
    const name = person?.name ?? (author === "teacher" ? t("teacher") : author === "system" ? t("evidence.given") : "")
    const words = html`<span class=${look} title=${name || nothing}>${name ? html`<span class="visually-hidden">${name}: </span>` : nothing}${text}</span>`
    return kind ? html`<span class="label-tag">${shape(kind)}${t(`label.${kind}`)}</span>${words}` : words
  }

  /** @param {PersonView} person */
  #person(person) {
    const { id, name, seat, slots, standing, present, builtOn, role, answer, measured } = person
    const list = new Intl.ListFormat(document.documentElement.lang)
    const own = this.#moments.filter((moment) => moment.participant === id).map((moment) => moment.kind)
    const figures = [
      slots.length > 0 ? t("evidence.worked", { time: formatClock(slots.length * (this.#evidence?.slot_seconds ?? 10)), turns: t("evidence.turns", { count: slots.length }) }) : t("evidence.no_turns"),
      t("evidence.standing", { count: standing }), t("evidence.minutes", { count: Math.round(present / 60) }),
    ]
    return html`<li class=${this.#chosen === id ? "is-chosen" : ""}>
      <button class="person-words" aria-pressed=${this.#chosen === id ? "true" : "false"} title=${t("evidence.choose", { name })} @click=${() => this.#choose(id)}>
        ${avatar({ name, seat })}<bdi class="whose ${seatClass(seat)}">${name}</bdi></button>
      ${role ? html`<span class="soft small">${t(`role.${role}`)}</span>` : nothing}
      ${measured ? nothing : html`<p class="small"><strong>${t("evidence.unmeasured")}</strong></p>`}
      <p class="small">${figures.join(" · ")}</p>
      ${builtOn.length > 0 ? html`<p class="small">${t("evidence.built_on", { whom: list.format(builtOn.map((other) => t("evidence.built_on.one", { name: other.name, turns: t("evidence.turns", { count: other.turns }) }))) })}</p>` : nothing}
      ${own.length > 0 ? html`<p class="row">${[...new Set(own)].map((kind) => html`<span class="label-tag">${shape(kind)}${t(`label.${kind}`)} × ${own.filter((other) => other === kind).length}</span>`)}</p>` : nothing}
      ${answer ? html`<p class="answer"><span class="small soft">${t("evidence.answer", { name })}</span> <q dir="auto">${answer}</q></p>` : nothing}</li>`
  }

  #labelled() {
    const kinds = [...new Set(this.#moments.map((moment) => moment.kind))]
    return html`<details class="labelled"><summary>${t("labels.title", { count: this.#moments.length })}</summary>
      <ul class="plain-list small soft">${kinds.map((kind) => html`<li>${shape(kind)} ${t(`label.${kind}.means`)}</li>`)}</ul>
      <ol class="plain-list moments">${this.#moments.map((moment) => html`<li>
        <button class="btn quiet" @click=${() => this.#seek(moment.at)}>${formatClock((moment.at - this.#span.from) / 1000)}<span class="visually-hidden"> ${t("labels.show")}</span></button>
        <span><bdi class="whose ${seatClass(moment.seat)}">${moment.name}</bdi> <span class="label-tag">${shape(moment.kind)}${t(`label.${moment.kind}`)}</span>
          <span class="soft small">${t("characters", { count: moment.length })}</span><br />${moment.text ? html`<q dir="auto">${moment.text}</q>` : html`<span class="soft small">${t("labels.gone")}</span>`}</span></li>`)}</ol></details>`
  }
}
