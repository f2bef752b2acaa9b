"""The report of a lesson: the same figures that were shown live, from the same fold."""

from __future__ import annotations

import msgspec

from server.core.authorship import Contribution
from server.core.lesson import Lesson
from server.core.participation import Participation, RoomFigures
from server.core.patch import JSON, JSONObject
from server.core.presence import Visits
from server.report.summary import render_summary

_ROOM_FIELDS = ("reason", "signs", "excerpt", "members", "last_at", "quiet_since")
"""What matters while a lesson runs, and what the report tells at greater length."""


def end_of(participation: Participation, now: int) -> int:
    """Give the time (ms) up to which a lesson is measured: its end, or ``now``."""
    lesson = participation.lesson
    end = lesson.paused_at if lesson.ended and lesson.paused_at is not None else now
    return max(end, lesson.created_at)


def build_report(participation: Participation, now: int) -> JSONObject:
    """Give the report's JSON: lesson, rooms with text and figures, timeline.

    ``now`` (ms) counts for those who are present at this moment. Without participation no amount is in it.
    """
    lesson = participation.lesson
    end = end_of(participation, now)
    figures = participation.figures(end)
    visits = participation.visits(end)
    return {
        "lesson": lesson.id,
        "title": lesson.title,
        "task": lesson.task,
        "criteria": list[JSON](lesson.criteria),
        "phase": lesson.phase,
        "created_at": lesson.created_at,
        "participation": lesson.participation,
        "demonstration": lesson.demonstration,
        "rooms": [_room(participation, room, figures[room], visits[room]) for room in lesson.rooms],
        "timeline": timeline(participation, end),
    }


def _room(participation: Participation, room: str, figures: RoomFigures, visits: Visits) -> JSONObject:
    lesson = participation.lesson
    state = lesson.rooms[room]
    text = participation.text(room)
    balance: JSONObject = {
        key: value for key, value in msgspec.to_builtins(figures).items() if key not in _ROOM_FIELDS and key != "words"
    }
    contributions = participation.contributions(room)
    return {
        "room": room,
        "name": state.name,
        "topic": state.topic,
        "ready": state.ready,
        "closed": state.closed,
        "met": list[JSON](sorted(state.met)),
        "words": figures.words,
        "text": text,
        "html": render_summary(text),
        "balance": balance,
        "attention": {"visits": visits.count, "seconds": visits.milliseconds // 1000},
        "members": [
            _member(lesson, room, participant, figures, contributions.get(participant, Contribution()))
            for participant in figures.members
        ],
    }


def _member(lesson: Lesson, room: str, participant: str, figures: RoomFigures, done: Contribution) -> JSONObject:
    person = lesson.people[participant]
    member = figures.members[participant]
    about: JSONObject = {
        "participant": participant,
        "name": person.name,
        "seat": lesson.rooms[room].seats.get(participant, 0),
        "role": lesson.rooms[room].roles.get(participant),
        "answer": person.answer,
        "measured": person.measured,
        "moved": person.room != room,
        "present_seconds": member.present_seconds,
    }
    if lesson.participation:
        about |= {
            "slots": member.slots,
            "standing": member.standing,
            "inserted": member.inserted,
            "deleted": member.deleted,
            "added_in_one_go": done.added_in_one_go,
            "restored": done.restored,
            "offline": done.offline,
            "builds_on": {other: len(slots) for other, slots in done.builds_on.items()},
        }
    return about


def timeline(participation: Participation, end: int) -> list[JSON]:
    """Give the balance of every room in every ``WINDOW_SECS`` in which somebody worked; nothing without participation.

    Each is ``{at, room, word, value, slots: {participant: units}}``, room by room and in order of time.
    """
    if not participation.lesson.participation:
        return []
    return [
        {
            "at": window.at,
            "room": room,
            "word": window.balance.word,
            "value": None if window.balance.value is None else round(window.balance.value, 3),
            "slots": {share.participant: share.units for share in window.shares if share.units},
        }
        for room in participation.lesson.rooms
        for window in participation.windows(room, end)
        if window.balance.slots
    ]
