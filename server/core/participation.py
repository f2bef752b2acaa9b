"""The one fold behind every figure: live on the dashboard, in the report, and in the replay of a journal (P15).

Give `Participation.apply` every journal entry in order; ask for `figures` whenever they are wanted. Asking changes
nothing but caches, so that figures asked for every second and figures asked for once at the end are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from server.core import attention, events
from server.core.admission import Holdings
from server.core.attention import Reason
from server.core.authorship import SLOT_SECS, Authorship, Contribution, Evidence
from server.core.balance import Balance, Dominance, Quietest, Share, Word, paragraph_mix, weigh
from server.core.events import SYSTEM_AUTHOR, TEACHER_AUTHOR, AnyEvent, Kind
from server.core.lesson import Lesson
from server.core.presence import Presence, Visits
from server.core.replica import Passage, Run
from server.core.update import decode_update
from server.errors import Malformed

WINDOW_SECS: Final = 60
GRACE_SECS: Final = 60
EXCERPT_CHARACTERS: Final = 280  # a card shows three lines
EXCERPT_BYTES: Final = 600  # as JSON, authors included
EXCERPTS_BYTES: Final = 6_000  # of all rooms together: forty that change every 0.6 s are half of a teacher's 20 kB/s

_WORD: Final = re.compile(r"\w[\w'’-]*")


class MemberFigures(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One person in one room. ``here``: the room's text is open before them. Amounts are None without participation.

    ``slots`` are units of work (P2); ``standing``, ``inserted`` and ``deleted`` are UTF-16 units of text.
    """

    here: bool
    present_seconds: int
    slots: int | None = None
    standing: int | None = None
    inserted: int | None = None
    deleted: int | None = None


class RoomFigures(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the teacher is shown of one room; `msgspec.to_builtins` makes its JSON, in which None is left out.

    ``excerpt`` is the end of the text by author; ``words`` counts the whole text. ``signs`` are all the kinds of reason
    that hold, the most needed first; ``reason`` is the first of them. Times in ms.
    """

    members: dict[str, MemberFigures]
    words: int
    excerpt: tuple[tuple[str, str], ...]
    reason: Reason
    signs: tuple[Kind, ...]
    word: Word | None = None
    value: float | None = None
    slots: int | None = None
    cross_edit: float | None = None
    quietest: Quietest | None = None
    dominance: Dominance | None = None
    dominant: bool | None = None
    parallel: bool | None = None
    paragraph_mix: float | None = None
    last_at: int | None = None
    quiet_since: int | None = None


class Record(msgspec.Struct, frozen=True):
    """One person's own part in the lesson, in all rooms (P21): nothing of others, and no balance.

    ``slots`` and ``built_on`` (on somebody else's words) are units of work, ``standing`` UTF-16 units of text,
    ``added_in_one_go`` and ``offline`` how often that was so.
    """

    slots: int
    minutes_present: int
    standing: int
    built_on: int
    added_in_one_go: int
    offline: int


class Window(msgspec.Struct, frozen=True):
    """The balance of ``WINDOW_SECS`` of a room from ``at`` (ms), with the shares it was made from."""

    at: int
    balance: Balance
    shares: tuple[Share, ...]


@dataclass(slots=True)
class _Reading:
    """What takes a walk through the whole text to know; kept until the text changes."""

    words: int
    paragraphs: list[dict[str, int]]
    mix: dict[tuple[str, ...], float | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Room:
    authorship: Authorship
    holdings: Holdings = field(default_factory=Holdings)
    presence: dict[str, Presence] = field(default_factory=dict)
    writable: bool = False
    company_since: int | None = None
    """Since when two or more are present (ms)."""
    reading: _Reading | None = None

    def settle(self, at: int) -> None:
        present = 0
        for presence in self.presence.values():
            presence.settle(self.writable, at)
            present += presence.since is not None
        if present < 2:
            self.company_since = None
        elif self.company_since is None:
            self.company_since = at

    def quiet_since(self) -> int | None:
        if self.company_since is None:
            return None
        return max(self.company_since, self.authorship.last_at or 0)


class Participation:
    """Everything that is measured in one lesson."""

    __slots__ = ("_at", "_rooms", "_visits", "lesson")

    def __init__(self, lesson_id: str) -> None:
        self.lesson = Lesson(lesson_id)
        """The lesson's own state, folded here as well."""
        self._rooms: dict[str, _Room] = {}
        self._visits: dict[str, Visits] = {}
        self._at = 0

    def apply(self, event: AnyEvent, at: int) -> None:
        """Take one journal entry into account; ``at`` is its time in ms."""
        match event:
            case events.DocumentUpdated():
                self._take(event, at)
                self._at = at
                return
            case events.RoomVisited() | events.LessonEnded():
                self._end_visit(at)
            case _:
                pass
        self.lesson.apply(event, at)
        match event:
            case events.DocumentOpened(participant=participant) if participant not in (TEACHER_AUTHOR, SYSTEM_AUTHOR):
                room = self._room(event.room)
                room.presence.setdefault(participant, Presence()).nodes.add(event.node)
                self._settle(event.room, at)
            case events.DocumentClosed():
                presence = self._room(event.room).presence.get(event.participant)
                if presence is not None:
                    presence.nodes.discard(event.node)
                    self._settle(event.room, at)
            case events.ParticipantLeft():
                for room in self._rooms.values():
                    if event.participant in room.presence:
                        room.presence[event.participant].nodes.clear()
                        room.settle(at)
            case events.NodeLost():
                # Nobody knows when the process ended; the last thing known to have happened is the entry before this.
                for room in self._rooms.values():
                    for presence in room.presence.values():
                        presence.nodes.discard(event.node)
                    room.settle(self._at)
            case (
                events.RoomAdded()
                | events.RoomClosed()
                | events.RoomsOpened()
                | events.Gathered()
                | events.LessonEnded()
                | events.Locked()
                | events.Unlocked()
            ):
                for key in self.lesson.rooms:
                    self._settle(key, at)
            case events.RoomVisited() if self.lesson.visiting is not None:
                visits = self._visits.setdefault(self.lesson.visiting, Visits())
                visits.count += 1
                visits.last_at = at
            case _:
                pass
        self._at = at

    def figures(self, now: int) -> dict[str, RoomFigures]:
        """Give what the teacher is shown of every room, in the lesson's order, as of ``now`` (ms)."""
        return {key: self.room_figures(key, now) for key in self.lesson.rooms}

    def order(self, figures: dict[str, RoomFigures]) -> list[str]:
        """Order the open rooms by need (P16); pass it through `attention.steady` before it is shown."""
        needs = {key: figures[key].reason for key, state in self.lesson.rooms.items() if not state.closed}
        return attention.order(needs, {key: visits.last_at for key, visits in self._visits.items()})

    def visits(self, now: int) -> dict[str, Visits]:
        """Give the teacher's attention to each room (P18); a room never visited has 0 of everything."""
        found = {}
        for key in self.lesson.rooms:
            visits = self._visits.get(key, Visits())
            # Who asks may have a clock that is behind that of the process where the visit began.
            running = max(0, now - visits.last_at) if key == self.lesson.visiting and not self.lesson.ended else 0
            found[key] = Visits(visits.count, visits.milliseconds + running, visits.last_at)
        return found

    def text(self, room: str) -> str:
        return self._room(room).authorship.replica.text()

    def runs(self, room: str) -> Iterator[Run]:
        """Give the runs of a room's text, in its order; they are to be read, not changed."""
        return self._room(room).authorship.replica.runs()

    def evidence(self, room: str) -> list[Evidence]:
        """Give a room's labelled stretches (P17), the latest ``EVIDENCE_KEPT`` of them."""
        return list(self._room(room).authorship.evidence)

    def contributions(self, room: str) -> dict[str, Contribution]:
        """Give what everyone who ever sat or wrote in a room did there."""
        done = self._room(room).authorship.contributions
        return {participant: done.get(participant, Contribution()) for participant in self._members(room)}

    def record(self, participant: str, now: int) -> Record:
        """Give a person's own record, as of ``now`` (ms)."""
        seconds = standing = 0
        done: list[Contribution] = []
        for room in self._rooms.values():
            standing += room.authorship.replica.standing[participant]
            if participant in room.presence:
                seconds += room.presence[participant].milliseconds(0, now) // 1000
            if participant in room.authorship.contributions:
                done.append(room.authorship.contributions[participant])
        return Record(
            slots=sum(len(each.slots) for each in done),
            minutes_present=seconds // 60,
            standing=standing,
            built_on=sum(len(set().union(*each.builds_on.values())) for each in done),
            added_in_one_go=sum(each.added_in_one_go for each in done),
            offline=sum(each.offline for each in done),
        )

    def windows(self, room: str, now: int) -> list[Window]:
        """Give a room's balance for each ``WINDOW_SECS`` of the lesson until ``now`` (P15); the last may be shorter."""
        return [
            Window(at, weigh(shares), tuple(shares))
            for at in range(self.lesson.created_at, now, WINDOW_SECS * 1000)
            for shares in [list(self._shares(room, at, min(at + WINDOW_SECS * 1000, now), now))]
        ]

    def _take(self, event: events.DocumentUpdated, at: int) -> None:
        update = decode_update(event.update)
        if isinstance(update, Malformed) or event.room not in self.lesson.rooms:
            return  # admission lets no such entry into a journal
        room = self._room(event.room)
        if not room.holdings.count(update, event.author):
            return
        room.authorship.take(update, event.author, at, event.away_secs)
        room.reading = None

    def _room(self, key: str) -> _Room:
        room = self._rooms.get(key)
        if room is None:
            room = _Room(Authorship(self.lesson.created_at))
            if key in self.lesson.rooms:
                self._rooms[key] = room
        return room

    def _settle(self, key: str, at: int) -> None:
        room, state = self._room(key), self.lesson.rooms.get(key)
        room.writable = state is not None and self.lesson.phase == "work" and not (state.locked or state.closed)
        room.settle(at)

    def _end_visit(self, at: int) -> None:
        visits = self._visits.get(self.lesson.visiting or "")
        if visits is not None and not self.lesson.ended:
            visits.milliseconds += at - visits.last_at
            visits.last_at = at

    def _members(self, key: str) -> list[str]:
        """Name everyone who ever sat, was present or wrote in a room, in the order they came."""
        room = self._room(key)
        return list(dict.fromkeys([*self.lesson.rooms[key].seats, *room.presence, *room.authorship.contributions]))

    def _shares(self, key: str, start: int, end: int, now: int) -> Iterator[Share]:
        """Give the part of everyone who is measured, between two times at the edges of slots or of the lesson."""
        room, people = self._room(key), self.lesson.people
        arrivals = {
            participant: arrived
            for participant, presence in room.presence.items()
            if (arrived := presence.arrived_at()) is not None
        }
        first = min(arrivals.values(), default=0)
        for participant, arrived in arrivals.items():
            if participant in people and not people[participant].measured:
                continue
            if arrived - first >= GRACE_SECS * 1000 > now - arrived:
                continue  # late, and still looking round (P14)
            units = crossed = 0
            done = room.authorship.contributions.get(participant)
            if done is not None:
                whole = start <= self.lesson.created_at and end >= self._at
                slots = None if whole else self._slots(start, end)
                units = len(done.slots) if slots is None else done.slots.count(slots)
                for built in done.builds_on.values():
                    crossed += len(built) if slots is None else built.count(slots)
            yield Share(participant, units, room.presence[participant].milliseconds(start, end) / 1000, crossed)

    def _weigh(self, key: str, shares: list[Share]) -> Balance:
        """Weigh a room's lesson so far."""
        authorship = self._room(key).authorship
        done = authorship.contributions
        return weigh(
            shares,
            begun=authorship.last_at is not None,
            worked=lambda participant: done[participant].slots if participant in done else (),
        )

    def _slots(self, start: int, end: int) -> range:
        slot = SLOT_SECS * 1000
        return range((start - self.lesson.created_at) // slot, -((self.lesson.created_at - end) // slot))

    def _read(self, room: _Room) -> _Reading:
        if room.reading is None:
            passage = room.authorship.replica.passage()
            text = "".join([piece for _, piece in passage])
            paragraphs: list[dict[str, int]] = [{}]
            for author, piece in passage:
                first, *others = piece.split("\n") if "\n" in piece else (piece,)
                paragraphs[-1][author] = paragraphs[-1].get(author, 0) + len(first)
                paragraphs += [{author: len(line)} for line in others]
            room.reading = _Reading(len(_WORD.findall(text)), paragraphs)
        return room.reading

    def ending(self, key: str) -> tuple[tuple[tuple[str, str], ...], int | None]:
        """Give the end of a room's text by author, and when anyone last earned a unit there (ms)."""
        authorship = self._room(key).authorship
        size = min(EXCERPT_BYTES, EXCERPTS_BYTES // max(1, len(self.lesson.rooms)))
        return _shortened(authorship.replica.ending(EXCERPT_CHARACTERS), size), authorship.last_at

    def room_figures(self, key: str, now: int, shown: RoomFigures | None = None) -> RoomFigures:
        """Give what the teacher is shown of one room, as of ``now`` (ms).

        What takes a walk through the whole text, ``words`` and ``paragraph_mix``, is taken from ``shown`` if given: at
        the end of an hour that walk takes 1 ms, and everything else 0.1 ms.
        """
        room = self._room(key)
        quiet_since = room.quiet_since()
        excerpt, last_at = self.ending(key)
        shares = list(self._shares(key, self.lesson.created_at, now, now)) if self.lesson.participation else []
        found = self._weigh(key, shares) if self.lesson.participation else None
        reasons = attention.reasons(self.lesson, key, found, quiet_since, last_at is not None, now)
        figures = RoomFigures(
            members={participant: self._member(room, participant, now) for participant in self._members(key)},
            words=self._read(room).words if shown is None else shown.words,
            excerpt=excerpt,
            reason=reasons[0],
            signs=tuple(reason.kind for reason in reasons),
            last_at=last_at,
            quiet_since=quiet_since,
        )
        if found is None:
            return figures
        present = tuple(share.participant for share in shares if share.seconds > 0)
        quietest, dominance = found.quietest, found.dominance
        return msgspec.structs.replace(
            figures,
            word=found.word,
            value=_rounded(found.value),
            slots=found.slots,
            cross_edit=_rounded(found.cross_edit),
            quietest=quietest and Quietest(quietest.participant, round(quietest.ratio, 3)),
            dominance=dominance and Dominance(dominance.participant, round(dominance.share, 3)),
            dominant=found.dominant,
            parallel=found.parallel,
            paragraph_mix=self._mix(room, present) if shown is None else shown.paragraph_mix,
        )

    def _mix(self, room: _Room, present: tuple[str, ...]) -> float | None:
        reading = self._read(room)
        if present not in reading.mix:
            reading.mix[present] = _rounded(paragraph_mix(reading.paragraphs, present))
        return reading.mix[present]

    def _member(self, room: _Room, participant: str, now: int) -> MemberFigures:
        presence = room.presence.get(participant)
        here = presence is not None and bool(presence.nodes)
        seconds = presence.milliseconds(0, now) // 1000 if presence is not None else 0
        if not self.lesson.participation:
            return MemberFigures(here, seconds)
        standing = room.authorship.replica.standing[participant]
        done = room.authorship.contributions.get(participant)
        if done is None:
            return MemberFigures(here, seconds, 0, standing, 0, 0)
        return MemberFigures(here, seconds, len(done.slots), standing, done.inserted, done.deleted)


def _shortened(passage: Passage, size: int) -> tuple[tuple[str, str], ...]:
    """Keep as much of the end of a passage as takes no more than ``size`` bytes when it is sent."""
    kept: list[tuple[str, str]] = []
    for author, text in reversed(passage):
        size -= len(author) + len('["",""],')
        encoded = text.encode()
        if size > 0:
            kept.append((author, encoded[-size:].decode(errors="ignore")))
        size -= len(encoded)
        if size <= 0:
            break
    return tuple(reversed(kept))


def _rounded(value: float | None) -> float | None:
    """Round to what a page shows; finer would change every second and be sent every second."""
    return None if value is None else round(value, 3)
