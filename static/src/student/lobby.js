/** Before the room: you are in, this many are here, and where you will sit, or a choice of rooms. */
import { repeat } from "lit/directives/repeat.js"
import { html, nothing, svg } from "lit/html.js"
import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { avatar } from "../shared/seats.js"
import { leaveButton, teacherMessages } from "./common.js"
import { atTable, choicesOf } from "./model.js"

/**
 * A class comes in while this page is read, so nothing here that can be pressed moves or becomes something else by what
 * others do: a word that changes has its place kept (`steady`), and what grows stands below the tables.
 * @param {import("../student.js").Page} page
 */
export function lobby(page) {
  const { lesson, me, room } = page.state
  const count = page.state.lobby?.count ?? 0
  const choices = choicesOf(page.state)
  const choosing = choices.length > 0
  const seatedAt = (/** @type {{name: string}} */ { name }) => t("lobby.seated", { room: name })
  return html` <header class="bar">
      <p class="bar-title">${lesson.title}</p>
      ${leaveButton(page)}
    </header>
    <main id="main" class="page lobby stack" tabindex="-1">
      <section class="card roomy stack center ${choosing ? "choosing" : ""}">
        ${gathering(count)}
        <h1 id="heading" tabindex="-1">${t("lobby.in", { name: me.name })}</h1>
        <p class="lead">${choosing ? steady(choices.findIndex(choice => choice.mine) + 1, [t("lobby.choose"), ...choices.map(seatedAt)]) : room ? seatedAt(room) : lesson.phase === "lobby" ? t("lobby.wait") : t("lobby.wait_room")}</p>
        <p>${steady(page.lesson.connected ? 1 : 0, [
          html`<span class="chip heed">${icon("offline", 18)} ${t("lesson.offline")}</span>`,
          count ? html`<span class="chip">${icon("people", 18)} ${t("lobby.count", { count })}</span>` : nothing,
        ])}</p>
      </section>
      ${
        choosing
          ? html`<section class="stack" aria-labelledby="rooms-title">
              <h2 id="rooms-title">${t("lobby.rooms")}</h2>
              <ul class="plain-list room-choice">
                ${repeat(
                  choices,
                  choice => choice.room,
                  choice => roomChoice(page, choice),
                )}
              </ul>
            </section>`
          : nothing
      }
      ${
        room
          ? html`<section class="card stack" aria-labelledby="seated-title">
              <h2 id="seated-title">${t("table")}</h2>
              <ul class="plain-list row">
                ${atTable(page.state).map(person => html`<li class="who">${avatar(person)} ${person.mine ? t("you_named", { name: person.name }) : person.name}</li>`)}
              </ul>
            </section>`
          : nothing
      }
      ${
        lesson.task
          ? html`<section class="card stack" aria-labelledby="task-title">
              <h2 id="task-title">${t("lobby.task")}</h2>
              <p class="prose" dir="auto">${lesson.task}</p>
            </section>`
          : nothing
      }
    </main>
    <div class="lobby-messages">${teacherMessages(page)}</div>`
}

/**
 * One button for as long as the table stands, whether it is free, one's own or full: it keeps the focus.
 * @param {import("../student.js").Page} page
 * @param {import("./model.js").Choice} choice
 */
function roomChoice(page, { room, name, topic, size, open, mine }) {
  const shown = mine ? 1 : open ? 0 : 2
  const words = [t("lobby.sit"), t("lobby.mine"), t("lobby.full")]
  return html`<li class="card room-card ${mine ? "mine" : ""}">
    <div class="grow">
      <h3>${name}</h3>
      ${topic ? html`<p class="soft small">${topic}</p>` : nothing}
    </div>
    <button
      class="btn ${shown === 0 ? "main" : ""}"
      aria-label=${`${words[shown]}: ${name}`}
      aria-current=${mine ? "true" : nothing}
      aria-disabled=${shown === 2 ? "true" : nothing}
      @click=${() => mine || page.ask({ type: "choose", room }) /* the server says why a full one is full */}
    >
      ${steady(shown, [words[0], html`${icon("check", 16)} ${words[1]}`, words[2]])}
    </button>
    <p class="soft small room-size">${steady(size ? 1 : 0, [t("lobby.size_none"), t("lobby.size", { count: size })])}</p>
  </li>`
}

/**
 * One of several words, in a place large enough for each of them: nothing around it moves when the word changes.
 * @param {number} shown
 * @param {unknown[]} words
 */
function steady(shown, words) {
  return html`<span class="steady">${words.map((word, at) => html`<span class=${at === shown ? "" : "unseen"}>${word}</span>`)}</span>`
}

/** The table filling up, from above: a round seat for each who has come, up to what a drawing can hold. @param {number} count */
function gathering(count) {
  const seats = Math.max(6, Math.min(24, count))
  return html`<svg class="gathering" viewBox="0 0 160 160" width="160" height="160" aria-hidden="true">
    <circle class="table-top" cx="80" cy="80" r="46"></circle>
    ${Array.from({ length: seats }, (_, index) => {
      const angle = (2 * Math.PI * index) / seats - Math.PI / 2
      const x = (80 + 65 * Math.cos(angle)).toFixed(1)
      const y = (80 + 65 * Math.sin(angle)).toFixed(1)
      return svgSeat(x, y, index < count ? `taken seat-${(index % 8) + 1}` : "", seats > 14 ? 5.5 : 8)
    })}
    ${svgCount(count)}
  </svg>`
}

/** @param {string} x @param {string} y @param {string} look @param {number} r */
const svgSeat = (x, y, look, r) => svg`<circle class="seat ${look}" cx=${x} cy=${y} r=${r}></circle>`
/** @param {number} count */
const svgCount = count => svg`<text x="80" y="91" text-anchor="middle">${count || ""}</text>`
