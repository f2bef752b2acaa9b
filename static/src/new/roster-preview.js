/**
 * What a pasted roster will make: its groups, and what is wrong, line by line.
 */
import { html, nothing } from "lit/html.js"

import { icon } from "../shared/icons.js"

/**
 * @param {import("./roster.js").Roster} roster
 * @param {import("../shared/messages.js").Translate} t speaks `roster.…`
 */
export function rosterPreview({ groups, problems, people }, t) {
  if (people === 0 && problems.length === 0) return nothing
  return html`<div class="stack">
    ${problems.length === 0 ? nothing : html`<div class="note heed">${icon("heed")}<div class="grow">
      <p><strong>${t("roster.problems", { count: problems.length })}</strong></p>
      <ul class="plain-list">${problems.slice(0, 8).map(({ line, problem, text }) => html`<li>${t(`roster.problem.${problem}`, { line, text: short(text) })}</li>`)}</ul>
      ${problems.length > 8 ? html`<p>${t("roster.more", { count: problems.length - 8 })}</p>` : nothing}</div></div>`}
    ${people === 0 ? nothing : html`<p class="label">${t("roster.people", { count: people })} · ${t("roster.groups", { count: groups.length })}</p>
      <ul class="plain-list roster-groups">${groups.map((group) => html`<li class="card"><strong>${group.name}</strong>
        <span class="soft small">${group.people.length}</span><br />${group.people.join(", ")}</li>`)}</ul>`}
  </div>`
}

/** @param {string} text */
function short(text) {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
