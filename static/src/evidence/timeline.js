/**
 * The lesson's time as lanes: one for each member, a bar for each turn, and the moments that carry a label. Pressing or dragging seeks.
 * The lane carries its name, so that the colour is only help. Time runs from left to right in every language, as on a player.
 */
import uPlot from "uplot"

import { formatClock } from "../shared/clock.js"
import { seatClass } from "../shared/seats.js"
import { SHAPES } from "./labels.js"

/** @typedef {import("./model.js").PersonView} PersonView */
/** @typedef {import("./model.js").Moment} Moment */
/** @typedef {{ from: number, to: number, slotMs: number, people: PersonView[], moments: Moment[], chosen: string | null }} Picture */

const LANE = 24
const AXIS = 26
const MINUTE = 60_000
const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * MINUTE)
const FONT = '13px system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif'

export class Timeline {
  #host
  #seek
  /** @type {uPlot | undefined} */ #plot
  /** @type {Picture | undefined} */ #picture
  #head = document.createElement("div")
  /** @type {number | null} */ #at = null
  #width = 0
  #resized = new ResizeObserver(() => {
    if (this.#host.clientWidth !== this.#width) this.#draw()
  })
  #theme = matchMedia("(prefers-color-scheme: dark)")
  #redraw = () => this.#draw()

  /** @param {HTMLElement} host @param {(at: number) => void} seek gets ms since the lesson began */
  constructor(host, seek) {
    this.#host = host
    this.#seek = seek
    this.#head.className = "playhead"
    this.#resized.observe(host)
    this.#theme.addEventListener("change", this.#redraw)
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture
    this.#draw()
  }

  /** Stand at a time, in ms since the lesson began, or at the end. @param {number | null} at */
  moveTo(at) {
    this.#at = at
    const x = this.#plot?.valToPos(at ?? this.#picture?.to ?? 0, "x")
    if (x !== undefined) this.#head.style.setProperty("transform", `translateX(${x}px)`)
  }

  close() {
    this.#resized.disconnect()
    this.#theme.removeEventListener("change", this.#redraw)
    this.#plot?.destroy()
  }

  #draw() {
    const picture = this.#picture
    this.#width = this.#host.clientWidth
    if (!picture || this.#width === 0) return
    this.#plot?.destroy()
    const { from, to, people, chosen } = picture
    const names = people.map(({ name }) => shortened(name, this.#width < 480 ? 6 : 14))
    const { ink, line, seats } = this.#colours(people)
    this.#plot = new uPlot({
      width: this.#width,
      height: people.length * LANE + AXIS,
      padding: [4, 10, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
      scales: { x: { time: false, range: [from, to] }, y: { range: [0, people.length] } },
      axes: [
        { size: AXIS, gap: 2, stroke: ink, font: FONT, space: 60, incrs: STEPS, grid: { show: false }, ticks: { stroke: line, size: 5, width: 1 },
          splits: (_, __, least, most, step) => Array.from({ length: Math.floor((most - from) / step) + 1 }, (_, i) => from + i * step).filter((at) => at >= least),
          values: (_, times) => times.map((at) => formatClock((at - from) / 1000)) },
        { size: 16 + 7.5 * Math.max(3, ...names.map((name) => name.length)), gap: 6, stroke: ink, font: FONT, grid: { show: false }, ticks: { show: false },
          splits: () => people.map((_, i) => people.length - i - 0.5), values: () => names },
      ],
      series: [{}, ...people.map((person, i) => ({
        stroke: seats[i], fill: seats[i], alpha: chosen && chosen !== person.id ? 0.35 : 1, points: { show: false },
        paths: (/** @type {uPlot} */ plot) => this.#lane(plot, i),
      }))],
      hooks: { ready: [() => this.moveTo(this.#at)], drawClear: [(plot) => this.#floors(plot, line)], draw: [(plot) => this.#marks(plot, ink)] },
    }, [[from, to], ...people.map((_, i) => [i, i])], this.#host)
    this.#listen(this.#plot.over)
    this.#plot.over.append(this.#head)
  }

  /** Canvas knows no custom properties: an element of the seat's class tells its colour. @param {PersonView[]} people */
  #colours(people) {
    const probe = this.#host.appendChild(document.createElement("i"))
    /** @param {string} name */
    const colour = (name) => {
      probe.className = name
      return getComputedStyle(probe).color
    }
    const found = { ink: colour("ink-soft"), line: colour("ink-line"), seats: people.map(({ seat }) => colour(`ink-seat ${seatClass(seat)}`)) }
    probe.remove()
    return found
  }

  /** The top and height of a lane's bars, in pixels of the canvas. @param {uPlot} plot @param {number} i */
  #row(plot, i) {
    const lanes = this.#picture?.people.length ?? 1
    const top = plot.valToPos(lanes - i - 0.15, "y", true)
    return { top, height: plot.valToPos(lanes - i - 0.85, "y", true) - top }
  }

  /** @param {uPlot} plot @param {number} i */
  #lane(plot, i) {
    const { people, slotMs } = /** @type {Picture} */ (this.#picture)
    const { top, height } = this.#row(plot, i)
    const fill = new Path2D()
    for (const slot of people[i].slots) {
      const x = plot.valToPos(slot * slotMs, "x", true)
      fill.rect(x, top, Math.max(2, plot.valToPos((slot + 1) * slotMs, "x", true) - x), height)
    }
    return { stroke: null, fill, flags: 1 }
  }

  /** @param {uPlot} plot @param {string} colour */
  #floors(plot, colour) {
    const { ctx, bbox } = plot
    ctx.save()
    ctx.fillStyle = colour
    this.#picture?.people.forEach((_, i) => {
      const { top, height } = this.#row(plot, i)
      ctx.fillRect(bbox.left, Math.round(top + height), bbox.width, 1)
    })
    ctx.restore()
  }

  /** @param {uPlot} plot @param {string} colour */
  #marks(plot, colour) {
    const { people, moments } = /** @type {Picture} */ (this.#picture)
    const { ctx } = plot
    const scale = devicePixelRatio
    for (const { at, kind, participant } of moments) {
      const i = people.findIndex(({ id }) => id === participant)
      if (i < 0) continue
      const { top, height } = this.#row(plot, i)
      ctx.save()
      ctx.translate(plot.valToPos(at, "x", true) - 5 * scale, top + height / 2 - 5 * scale)
      ctx.scale(scale, scale)
      const path = new Path2D(SHAPES[kind])
      ctx.lineWidth = 2.5
      ctx.strokeStyle = getComputedStyle(this.#host).backgroundColor
      ctx.stroke(path)
      ctx.fillStyle = colour
      ctx.fill(path)
      ctx.restore()
    }
  }

  /** @param {HTMLElement} over */
  #listen(over) {
    /** @param {PointerEvent} event */
    const seek = (event) => {
      const { from, to } = /** @type {Picture} */ (this.#picture)
      const at = this.#plot?.posToVal(event.clientX - over.getBoundingClientRect().left, "x") ?? to
      this.#seek(Math.max(from, Math.min(to, at)))
    }
    over.addEventListener("pointerdown", (event) => {
      over.setPointerCapture(event.pointerId)
      seek(event)
    })
    over.addEventListener("pointermove", (event) => {
      if (over.hasPointerCapture(event.pointerId)) seek(event)
    })
  }
}

/** @param {string} name @param {number} most */
function shortened(name, most) {
  const letters = [...name]
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : name
}
