"""Seat the people of a lesson: what ``grouping`` works out, as ``Seated`` events with a seat for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.core import grouping, names
from server.core.commands import Choose, Regroup
from server.core.events import (
    SYSTEM_AUTHOR,
    AnyEvent,
    DocumentUpdated,
    RoomAdded,
    RoomClosed,
    RoomSpotlit,
    RosterSet,
    Seated,
)
from server.core.lesson import ROOMS_EVER_MAX, ROOMS_MAX, Lesson, Person, RoomState
from server.core.update import encode_insert
from server.errors import Conflict, Malformed, NotFound, Refused

_TEMPLATE_CLIENT = 1  # a document is its own, so one id serves all; admission binds it to the system

Placement = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may draw on besides the lesson: the time in ms, chance, and fresh ids."""

    now: int
    rng: random.Random
    new_id: Callable[[], str]


def seat(lesson: Lesson, placement: Placement) -> tuple[Seated, ...]:
    """Seat people in rooms that exist, or None for the lobby; those who sit there already stay as they are.

    A returning person gets their old seat. A room only just added is not in the lesson yet and starts at seat 1.
    """
    taken: dict[str, set[int]] = {}
    seated: list[Seated] = []
    for participant, room in placement.items():
        if lesson.people[participant].room == room:
            continue
        if room is None:
            seated.append(Seated(participant, None))
            continue
        state = lesson.rooms.get(room)
        known = state.seats if state else {}
        number = known.get(participant)
        if number is None:
            used = taken.setdefault(room, set(known.values()))
            number = next(each for each in range(1, len(used) + 2) if each not in used)
            used.add(number)
        seated.append(Seated(participant, room, number))
    return tuple(seated)


def sizes_of(lesson: Lesson, without: str | None = None) -> dict[str, int]:
    """Give the number of people in each open room, in order, not counting ``without``."""
    return {room.room: len(room.members) - (without in room.members) for room in lesson.open_rooms()}


def roster_room(lesson: Lesson, name: str) -> str | None:
    """Give the open room in which the roster expects a name."""
    room = lesson.rooms.get(lesson.roster.get(names.key(name), ""))
    return None if room is None or room.closed else room.room


def add_room(lesson: Lesson, name: str, topic: str, new_id: Callable[[], str]) -> tuple[AnyEvent, ...]:
    """Add a room with the lesson's template as its first text."""
    added = RoomAdded(new_id(), name, topic)
    return (added, *template_text(added.room, lesson.template))


def template_text(room: str, template: str) -> tuple[DocumentUpdated, ...]:
    if not template:
        return ()
    return (DocumentUpdated(room, SYSTEM_AUTHOR, encode_insert(_TEMPLATE_CLIENT, template)),)


def seat_joiner(lesson: Lesson, participant: str, name: str) -> tuple[Seated, ...]:
    """Seat somebody who has just joined by the roster or, once rooms are open, in the smallest; others wait."""
    room = roster_room(lesson, name)
    if room is None and lesson.phase != "lobby":
        sizes = sizes_of(lesson)
        room = grouping.deal([participant], sizes)[participant] if sizes else None
    return () if room is None else (Seated(participant, room, lesson.rooms[room].next_seat()),)


def seat_everyone_left(lesson: Lesson, context: Context) -> tuple[Seated, ...]:
    """Seat those who wait in the lobby as rooms open; those already given a room keep it."""
    placement: dict[str, str] = {}
    waiting: list[str] = []
    sizes = sizes_of(lesson)
    for person in lesson.present():
        if person.room is not None:
            continue
        room = roster_room(lesson, person.name)
        if room is None:
            waiting.append(person.participant)
        else:
            placement[person.participant] = room
            sizes[room] += 1
    if lesson.grouping in {"random", "jigsaw"}:
        placement |= grouping.shuffle(waiting, sizes, context.rng)
    else:
        placement |= grouping.deal(waiting, sizes)
    return seat(lesson, placement)


def close_room(lesson: Lesson, room: RoomState) -> tuple[AnyEvent, ...] | Refused:
    sizes = sizes_of(lesson)
    del sizes[room.room]
    if not sizes:
        return Conflict("This is the last open room: add another one before you close it.")
    return (*seat(lesson, grouping.deal(list(room.members), sizes)), *_closed(lesson, room.room))


def choose(lesson: Lesson, person: Person, command: Choose) -> tuple[AnyEvent, ...] | Refused:
    if lesson.grouping != "self":
        return Conflict("In this lesson the teacher makes the groups: please wait for your room.")
    if lesson.phase == "gather":
        return Conflict("Everyone is gathered at the front: choose a room when the rooms open again.")
    room = lesson.rooms.get(command.room)
    if room is None:
        return NotFound("There is no such room: choose one from the list.")
    if room.closed:
        return Conflict("{room} is closed: choose another room.", room=room.name)
    if room.room == person.room:
        return ()
    if not may_choose(lesson, person, room):
        return Conflict(
            "{room} is full for now: choose another room, or wait until more people have come.", room=room.name
        )
    return seat(lesson, {person.participant: room.room})


def may_choose(lesson: Lesson, person: Person, room: RoomState) -> bool:
    """Tell whether a person could sit down in an open room without making groups more than one apart."""
    return grouping.may_choose(room.room, sizes_of(lesson, without=person.participant), len(lesson.present()))


def regroup(lesson: Lesson, command: Regroup, context: Context) -> tuple[AnyEvent, ...] | Refused:
    everyone = [person.participant for person in lesson.present()]
    match command.by:
        case "random":
            return seat(lesson, grouping.shuffle(everyone, dict.fromkeys(sizes_of(lesson), 0), context.rng))
        case "balanced":
            seated = {room.room: list(room.members) for room in lesson.open_rooms()}
            waiting = [participant for participant in everyone if lesson.people[participant].room not in seated]
            return seat(lesson, grouping.balance(seated, waiting))
        case "roster":
            return _regroup_by_roster(lesson, command.roster, context)
        case "home":
            return _regroup_home(lesson, context)


def _regroup_by_roster(lesson: Lesson, text: str, context: Context) -> tuple[AnyEvent, ...] | Refused:
    """Seat by a roster: its groups become the rooms, and rooms it does not name close when nobody is left in them."""
    if not text.strip() and lesson.roster:
        room_of, added = lesson.roster, []
        rooms = {room: 0 for room in dict.fromkeys(room_of.values()) if room in sizes_of(lesson)}
    else:
        lines = grouping.parse_roster(text)
        if isinstance(lines, Malformed):
            return lines
        by_name = {names.key(room.name): room.room for room in lesson.open_rooms()}
        taken = {names.key(room.name) for room in lesson.rooms.values()}
        room_of, rooms, added = {}, {}, list[AnyEvent]()
        for line in lines:
            group = names.key(line.group)
            if group not in by_name:
                name = names.distinct(line.group, taken, names.ROOM_NAME_MAX)
                taken.add(names.key(name))
                new = add_room(lesson, name, "", context.new_id)
                added += new
                by_name[group] = next(event.room for event in new if isinstance(event, RoomAdded))
            room_of[names.key(line.name)] = by_name[group]
            rooms[by_name[group]] = 0
    if not rooms:
        return Conflict("The rooms of the roster are closed: paste a new roster, or seat people by hand.")
    unnamed = [room for room in lesson.open_rooms() if room.room not in rooms]
    refusal = refuse_more_rooms(lesson, sum(isinstance(event, RoomAdded) for event in added), len(unnamed))
    if refusal is not None:
        return refusal
    placement: dict[str, str] = {}
    others: list[str] = []
    for person in lesson.present():
        room = room_of.get(names.key(person.name))
        if room in rooms:
            placement[person.participant] = room
            rooms[room] += 1
        else:
            others.append(person.participant)
    placement |= grouping.deal(others, rooms)
    closing = [event for room in unnamed for event in _closed(lesson, room.room)]
    kept = () if room_of == lesson.roster else (RosterSet(room_of),)
    return (*added, *kept, *seat(lesson, placement), *closing)


def _regroup_home(lesson: Lesson, context: Context) -> tuple[AnyEvent, ...] | Refused:
    """Send the experts home: new rooms, each with experts of every topic where numbers allow; expert rooms close."""
    if lesson.grouping != "jigsaw":
        return Conflict("Home groups belong to a jigsaw: start the lesson with jigsaw groups, or regroup at random.")
    if lesson.phase == "lobby":
        return Conflict("Open the rooms first: home groups mix people who have become experts.")
    expert_rooms = [room for room in lesson.open_rooms() if room.topic]
    experts = [list(room.members) for room in expert_rooms if room.members]
    if not expert_rooms:
        return Conflict("Everyone is in a home group already: to mix people again, regroup at random.")
    if len(experts) < 2:
        return Conflict("A jigsaw needs experts of two topics at least: move people into another room first.")
    refusal = refuse_more_rooms(lesson, 1, len(expert_rooms))
    if refusal is not None:
        return refusal
    kept = {room.room for room in lesson.open_rooms() if not room.topic}
    wanted = grouping.count_homes([len(each) for each in experts])
    homes = min(wanted, ROOMS_MAX - len(kept), ROOMS_EVER_MAX - len(lesson.rooms))
    taken = {names.key(room.name) for room in lesson.rooms.values()}
    word = home_word(lesson.language)
    events: list[AnyEvent] = []
    placement: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for number, group in enumerate(grouping.mix_homes(experts, homes, context.rng), start=1):
        new = add_room(lesson, names.distinct(f"{word} {number}", taken, names.ROOM_NAME_MAX), "", context.new_id)
        room = next(event.room for event in new if isinstance(event, RoomAdded))
        events += new
        sizes[room] = len(group)
        placement |= dict.fromkeys(group, room)
    waiting = [person for person in lesson.present() if person.participant not in placement and person.room not in kept]
    placement |= grouping.deal([person.participant for person in waiting], sizes)
    closing = [event for room in expert_rooms for event in _closed(lesson, room.room)]
    return (*events, *seat(lesson, placement), *closing)


def refuse_more_rooms(lesson: Lesson, added: int, closed: int = 0) -> Conflict | None:
    if len(lesson.open_rooms()) + added - closed > ROOMS_MAX:
        return Conflict("A lesson has at most {most} open rooms: close one first.", most=ROOMS_MAX)
    if len(lesson.rooms) + added > ROOMS_EVER_MAX:
        return Conflict(
            "A lesson has at most {most} rooms, closed ones included: rename one instead.", most=ROOMS_EVER_MAX
        )
    return None


def table_word(language: str) -> str:
    return "طاولة" if language == "ar" else "Table"


def home_word(language: str) -> str:
    return "المجموعة الأم" if language == "ar" else "Home"


def _closed(lesson: Lesson, room: str) -> tuple[AnyEvent, ...]:
    return (RoomClosed(room), RoomSpotlit(None)) if lesson.spotlight == room else (RoomClosed(room),)
