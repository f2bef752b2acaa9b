"""What a teacher can do for a room that shows a sign (P19): a question, the next roles, swap and build, a card."""

from __future__ import annotations

from typing import Final, get_args

from server.core import lookups
from server.core.commands import CardCommand, Prompt, RotateRoles, SwapAndBuild
from server.core.events import AnyEvent, MessageSent, Role, RolesGiven
from server.core.lesson import Lesson, RoomState
from server.core.seating import Context
from server.errors import Conflict, Refused

ROLES: Final[tuple[Role, ...]] = get_args(Role)

# The name is set apart (Unicode isolates), for it may run the other way; the Arabic has no gender.
_SWAP: Final = {
    "en": "Swap and build: find what \u2068{name}\u2069 wrote and add a sentence that takes the idea further.",
    "ar": "تبادل وبناء: المطلوب الآن قراءة ما كتبه \u2068{name}\u2069 وإضافة جملة تُكمل الفكرة.",
}

Decision = tuple[AnyEvent, ...] | Refused


def prompt(lesson: Lesson, command: Prompt, context: Context) -> Decision:
    """Ask a question of several rooms, one message a room."""
    text = lookups.prose(command.text)
    if isinstance(text, Refused):
        return text
    if command.sign is not None and not command.rooms:
        return Conflict("No room shows this sign any more: choose the rooms yourself, or ask all of them.")
    rooms = dict.fromkeys(command.rooms) or [room.room for room in lesson.open_rooms()]
    for room in rooms:
        state = lookups.open_room(lesson, room)
        if isinstance(state, Refused):
            return state
    return tuple(MessageSent(context.new_id(), text, "prompt", room) for room in rooms)


def rotate_roles(lesson: Lesson, command: RotateRoles) -> Decision:
    """Give each member the role after the one they had; in a group of n there are the first n roles."""
    rooms = lesson.open_rooms()
    if command.room is not None:
        state = lookups.open_room(lesson, command.room)
        if isinstance(state, Refused):
            return state
        rooms = [state]
    given = tuple(RolesGiven(room.room, _next_roles(room)) for room in rooms if room.members)
    return given or Conflict("Nobody sits here yet: move people into the room, then give roles.")


def _next_roles(room: RoomState) -> dict[str, Role]:
    people = sorted(room.members, key=room.members.__getitem__)
    places = [(index + room.turns) % len(people) for index in range(len(people))]
    return {person: ROLES[place] for person, place in zip(people, places, strict=True) if place < len(ROLES)}


def swap_and_build(lesson: Lesson, command: SwapAndBuild, context: Context) -> Decision:
    """Ask each member, privately, to build on the next one round the table."""
    room = lookups.open_room(lesson, command.room)
    if isinstance(room, Refused):
        return room
    people = sorted(room.members, key=room.members.__getitem__)
    if len(people) < 2:
        return Conflict("Swapping needs two people or more in the room: move somebody here first.")
    words = _SWAP.get(lesson.language, _SWAP["en"])
    return tuple(
        MessageSent(context.new_id(), words.format(name=lesson.people[other].name), "swap", participant=person)
        for person, other in zip(people, [*people[1:], people[0]], strict=True)
    )


def card(lesson: Lesson, command: CardCommand, context: Context) -> Decision:
    """Drop a hint or a stretch card into a room."""
    room = lookups.open_room(lesson, command.room)
    if isinstance(room, Refused):
        return room
    text = lookups.prose(command.text)
    return text if isinstance(text, Refused) else (MessageSent(context.new_id(), text, command.kind, room.room),)
