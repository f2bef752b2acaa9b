"""The report of a lesson: the same figures that were shown live, from the same fold."""

from __future__ import annotations

import msgspec

from server.core.authorship import Contribution
from server.core.lesson import Lesson
from server.core.participation import Participation, RoomFigures
from server.core.patch import JSON, JSONObject
from server.report.summary import render_summary

_ROOM_FIELDS = ("reason", "signs", "excerpt", "members", "last_at", "quiet_since")
"""What matters while a lesson runs, and what the report tells at greater length."""


def build_report(participation: Participation, now: int) -> JSONObject:
    """Give the report's JSON: lesson, rooms with text and figures, timeline.

    ``now`` (ms) counts for those who are present at this moment. Without participation no amount is in it.
    """
    lesson = participation.lesson
    end = lesson.paused_at if lesson.ended and lesson.paused_at is not None else now
    end = max(end, lesson.created_at)
    figures = participation.figures(end)
    return {
        "lesson": lesson.id,
        "title": lesson.title,
        "task": lesson.task,
        "criteria": list[JSON](lesson.criteria),
        "phase": lesson.phase,
        "created_at": lesson.created_at,
        "participation": lesson.participation,
        "demonstration": lesson.demonstration,
        "rooms": [_room(participation, room, figures[room]) for room in lesson.rooms],
        "timeline": _timeline(participation, end) if lesson.participation else [],
    }


def _room(participation: Participation, room: str, figures: RoomFigures) -> JSONObject:
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
        "role": None,
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


def _timeline(participation: Participation, end: int) -> list[JSON]:
    return [
        {
            "at": window.at,
            "room": room,
            "word": window.balance.word,
            "value": window.balance.value,
            "slots": {share.participant: share.units for share in window.shares if share.units},
        }
        for room in participation.lesson.rooms
        for window in participation.windows(room, end)
        if window.balance.slots
    ]
