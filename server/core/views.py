"""Who may see what of a lesson (P20), as plain dicts of JSON types.

A key whose value is unknown is absent, never null, so that a merge patch can take it away (see ``patch``). What these
functions return is to be sent, not changed: parts are shared from one view to the next.

- ``teacher_view`` holds everything but the texts and the figures, which the hub and the moderator add.
- ``participant_view`` holds the person's own room. Of others: name, seat, whether they are here and whether a hand is
  up; never a reason, a pulse, a figure or a word meant for another.
- ``projector_view`` holds no name of a person.
"""

from __future__ import annotations

from server.core import seating
from server.core.events import TEACHER_AUTHOR
from server.core.lesson import Lesson, Message, Person, RoomState
from server.core.patch import JSON, JSONObject

TEACHER_MESSAGES = 50
PARTICIPANT_MESSAGES = 20
PULSES_SHOWN_MIN = 3  # a pulse is private until it can be one of several (PRODUCT.md, "too easy, too hard")


def teacher_view(lesson: Lesson) -> JSONObject:
    present = lesson.present()
    about = _about(lesson)
    about |= {"code": lesson.code, "grouping": lesson.grouping, "created_at": lesson.created_at}
    about |= {"hint": lesson.hint, "stretch": lesson.stretch}
    if lesson.all_locked:
        about["lock_reason"] = lesson.lock_reason
    shows_pulse = sum(person.pulse is not None for person in present) >= PULSES_SHOWN_MIN
    view: JSONObject = {
        "lesson": about,
        "rooms": {room.room: _teacher_room(room, position) for position, room in enumerate(lesson.rooms.values())},
        "people": {person.participant: _teacher_person(lesson, person, shows_pulse) for person in present},
        "talk": {room.room: _talk(lesson, room) for room in lesson.rooms.values() if room.talk},
        "messages": {each.message: _teacher_message(each) for each in lesson.messages[-TEACHER_MESSAGES:]},
    }
    if lesson.timer is not None:
        view["timer"] = _timer(lesson)
    if lesson.spotlight is not None:
        view["spotlight"] = {"room": lesson.spotlight}
    if lesson.visiting is not None:
        view["visiting"] = lesson.visiting
    return view


def participant_view(lesson: Lesson, participant: str) -> JSONObject:
    """Give what one participant sees; for someone who is not, or no longer, in the lesson only its title and phase."""
    person = lesson.people.get(participant)
    if person is None or person.left:
        return {"lesson": {"id": lesson.id, "title": lesson.title, "phase": lesson.phase}}
    room = lesson.rooms.get(person.room or "")
    view: JSONObject = {
        "lesson": _about(lesson) | {"grouping": lesson.grouping},
        "me": _me(lesson, person),
        "messages": {each.message: _message(each) for each in _messages_for(lesson, person)},
    }
    if lesson.timer is not None:
        view["timer"] = _timer(lesson)
    if lesson.phase == "lobby":
        view["lobby"] = {"count": len(lesson.present())}
    if lesson.grouping == "self" and lesson.phase in {"lobby", "work"}:
        view["rooms"] = {
            each.room: _choice(lesson, person, each, position)
            for position, each in enumerate(lesson.rooms.values())
            if not each.closed
        }
    if room is not None:
        view["room"] = _own_room(lesson, room)
        view["table"] = {member.participant: _neighbour(room, member) for member in lesson.members(room.room)}
        if room.talk:
            view["talk"] = _talk(lesson, room)
    if lesson.spotlight is not None:
        view["spotlight"] = _spotlight(lesson, lesson.spotlight)
    return view


def projector_view(lesson: Lesson) -> JSONObject:
    present = lesson.present()
    view: JSONObject = {
        "lesson": {
            "id": lesson.id,
            "title": lesson.title,
            "task": lesson.task,
            "phase": lesson.phase,
            "code": lesson.code,
            "demonstration": lesson.demonstration,
        },
        "joined": len(present),
        "here": sum(person.here for person in present),
        "rooms": {
            room.room: {"name": room.name, "ready": room.ready, "size": len(room.members)}
            for room in lesson.open_rooms()
        },
    }
    if lesson.timer is not None:
        view["timer"] = _timer(lesson)
    for message in reversed(lesson.messages):
        if message.room is None and message.participant is None:
            view["broadcast"] = {"text": message.text, "at": message.at}
            break
    if lesson.spotlight is not None:
        view["spotlight"] = _spotlight(lesson, lesson.spotlight)
    return view


def _about(lesson: Lesson) -> JSONObject:
    about: JSONObject = {
        "id": lesson.id,
        "title": lesson.title,
        "task": lesson.task,
        "criteria": list(lesson.criteria),
        "starters": list(lesson.starters),
        "phase": lesson.phase,
        "participation": lesson.participation,
        "record_shared": lesson.record_shared,
        "demonstration": lesson.demonstration,
        "all_locked": lesson.all_locked,
    }
    if lesson.minutes is not None:
        about["minutes"] = lesson.minutes
    return about


def _timer(lesson: Lesson) -> JSON:
    return {"ends_at": lesson.timer.ends_at, "ran_out": lesson.timer.ran_out} if lesson.timer else {}


def _teacher_room(room: RoomState, position: int) -> JSON:
    return {
        "name": room.name,
        "topic": room.topic,
        "position": position,
        "closed": room.closed,
        "locked": room.locked,
        "ready": room.ready,
        "met": list[JSON](sorted(room.met)),
        "members": dict[str, JSON](room.members),
        "visits": room.visits,
    }


def _teacher_person(lesson: Lesson, person: Person, shows_pulse: bool) -> JSON:
    shown: JSONObject = {
        "name": person.name,
        "seat": person.seat,
        "here": person.here,
        "joined_at": person.joined_at,
        "measured": person.measured,
    }
    if person.room is not None:
        shown["room"] = person.room
        _add_role(shown, lesson.rooms[person.room], person)
    if person.answer:
        shown["answer"] = person.answer
    if person.hand is not None:
        shown["hand"] = {"reason": person.hand.reason, "note": person.hand.note, "since": person.hand.since}
    if shows_pulse and person.pulse is not None:
        shown["pulse"] = person.pulse
    return shown


def _teacher_message(message: Message) -> JSON:
    shown = _message(message)
    if message.room is not None:
        shown["room"] = message.room
    if message.participant is not None:
        shown["participant"] = message.participant
    return shown


def _message(message: Message) -> JSONObject:
    return {"text": message.text, "kind": message.kind, "at": message.at}


def _messages_for(lesson: Lesson, person: Person) -> list[Message]:
    """Give the latest messages to everybody, to the person's room as it is now, and to the person."""
    messages = [
        message
        for message in lesson.messages
        if (message.participant in {None, person.participant}) and (message.room in {None, person.room})
    ]
    return messages[-PARTICIPANT_MESSAGES:]


def _talk(lesson: Lesson, room: RoomState) -> JSONObject:
    if room.talk_shown is None:
        room.talk_shown = {
            line.message: {
                "author": line.author,
                "name": "" if line.author == TEACHER_AUTHOR else _name_of(lesson, line.author),
                "text": line.text,
                "at": line.at,
            }
            for line in room.talk
        }
    return room.talk_shown


def _name_of(lesson: Lesson, participant: str) -> str:
    person = lesson.people.get(participant)
    return person.name if person else ""


def _me(lesson: Lesson, person: Person) -> JSON:
    shown: JSONObject = {"participant": person.participant, "name": person.name, "seat": person.seat}
    if person.room is not None:
        shown["room"] = person.room
        _add_role(shown, lesson.rooms[person.room], person)
    if person.answer:
        shown["answer"] = person.answer
    if person.pulse is not None:
        shown["pulse"] = person.pulse
    if person.hand is not None:
        shown["hand"] = {
            "reason": person.hand.reason,
            "since": person.hand.since,
            "place": queue(lesson).index(person) + 1,
        }
    return shown


def queue(lesson: Lesson) -> list[Person]:
    """Give those who ask for help, longest wait first."""
    waiting = [(person.hand.since, person) for person in lesson.people.values() if person.hand is not None]
    return [person for _, person in sorted(waiting, key=lambda each: each[0])]


def _own_room(lesson: Lesson, room: RoomState) -> JSON:
    shown: JSONObject = {
        "room": room.room,
        "name": room.name,
        "topic": room.topic,
        "ready": room.ready,
        "met": list[JSON](sorted(room.met)),
    }
    reason = _lock_reason(lesson, room)
    shown["locked"] = reason is not None
    if reason is not None:
        shown["lock_reason"] = reason
    return shown


def _lock_reason(lesson: Lesson, room: RoomState) -> str | None:
    """Say why nobody may write: the phase of the lesson, "closed", or the lock's own reason; None when they may."""
    if lesson.phase != "work":
        return lesson.phase
    if room.closed:
        return "closed"
    return room.lock_reason if room.locked else None


def _add_role(shown: JSONObject, room: RoomState, person: Person) -> None:
    role = room.roles.get(person.participant)
    if role is not None:
        shown["role"] = role


def _neighbour(room: RoomState, person: Person) -> JSON:
    shown: JSONObject = {"name": person.name, "seat": person.seat, "here": person.here}
    _add_role(shown, room, person)
    if person.hand is not None:
        shown["hand"] = True
    return shown


def _choice(lesson: Lesson, person: Person, room: RoomState, position: int) -> JSON:
    return {
        "name": room.name,
        "topic": room.topic,
        "position": position,
        "size": len(room.members),
        "open": room.room == person.room or seating.may_choose(lesson, person, room),
    }


def _spotlight(lesson: Lesson, room: str) -> JSON:
    return {"room": room, "name": lesson.rooms[room].name}
