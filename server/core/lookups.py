"""Find what a command names, or say what the person can do instead."""

from __future__ import annotations

from server.core import names
from server.core.lesson import Lesson, Person, RoomState
from server.errors import Conflict, Malformed, NotFound, Refused


def room(lesson: Lesson, room: str) -> RoomState | Refused:
    return lesson.rooms.get(room) or no_room()


def open_room(lesson: Lesson, room: str) -> RoomState | Refused:
    state = lesson.rooms.get(room)
    if state is None:
        return no_room()
    return Conflict("{room} is closed: choose another room.", room=state.name) if state.closed else state


def person(lesson: Lesson, participant: str) -> Person | Refused:
    person = lesson.people.get(participant)
    if person is None:
        return nobody()
    return (
        Conflict("{name} has left the lesson: choose somebody who is here.", name=person.name)
        if person.left
        else person
    )


def prose(text: str) -> str | Malformed:
    if not names.clean_line(text):
        return Malformed("This message is empty: write a word or two first.")
    return names.clean_prose(text)


def nobody() -> NotFound:
    return NotFound("There is nobody with this id in the lesson: load the page again and choose from the list.")


def no_room() -> NotFound:
    return NotFound("There is no such room in this lesson: load the page again and choose from the list.")
