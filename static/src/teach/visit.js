/**
 * A visit to a room: its whole text as it grows, its talk, who sits there, and a word to them. Stands beside the cards.
 */
import { html, nothing } from "lit/html.js"
import { ref } from "lit/directives/ref.js"
import { repeat } from "lit/directives/repeat.js"

import { t } from "../shared/boot.js"
import { icon } from "../shared/icons.js"
import { seatClass } from "../shared/seats.js"
import { writeMessage } from "./asking.js"
import { spotlight, tableButton } from "./card.js"
import { members } from "./members.js"
import { dropTarget, personChip } from "./people.js"
import { openRoomText } from "./room-text.js"
import { roomView } from "./rooms.js"
import { sign } from "./signs.js"
import { chip, headline } from "./words.js"

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./rooms.js").RoomView} RoomView */

/** The text that is open: one at a time. @type {{ room: string, element: Element, close: () => void } | null} */
let text = null

/** @param {Desk} desk @param {string} id */
export function visitPanel(desk, id) {
  const room = roomView(desk.state, id)
  const { shape, text: word, heed } = chip(room, desk.now, t)
  const { over, leave, drop } = dropTarget(desk, id)
  const { hand } = room
  return html`<aside class="visit" aria-labelledby="visit-title" @dragover=${over} @dragleave=${leave} @drop=${drop}
      @keydown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape" && !event.defaultPrevented && !(event.target instanceof Element && event.target.closest(".cm-editor, dialog"))) desk.leaveRoom()
      }}>
    <header class="visit-head"><h2 id="visit-title" tabindex="-1"><bdi>${room.name}</bdi></h2>
      <span class="chip ${heed ? "heed" : ""}">${sign(shape)}${word}</span><span class="grow"></span>
      <button class="btn" @click=${() => desk.leaveRoom()}>${icon("cross")}${t("visit.back")}</button></header>
    ${room.topic ? html`<p class="soft" dir="auto">${room.topic}</p>` : nothing}
    ${hand ? html`<div class="note heed">${icon("hand")}<p class="grow"><strong>${hand.name}:</strong> ${headline(room, desk.now, t)}${hand.note ? html` <q>${hand.note}</q>` : nothing}</p>
      <button class="btn" @click=${() => desk.ask({ type: "lower_hand", participant: hand.participant })}>${t("answered")}</button></div>` : nothing}
    <div class="chips small-chips">${repeat(room.members.filter((member) => member.seated), (member) => member.id, (member) => personChip(desk, member))}</div>
    <section class="visit-text card" aria-label=${t("visit.text")}><div ${ref(textPlace(desk, id))}></div></section>
    <div class="act"><button class="btn" @click=${() => writeMessage(desk, { room: id }, prepared(room))}>${icon("message")}${t("room.message")}</button>
      ${spotlight(desk, room, "btn")}
      <button class="btn" @click=${() => desk.ask({ type: room.locked ? "unlock" : "lock", room: id })}>${room.locked ? t("unlock") : t("lock")}</button></div>
    ${talk(desk, room)}
    ${room.units > 0 ? html`<section class="visit-figures"><h3>${t("visit.table")}</h3>
      ${tableButton(desk, room, 132)}
      ${members(desk, room)}</section>` : nothing}
  </aside>`
}

/** @param {RoomView} room */
function prepared(room) {
  const { kind } = room.reason
  return kind === "quiet" ? "quiet" : kind === "one_voice" || kind === "leaning" ? "pass" : kind === "unheard" ? "invite" : undefined
}

/** The place the text of a room is shown in, by the function that lit tells of it. @type {{ room: string, tell: (element?: Element) => void } | null} */
let place = null

/** One function for as long as the room stays: given a new one, lit would take the place away and give it again at every drawing. @param {Desk} desk @param {string} room */
function textPlace(desk, room) {
  if (place?.room !== room) place = { room, tell: (element) => showText(desk, room, element) }
  return place.tell
}

/** Open the room's text in its place, once; lit calls again with another element, or none when the panel goes. @param {Desk} desk @param {string} room @param {Element | undefined} element */
function showText(desk, room, element) {
  if (text && (text.room !== room || text.element !== element)) {
    text.close()
    text = null
  }
  if (element instanceof HTMLElement && !text) {
    element.replaceChildren()
    text = { room, element, close: openRoomText(desk, room, element) }
    requestAnimationFrame(() => document.getElementById("visit-title")?.focus())
  }
}

/** @param {Desk} desk @param {RoomView} room */
function talk(desk, room) {
  const lines = Object.entries(desk.state.talk?.[room.id] ?? {}).sort(([, a], [, b]) => a.at - b.at).slice(-50)
  const seats = new Map(room.members.map((member) => [member.id, member.seat]))
  /** @param {SubmitEvent} event */
  const say = async (event) => {
    event.preventDefault()
    const form = /** @type {HTMLFormElement} */ (event.currentTarget)
    const words = String(new FormData(form).get("text")).trim()
    if (words && (await desk.ask({ type: "chat", text: words, room: room.id }))) form.reset()
  }
  return html`<section class="visit-talk"><h3>${t("talk")}</h3>
    ${lines.length > 0 ? html`<ul class="plain-list talk-lines" tabindex="0" aria-label=${t("talk")}>${repeat(lines, ([message]) => message, ([, line]) => html`<li dir="auto">
      <strong class="whose ${seatClass(seats.get(line.author))}">${line.author === "teacher" ? t("you") : line.name}</strong> ${line.text}</li>`)}</ul>`
      : html`<p class="soft">${t("talk.nothing")}</p>`}
    <form class="row nowrap" @submit=${say}><label class="visually-hidden" for="talk-text">${t("talk.say", { name: room.name })}</label>
      <input class="input" id="talk-text" name="text" maxlength="1000" autocomplete="off" placeholder=${t("talk.say", { name: room.name })} />
      <button class="btn">${t("send")}</button></form></section>`
}
