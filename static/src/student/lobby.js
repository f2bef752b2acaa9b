/** Before the room: you are in, this many are here, and where you will sit, or a choice of rooms. */
import { html, nothing, svg } from "lit/html.js"
import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { avatar } from "../shared/seats.js"
import { leaveButton, teacherMessages } from "./common.js"
import { atTable } from "./model.js"

/** @param {import("../student.js").Page} page */
export function lobby(page) {
  const { lesson, me, room, rooms } = page.state
  const count = page.state.lobby?.count ?? 0
  const choosing = Object.keys(rooms ?? {}).length > 0
  return html` <header class="bar">
      <p class="bar-title">${lesson.title}</p>
      ${page.lesson.connected ? nothing : html`<span class="chip heed">${icon("offline", 16)} ${t("lesson.offline")}</span>`}${leaveButton(page)}
    </header>
    <main id="main" class="page lobby stack" tabindex="-1">
      ${teacherMessages(page)}
      <section class="card roomy stack center">
        ${gathering(count)}
        <h1 id="heading" tabindex="-1">${t("lobby.in", { name: me.name })}</h1>
        ${
          room
            ? html`<p class="lead">${t("lobby.seated", { room: room.name })}</p>
                <ul class="plain-list row around">
                  ${atTable(page.state).map(person => html`<li class="who">${avatar(person)} ${person.mine ? t("you_named", { name: person.name }) : person.name}</li>`)}
                </ul>`
            : html`<p class="lead">
                ${choosing ? t("lobby.choose") : lesson.phase === "lobby" ? t("lobby.wait") : t("lobby.wait_room")}
              </p>`
        }
        ${lesson.phase === "lobby" && count ? html`<p><span class="chip">${icon("people", 18)} ${t("lobby.count", { count })}</span></p>` : nothing}
      </section>
      ${
        choosing
          ? html`<section class="stack" aria-labelledby="rooms-title">
              <h2 id="rooms-title">${t("lobby.rooms")}</h2>
              <ul class="plain-list room-choice">
                ${Object.entries(rooms).map(([id, choice]) => roomChoice(page, id, choice, id === me.room))}
              </ul>
            </section>`
          : nothing
      }
      ${
        lesson.task
          ? html`<section class="card stack" aria-labelledby="task-title">
              <h2 id="task-title">${t("lobby.task")}</h2>
              <p class="prose">${lesson.task}</p>
            </section>`
          : nothing
      }
    </main>`
}

/** @param {import("../student.js").Page} page @param {string} id @param {{name: string, topic?: string, size: number, open: boolean}} choice @param {boolean} mine */
function roomChoice(page, id, choice, mine) {
  return html`<li class="card room-card ${mine ? "mine" : ""}">
    <div class="grow">
      <h3>${choice.name}</h3>
      ${choice.topic ? html`<p class="soft small">${choice.topic}</p>` : nothing}
      <p class="soft small">${choice.size ? t("lobby.size", { count: choice.size }) : t("lobby.size_none")}</p>
    </div>
    ${
      mine
        ? html`<span class="chip">${icon("check", 16)} ${t("lobby.mine")}</span>`
        : choice.open
          ? html`<button
              class="btn main"
              aria-label=${t("lobby.sit_at", { room: choice.name })}
              @click=${() => page.ask({ type: "choose", room: id })}
            >
              ${t("lobby.sit")}
            </button>`
          : html`<span class="chip plain">${t("lobby.full")}</span>`
    }
  </li>`
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
