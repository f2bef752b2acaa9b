"""A lesson of rooms full of people who type, as journal entries: made by a seed, without network, clock or editor.

Everyone writes their own line, deletes a little of it now and then, and sometimes goes on in a neighbour's line. The
updates are those that Yjs makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from server.core import events
from server.core.events import AnyEvent, DocumentUpdated
from server.core.update import Deletion, Id, TextItem, Update, encode_contents, encode_insert

START = 1_700_000_000_000
_SEED_CLIENT = 1
_WORDS = ["the", "acorn", "oak", "and", "falls", "when", "river", "squirrel", "forgets", "because", "winter", "a", "we"]


class Room:
    """One room's text: a line for each writer."""

    def __init__(self, room: str, people: list[str], rng: Random, words: list[str]) -> None:
        self.room = room
        self.people = people
        self._rng = rng
        self._words = words
        self._clocks = [0] * len(people)
        self._ends = [Id(_SEED_CLIENT, line) for line in range(len(people))]
        """The last unit of each line; its neighbour on the right is the line break of the next one."""
        self._waiting = [""] * len(people)

    def begin(self) -> DocumentUpdated:
        """Put the empty lines there."""
        return DocumentUpdated(self.room, events.SYSTEM_AUTHOR, encode_insert(_SEED_CLIENT, "\n" * len(self.people)))

    def press(self, writer: int) -> DocumentUpdated:
        """Press one key."""
        client, clock = 100 + writer, self._clocks[writer]
        if clock and self._rng.random() < 0.04:
            update = Update((), (Deletion(client, clock - 1, 1),))
        else:
            line = self._rng.randrange(len(self.people)) if self._rng.random() < 0.02 else writer
            if not self._waiting[writer]:
                self._waiting[writer] = self._rng.choice(self._words) + " "
            text, self._waiting[writer] = self._waiting[writer][0], self._waiting[writer][1:]
            right = Id(_SEED_CLIENT, line + 1) if line + 1 < len(self.people) else None
            update = Update((TextItem(client, clock, 1, text, self._ends[line], right),), ())
            self._ends[line] = Id(client, clock)
            self._clocks[writer] += 1
        return DocumentUpdated(self.room, self.people[writer], encode_contents(update))


class Class:
    """So many rooms with so many people each. ``opening`` comes first, then `typing` for as long as wanted."""

    def __init__(
        self, rooms: int = 40, size: int = 5, keys_a_second: float = 2.0, seed: int = 1, words: list[str] | None = None
    ) -> None:
        self._rng = Random(seed)
        self._gap_ms = 1000 / keys_a_second / (rooms * size)
        # Ids as long as those of a server.
        self.rooms = [
            Room(
                f"room-{number:07}",
                [f"pupil-{number:02}-{seat:03}" for seat in range(size)],
                self._rng,
                words or _WORDS,
            )
            for number in range(rooms)
        ]

    def opening(self) -> Iterator[AnyEvent]:
        """Give what happens before the first key, all at ``START``."""
        yield events.LessonCreated("Acorns", "ABC234")
        for room in self.rooms:
            yield events.RoomAdded(room.room, room.room)
            yield room.begin()
        for room in self.rooms:
            for seat, person in enumerate(room.people, 1):
                yield events.ParticipantJoined(person, person)
                yield events.Seated(person, room.room, seat)
                yield events.ParticipantArrived(person)
                yield events.DocumentOpened(room.room, person)
        yield events.RoomsOpened()

    def typing(self, from_secs: float, to_secs: float) -> Iterator[tuple[int, DocumentUpdated]]:
        """Give keystrokes with their times in ms, everyone's as often as anyone's."""
        seats = [(room, writer) for room in self.rooms for writer in range(len(room.people))]
        at, end = START + from_secs * 1000, START + to_secs * 1000
        while at < end:
            room, writer = self._rng.choice(seats)
            yield int(at), room.press(writer)
            at += self._gap_ms
