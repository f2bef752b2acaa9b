/**
 * The dialogs of the teacher's desk: write a message, look after a person or a room, paste a roster, set the clock, end the lesson.
 */
import { html, nothing, render } from "lit/html.js"

import { boot, t } from "../shared/boot.js"
import { confirmDialog, showDialog } from "../shared/dialog.js"
import { readRoster } from "../new/roster.js"
import { rosterPreview } from "../new/roster-preview.js"
import { PREPARED } from "./actions.js"
import { openRoomIds, people } from "./rooms.js"

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {{ all: true } | { room: string } | { participant: string }} To */

/**
 * Write to everyone, a room or one person, beginning with a prepared text that may be changed.
 * @param {Desk} desk @param {To} to @param {string} [prepared] a name of PREPARED
 */
export async function writeMessage(desk, to, prepared) {
  const name = nameOf(desk, to)
  const kind = "all" in to ? "all" : "room" in to ? "room" : "person"
  const sent = t("message.sent", { name: name || t("message.everyone") })
  await compose({
    title: kind === "all" ? t("message.all.title") : t("message.to", { name }),
    hint: t(`message.seen.${kind}`, { name }),
    begin: prepared ? preparedText(desk, to, prepared) : "",
    offers: PREPARED[kind].map((key) => preparedText(desk, to, key)),
    send: (text) => desk.attempt("all" in to ? { type: "broadcast", text } : { type: "nudge", text, ...to }, sent),
  })
}

/** Send a prepared text at once, and say what was sent. @param {Desk} desk @param {To} to @param {string} prepared a name of PREPARED */
export async function nudge(desk, to, prepared) {
  const text = preparedText(desk, to, prepared)
  await desk.ask({ type: "nudge", text, ...to }, t("message.sent.what", { name: nameOf(desk, to), text }))
}

/** @param {Desk} desk @param {To} to @param {string} key a name of PREPARED */
export function preparedText(desk, to, key) {
  const starter = desk.state.lesson.starters?.[0]
  return key === "start" && starter ? t("prepared.start.with", { starter }) : t(`prepared.${key}`, { name: nameOf(desk, to) })
}

/** @param {Desk} desk @param {To} to */
function nameOf({ state }, to) {
  if ("room" in to) return state.rooms[to.room]?.name ?? ""
  return "participant" in to ? state.people[to.participant]?.name ?? "" : ""
}

/**
 * A text to send, with others to begin from; it stays here to be sent again until it is.
 * @param {{ title: string, hint: string, begin?: string, offers: string[], most?: number, send: (text: string) => Promise<string> }} options
 *   `most` in UTF-16 units; `send` gives "", or why it was not sent
 */
export function compose({ title, hint, begin = "", offers, most = 1000, send }) {
  /** @param {Event} event @param {string} text */
  const use = (event, text) => {
    const field = /** @type {HTMLElement} */ (event.currentTarget).closest("form")?.querySelector("textarea")
    if (!field) return
    field.value = text
    field.focus()
  }
  return showDialog({
    title,
    body: html`<div class="field"><label for="message-text">${t("message.text")}</label>
        <textarea class="input" id="message-text" name="text" rows="3" maxlength=${most} required autofocus aria-describedby="message-hint"
          @keydown=${sendOnControlEnter} .value=${begin}></textarea>
        <p class="hint" id="message-hint">${hint}</p></div>
      ${offers.every((text) => text === begin) ? nothing : html`<div class="stack prepared"><p class="label small">${t("message.prepared")}</p>
        ${offers.map((text) => html`<button type="button" class="btn prepared-text" @click=${(/** @type {Event} */ event) => use(event, text)}>${text}</button>`)}</div>`}`,
    actions: [{ value: "send", label: t("send"), main: true }],
    submit: async (form) => {
      const text = String(form.get("text")).trim()
      return text && send(text)
    },
  })
}

/** @param {KeyboardEvent} event */
function sendOnControlEnter(event) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return
  event.preventDefault()
  const field = /** @type {HTMLTextAreaElement} */ (event.currentTarget)
  field.form?.requestSubmit()
}

/** Everything about one person, by keyboard as by hand. @param {Desk} desk @param {string} participant */
export async function lookAfterPerson(desk, participant) {
  const person = desk.state.people[participant]
  if (!person) return
  const measured = person.measured ?? true
  const form = await showDialog({
    title: person.name,
    className: "person-dialog",
    body: html`
      <div class="field"><label for="person-room">${t("person.room")}</label>
        <div class="row nowrap"><select class="input" id="person-room" name="room" autofocus>
          <option value="" ?selected=${!person.room}>${t("lobby.unseated")}</option>
          ${openRoomIds(desk.state).map((id) => html`<option value=${id} ?selected=${person.room === id}>${desk.state.rooms[id].name}</option>`)}
        </select></div></div>
      <div class="field"><label for="person-name">${t("person.name")}</label>
        <input class="input" id="person-name" name="name" maxlength="40" required .value=${person.name} /></div>
      ${desk.state.lesson.participation === false ? nothing : html`<label class="choice"><input type="checkbox" name="unmeasured" ?checked=${!measured} />
        <span>${t("person.unmeasured")}<br /><span class="soft small">${t("person.unmeasured.hint")}</span></span></label>`}
      <div class="row"><button type="submit" class="btn" value="message" formnovalidate>${t("person.message", { name: person.name })}</button>
        <button type="submit" class="btn quiet" value="remove" formnovalidate>${t("person.remove")}</button></div>`,
    actions: [{ value: "save", label: t("save"), main: true }],
  })
  if (!form) return
  const action = form.get("action")
  if (action === "message") return writeMessage(desk, { participant })
  if (action === "remove") {
    const sure = await confirmDialog({ title: t("remove.title", { name: person.name }), text: t("remove.text"), yes: t("remove.yes"), heed: true })
    if (sure) await desk.ask({ type: "remove", participant }, t("remove.done", { name: person.name }))
    return
  }
  const name = String(form.get("name")).trim()
  if (name && name !== person.name) await desk.ask({ type: "rename", participant, name })
  if (desk.state.lesson.participation !== false && form.has("unmeasured") === measured) {
    await desk.ask({ type: "measure", participant, measured: !measured })
  }
  await desk.move(participant, String(form.get("room")) || null)
}

/** @param {Desk} desk @param {string} room */
export async function renameRoom(desk, room) {
  await showDialog({
    title: t("room.rename.title"),
    body: html`<div class="field"><label for="room-name">${t("room.name")}</label>
      <input class="input" id="room-name" name="name" maxlength="60" required autofocus .value=${desk.state.rooms[room].name} /></div>`,
    actions: [{ value: "save", label: t("save"), main: true }],
    submit: async (form) => {
      const name = String(form.get("name")).trim()
      return name && desk.attempt({ type: "rename", room, name })
    },
  })
}

/** @param {Desk} desk */
export async function addRoom(desk) {
  await showDialog({
    title: t("room.add"),
    body: html`<div class="field"><label for="room-name">${t("room.name")}</label>
        <input class="input" id="room-name" name="name" maxlength="60" autofocus /><p class="hint">${t("room.name.hint")}</p></div>
      <div class="field"><label for="room-topic">${t("room.topic")}</label>
        <textarea class="input" id="room-topic" name="topic" rows="2" maxlength="4000"></textarea></div>`,
    actions: [{ value: "add", label: t("room.add"), main: true }],
    submit: (form) => {
      const name = String(form.get("name")).trim()
      return desk.attempt({ type: "add_room", topic: String(form.get("topic")).trim(), ...(name ? { name } : {}) }, t("room.added"))
    },
  })
}

/** @param {Desk} desk @param {string} room */
export async function closeRoom(desk, room) {
  const { name, members = {} } = desk.state.rooms[room]
  const count = Object.keys(members).length
  const sure = await confirmDialog({
    title: t("room.close.title", { name }), text: count ? t("room.close.people", { count }) : t("room.close.empty"), yes: t("room.close"), heed: true })
  if (sure && (await desk.ask({ type: "close_room", room }, t("room.closed", { name }))) && desk.visited === room) desk.leaveRoom()
}

/** @param {Desk} desk */
export async function pasteRoster(desk) {
  /** @param {Event} event */
  const preview = (event) => {
    const field = /** @type {HTMLTextAreaElement} */ (event.currentTarget)
    const place = field.closest("form")?.querySelector(".roster-preview")
    const roster = readRoster(field.value)
    field.setCustomValidity(roster.problems.length > 0 ? t("roster.mend") : "")
    if (place instanceof HTMLElement) render(rosterPreview(roster, t), place)
  }
  await showDialog({
    title: t("roster.title"),
    className: "wide-dialog",
    body: html`<div class="field"><label for="roster-text">${t("roster.label")}</label>
      <p class="hint">${t("roster.hint")}</p>
      <textarea class="input mono" id="roster-text" name="roster" rows="8" required autofocus placeholder=${t("roster.placeholder")} @input=${preview}></textarea></div>
      <div class="roster-preview" aria-live="polite"></div>`,
    actions: [{ value: "seat", label: t("roster.seat"), main: true }],
    submit: (form) => desk.attempt({ type: "regroup", by: "roster", roster: String(form.get("roster")) }, t("roster.done")),
  })
}

/** @param {Desk} desk */
export async function shuffle(desk) {
  const seated = people(desk.state).filter((person) => person.room).length
  const writing = desk.state.lesson.phase !== "lobby"
  const sure = !writing || (await confirmDialog({ title: t("shuffle.title"), text: t("shuffle.text", { count: seated }), yes: t("shuffle") }))
  if (sure) await desk.ask({ type: "regroup", by: "random" }, t("shuffled"))
}

/** @param {Desk} desk */
export async function setTimer(desk) {
  const minutes = desk.state.lesson.minutes ?? 10
  const form = await showDialog({
    title: t("timer.title"),
    body: html`<div class="field"><label for="timer-minutes">${t("timer.minutes")}</label>
      <input class="input" id="timer-minutes" name="minutes" type="number" min="1" max="300" required autofocus .value=${String(minutes)} />
      <p class="hint">${t("timer.hint")}</p></div>`,
    actions: [{ value: "start", label: t("timer.start"), main: true }],
  })
  const wanted = Number(form?.get("minutes"))
  if (form && wanted > 0) await desk.ask({ type: "start_timer", seconds: Math.round(wanted * 60) })
}

/** @param {Desk} desk */
export async function endLesson(desk) {
  const unready = openRoomIds(desk.state).filter((id) => !desk.state.rooms[id].ready && Object.keys(desk.state.rooms[id].members ?? {}).length > 0).length
  const sure = await confirmDialog({
    title: t("end.title"), text: [t("end.text"), unready ? t("end.unready", { count: unready }) : ""].filter(Boolean).join(" "), yes: t("end.yes"), heed: true })
  if (sure && (await desk.ask({ type: "end" }))) document.getElementById("main")?.focus()
}

/** @param {string} text @param {(said: string) => void} say */
export async function copyText(text, say) {
  try {
    await navigator.clipboard.writeText(text)
    say(t("copied"))
  } catch {
    say(text) // no clipboard without https or permission: the text itself can be read and typed
  }
}

