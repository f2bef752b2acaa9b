/** Beside the text: who is at the table, what was agreed, how it goes, and the room's talk. */
import { html, nothing } from "lit/html.js"
import { repeat } from "lit/directives/repeat.js"
import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { avatar, seatClass } from "../shared/seats.js"
import { leaveButton } from "./common.js"
import { atTable, inOrder, othersRoles } from "./model.js"
import { countedLink, record } from "./record.js"

/** @typedef {import("../student.js").Page} Page */

/** @param {Page} page */
export function side(page) {
  return html`<div class="side stack">
    ${table(page)} ${agreed(page)} ${talk(page)} ${pulse(page)} ${record(page)}
    <div class="card small aside-foot">
      <details>
        <summary>${t("counted")}</summary>
        <p class="soft">${t(page.state.lesson.participation ? "counted.text" : "counted.text_off")} ${countedLink(page.state)}</p>
      </details>
      ${leaveButton(page)}
    </div>
  </div>`
}

/** @param {Page} page */
function table(page) {
  const writing = page.desk.writing
  const { role } = page.state.me
  return html`<section class="card at-table" aria-labelledby="table-title">
    <h2 id="table-title">${t("table")}</h2>
    ${role ? html`<p class="own-role">${icon("role", 18)}<span>${t(`role.${role}.you`)}</span></p>` : nothing}
    <ul class="plain-list">
      ${repeat(
        atTable(page.state),
        person => person.participant,
        person =>
          html`<li class="who">
            ${avatar(person)}
            <span class="grow"
              ><span class=${page.desk.authorsShown ? `whose ${seatClass(person.seat)}` : ""}
                >${person.mine ? t("you_named", { name: person.name }) : person.name}</span
              >
              <span class="soft small doing"
                >${person.role ? html`<span class="role">${t(`role.${person.role}`)}</span>` : nothing}
                ${!person.here ? t("away") : writing.has(person.participant) && !person.mine ? t("writing") : nothing}</span
              ></span
            >
            ${person.hand ? html`<span class="chip heed" title=${t("table.hand")}>${icon("hand", 16)}<span class="visually-hidden">${t("table.hand")}</span></span>` : nothing}
          </li>`,
      )}
    </ul>
    ${roles(page.state)} ${atTable(page.state).length < 2 ? html`<p class="soft small">${t("table.alone")}</p>` : nothing}
    ${page.desk.authorsShown ? html`<p class="soft small">${t("authors.hint")}</p>` : nothing}
  </section>`
}

/** What the others' roles do, for whoever wants to know. @param {any} state */
function roles(state) {
  const others = othersRoles(state)
  if (!others.length) return nothing
  return html`<details class="small">
    <summary>${t("roles")}</summary>
    <ul class="plain-list roles">
      ${others.map(role => html`<li><b>${t(`role.${role}`)}:</b> ${t(`role.${role}.does`)}</li>`)}
    </ul>
  </details>`
}

/** @param {Page} page */
function agreed(page) {
  const { lesson, room } = page.state
  if (!lesson.criteria?.length) return nothing
  const met = new Set(room.met)
  return html`<section class="card agreed" aria-labelledby="agreed-title">
    <h2 id="agreed-title">${t("agreed")}</h2>
    <ul class="plain-list">
      ${lesson.criteria.map(
        (/** @type {string} */ criterion, /** @type {number} */ index) =>
          html`<li>
            <button
              class="criterion"
              role="checkbox"
              aria-checked=${met.has(index)}
              @click=${() => page.ask({ type: "agreement", criterion: index, met: !met.has(index) })}
            >
              ${icon(met.has(index) ? "boxChecked" : "box")}<span dir="auto">${criterion}</span>
            </button>
          </li>`,
      )}
    </ul>
  </section>`
}

/** @param {Page} page */
function talk(page) {
  const { me } = page.state
  const lines = inOrder(page.state.talk)
  /** @param {SubmitEvent} event */
  const say = async event => {
    event.preventDefault()
    const field = /** @type {HTMLInputElement} */ (
      /** @type {HTMLFormElement} */ (event.currentTarget).elements.namedItem("say")
    )
    const text = field.value.trim()
    if (text && (await page.ask({ type: "chat", text })) && field.value.trim() === text) field.value = ""
  }
  // New lines are announced by the page in words ("Sam says …"), so the list is not a live region of its own.
  return html`<section class="card talk" aria-labelledby="talk-title">
    <h2 id="talk-title">${t("talk")}</h2>
    ${
      lines.length
        ? html`<ul
            class="plain-list lines"
            tabindex="0"
            aria-label=${t("talk.lines")}
            data-last=${lines.at(-1)?.id ?? ""}
          >
            ${repeat(
              lines,
              line => line.id,
              line =>
                html`<li
                  class=${line.author === me.participant ? "mine" : line.author === "teacher" ? "from-teacher" : ""}
                  dir="auto"
                >
                  <b
                    >${line.author === me.participant ? t("you") : line.author === "teacher" ? t("teacher") : line.name}</b
                  >
                  ${line.text}
                </li>`,
            )}
          </ul>`
        : html`<p class="soft small">${t("talk.empty")}</p>`
    }
    <form class="say" @submit=${say}>
      <label class="visually-hidden" for="say">${t("talk.label")}</label>
      <input
        id="say"
        name="say"
        class="input"
        maxlength="1000"
        autocomplete="off"
        dir="auto"
        placeholder=${t("talk.hint")}
      />
      <button class="btn" type="submit">${t("send")}</button>
    </form>
  </section>`
}

/** How hard it is, told to the teacher alone. @param {Page} page */
function pulse(page) {
  const { lesson, me } = page.state
  if (lesson.phase !== "work") return nothing
  const given = me.pulse ?? page.pulse
  const give = async (/** @type {string} */ answer) => {
    if (await page.ask({ type: "pulse", pulse: answer })) {
      page.pulse = answer
      page.render()
    }
  }
  return html`<section class="card pulse" aria-labelledby="pulse-title">
    <h2 id="pulse-title">${t("pulse")}</h2>
    <div class="row">
      ${["too_easy", "right", "too_hard"].map(answer => html`<button class="btn" aria-pressed=${given === answer} @click=${() => give(answer)}>${t(`pulse.${answer}`)}</button>`)}
    </div>
    <p class="soft small">${t("pulse.private")}</p>
  </section>`
}
