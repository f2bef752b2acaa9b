"""What the server's edge adds to a view of the lesson (``core.views``): whose words are whose, rendered text."""

from __future__ import annotations

import msgspec

from server.core.patch import JSON, JSONObject
from server.core.views import participant_view
from server.hub.lessons import LiveLesson
from server.report.summary import render_summary


def first_view(lesson: LiveLesson, participant: str, records: bytes) -> JSONObject:
    """Give what a participant's page starts from, and its lesson socket says again and keeps up to date."""
    view = participant_view(lesson.state, participant)
    add_spotlight(lesson, view)
    add_table(lesson, view)
    add_record(lesson, view, own_record(records, participant))
    return view


def add_spotlight(lesson: LiveLesson, view: JSONObject) -> None:
    """Add the spotlit text as HTML, made once for everyone who is shown it."""
    spotlight = view.get("spotlight")
    if lesson.state.spotlight is None or not isinstance(spotlight, dict):
        return
    room = lesson.room(lesson.state.spotlight)
    text = room.text
    if room.shown is None or room.shown[0] != text:
        room.shown = text, render_summary(text)
    view["spotlight"] = {**spotlight, "html": room.shown[1]}


def add_table(lesson: LiveLesson, view: JSONObject) -> None:
    """Add to a participant's view who owns which client id, and everyone who ever sat in the room."""
    room = view.get("room")
    if not isinstance(room, dict):
        return
    key = str(room["room"])
    view["authors"] = authors_of(lesson, key)
    view["seats"] = {
        participant: {"name": lesson.state.people[participant].name, "seat": seat}
        for participant, seat in lesson.state.rooms[key].seats.items()
    }


def add_record(lesson: LiveLesson, view: JSONObject, record: JSON) -> None:
    """Add to a participant's view their own record, while the teacher shares it."""
    if record is not None and lesson.state.record_shared and "me" in view:
        view["record"] = record


def own_record(records: bytes, participant: str | None) -> JSON:
    """Take a person's own record, and no other, out of everyone's (P20)."""
    everyones: JSONObject = msgspec.json.decode(records)
    return everyones.get(participant or "")


def authors_of(lesson: LiveLesson, room: str) -> JSONObject:
    """Give the person behind each client id that has written in a room."""
    return {str(client): author for client, author in lesson.room(room).owners.items()}
