"""What the moderator sends to a teacher, no more often than a dashboard needs it.

Forty rooms of five who all write change some figure with every keystroke; sent as they change, the differences take
60 kB/s of a network. So the end of a room's text is sent anew ``TEXT_MS`` after the last time, and its amounts, which
are units of ten seconds and longer, every ``AMOUNTS_MS``, each room's at a time of its own. What needs the teacher (a
word, a reason, someone who comes or goes) is looked for every ``TICK_MS``, and at once when anything but typing
happens, and is never held back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from server.core.attention import steady
from server.core.events import AnyEvent, DocumentUpdated, Kind
from server.core.participation import Participation, Record, RoomFigures

TEXT_MS: Final = 500
"""With frames every 0.3 s a keystroke is shown after 0.6 s at the latest; what a second leaves goes to the network."""
AMOUNTS_MS: Final = 5_000
TICK_MS: Final = 1_000
"""Reasons also change by time alone: a room falls quiet without anything happening."""


class Attention(msgspec.Struct, frozen=True, omit_defaults=True):
    """The teacher's own time with a room (P18); ``last_at`` (ms) is absent for a room not yet visited."""

    visits: int
    seconds: int
    last_at: int | None = None


class Triage(msgspec.Struct, frozen=True):
    """The open rooms by need, and the teacher's attention to every room."""

    order: list[str]
    attention: dict[str, Attention]


class Frame(msgspec.Struct, frozen=True):
    """What a dashboard shows of a lesson, whole; sockets send the differences."""

    figures: dict[str, RoomFigures]
    triage: Triage


class Frames:
    """The frames of one lesson: `note` what is folded, then ask for the frame `at` a time."""

    def __init__(self, participation: Participation) -> None:
        self._participation = participation
        self._shown: dict[str, RoomFigures] = {}
        self._taken_at: dict[str, int] = {}
        """When each room's text was taken, and when everything of it was looked at."""
        self._looked_at: dict[str, int] = {}
        self._amounts_at: dict[str, int] = {}
        self._touched: set[str] = set()
        self._all = True
        self._order: list[str] = []
        self._moved_at: dict[str, int] = {}

    def note(self, event: AnyEvent) -> None:
        """Remember what an event changes."""
        if isinstance(event, DocumentUpdated):
            self._touched.add(event.room)
        else:
            self._all = True

    @property
    def pending(self) -> bool:
        """Whether something changed that the last frame did not show."""
        return self._all or bool(self._touched)

    def at(self, now: int) -> Frame:
        """Give the frame as of ``now`` (ms)."""
        rooms = self._participation.lesson.rooms
        for position, key in enumerate(rooms):
            if key not in self._shown:
                self._shown[key] = self._participation.room_figures(key, now)
                # Neither all rooms' texts nor their amounts in the same frame.
                self._taken_at[key] = self._looked_at[key] = now - position % 2 * TEXT_MS // 2
                self._amounts_at[key] = now - position * AMOUNTS_MS // len(rooms)
                continue
            ticked = now - self._looked_at[key] >= TICK_MS
            due = ticked or (key in self._touched and now - self._taken_at[key] >= TEXT_MS)
            if ticked or self._all:
                self._renew(key, now, due)
            elif due:
                self._renew_text(key, now)
        self._all = False
        figures = {key: self._shown[key] for key in rooms}
        wanted = self._participation.order(figures)
        self._order, self._moved_at = steady(self._order, wanted, now, self._moved_at)
        return Frame(figures, Triage(self._order, self._attention(now)))

    def rooms_with(self, sign: Kind) -> tuple[str, ...]:
        """Name the open rooms that show a sign."""
        return tuple(
            key
            for key, state in self._participation.lesson.rooms.items()
            if not state.closed and key in self._shown and sign in self._shown[key].signs
        )

    def records(self, now: int) -> dict[str, Record]:
        """Give everyone's own record, each for its owner's eyes; nothing unless the teacher shares them (P20)."""
        lesson = self._participation.lesson
        if not (lesson.record_shared and lesson.participation):
            return {}
        return {person.participant: self._participation.record(person.participant, now) for person in lesson.present()}

    def _renew(self, key: str, now: int, due: bool) -> None:
        """Show what has changed in a room and may not wait; ``due``: its text may not either."""
        shown = self._shown[key]
        late = now - self._amounts_at[key]
        if due:
            self._taken_at[key] = self._looked_at[key] = now
            self._touched.discard(key)
        if due and late >= AMOUNTS_MS:
            self._amounts_at[key] = now - late % AMOUNTS_MS
            self._shown[key] = self._participation.room_figures(key, now)
            return
        fresh = self._participation.room_figures(key, now, shown)
        if _telling(shown) != _telling(fresh):
            self._shown[key] = self._participation.room_figures(key, now)
        elif due:
            self._shown[key] = msgspec.structs.replace(shown, excerpt=fresh.excerpt, last_at=fresh.last_at)

    def _renew_text(self, key: str, now: int) -> None:
        """Show where the text is now: a third of the work of looking at everything, which once a second is enough."""
        self._taken_at[key] = now
        self._touched.discard(key)
        excerpt, last_at = self._participation.ending(key)
        self._shown[key] = msgspec.structs.replace(self._shown[key], excerpt=excerpt, last_at=last_at)

    def _attention(self, now: int) -> dict[str, Attention]:
        return {
            key: Attention(visits.count, visits.milliseconds // 1000, visits.last_at or None)
            for key, visits in self._participation.visits(now).items()
        }


def _telling(figures: RoomFigures) -> tuple[object, ...]:
    """Give what is worth showing at once."""
    here = [(participant, member.here) for participant, member in figures.members.items()]
    return figures.word, figures.signs, figures.reason, here
