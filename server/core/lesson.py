"""The state of a lesson: a fold over its journal.

``Lesson.apply`` is total. The journal is the truth, so an event about someone or something unknown is passed over and
never raises. What may happen is decided in ``decisions``, before it is written; who may see it in ``views``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, assert_never

from server.core import events
from server.core.events import TEACHER_AUTHOR, AnyEvent
from server.core.patch import JSONObject

Phase = Literal["lobby", "work", "gather", "ended"]
LockReason = Literal["teacher", "time"]

PEOPLE_MAX = 500
ROOMS_MAX = 60  # open at once
ROOMS_EVER_MAX = 200  # closed ones keep their text, and so their place in memory
TALK_KEPT = 200  # lines in a room; older ones stand in the journal
MESSAGES_KEPT = 300  # one prompt to all of forty rooms is forty
PENS_DOWN_SECS = 30  # from "time is up" to the lock: a sentence is finished in less
_LONG_AGO = -(2**50)
LOCK_GRACE_MS = 2000  # what was typed before a lock was seen may still arrive (DESIGN.md: edits to a locked room)


@dataclass(slots=True)
class Hand:
    reason: events.HelpReason
    note: str
    since: int
    """ms; kept when the reason changes, so that saying more costs nobody their place in the queue."""


@dataclass(slots=True)
class Person:
    participant: str
    name: str
    joined_at: int
    room: str | None = None
    """None in the lobby, and for those who have left."""
    seat: int = 0
    left: bool = False
    removed: bool = False
    nodes: set[str] = field(default_factory=set)
    """The server processes that hold a connection of this person."""
    hand: Hand | None = None
    pulse: events.Pulse | None = None
    measured: bool = True
    answer: str = ""
    """What they say about their own record."""

    @property
    def here(self) -> bool:
        return bool(self.nodes) and not self.left


@dataclass(slots=True)
class TalkLine:
    message: str
    author: str
    text: str
    at: int


@dataclass(slots=True)
class RoomState:
    room: str
    name: str
    topic: str = ""
    closed_at: int | None = None
    locked_at: int | None = None
    lock_reason: LockReason = "teacher"
    ready: bool = False
    met: set[int] = field(default_factory=set)
    members: dict[str, int] = field(default_factory=dict)
    """Who sits here now, and on which seat."""
    seats: dict[str, int] = field(default_factory=dict)
    """Everyone who ever sat here: a seat, and so a colour in the text, is never given twice."""
    vacated_at: dict[str, int] = field(default_factory=dict)
    """When someone last moved away from here."""
    talk: list[TalkLine] = field(default_factory=list)
    visits: int = 0
    roles: dict[str, events.Role] = field(default_factory=dict)
    turns: int = 0
    """How often roles were given here."""
    talk_shown: JSONObject | None = field(default=None, compare=False, repr=False)
    """The talk as ``views`` last put it, kept until it changes: 8,000 lines in 40 rooms are not built for each view."""

    @property
    def closed(self) -> bool:
        return self.closed_at is not None

    @property
    def locked(self) -> bool:
        return self.locked_at is not None

    def next_seat(self) -> int:
        """Give the smallest seat, from 1, that nobody ever had here."""
        taken = set(self.seats.values())
        return next(seat for seat in range(1, len(taken) + 2) if seat not in taken)


@dataclass(slots=True)
class Timer:
    ends_at: int
    ran_out_at: int | None = None
    pens_down: bool = False
    """The lock that follows has come; it comes once, so that a teacher can unlock after it."""

    @property
    def ran_out(self) -> bool:
        return self.ran_out_at is not None


@dataclass(slots=True)
class Message:
    message: str
    text: str
    kind: events.MessageKind
    at: int
    room: str | None = None
    participant: str | None = None


@dataclass(slots=True)
class Lesson:
    id: str
    title: str = ""
    code: str = ""
    task: str = ""
    criteria: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()
    grouping: events.Grouping = "random"
    minutes: int | None = None
    participation: bool = True
    template: str = ""
    roster: dict[str, str] = field(default_factory=dict)
    """Key of a name (``names.key``) to room."""
    language: str = "en"
    demonstration: bool = False
    hint: str = ""
    stretch: str = ""
    record_shared: bool = False
    created_at: int = 0
    phase: Phase = "lobby"
    paused_at: int | None = _LONG_AGO
    """When writing stopped for everyone, by gathering or ending; long ago before rooms open, None while they are."""
    people: dict[str, Person] = field(default_factory=dict)
    rooms: dict[str, RoomState] = field(default_factory=dict)
    timer: Timer | None = None
    all_locked: bool = False
    """Every room is locked (each ``RoomState`` says so too), and so is one that is added."""
    lock_reason: LockReason = "teacher"
    messages: list[Message] = field(default_factory=list)
    spotlight: str | None = None
    visiting: str | None = None

    @property
    def ended(self) -> bool:
        return self.phase == "ended"

    def present(self) -> list[Person]:
        """Give everyone who has not left, in the order they joined, whether connected just now or not."""
        return [person for person in self.people.values() if not person.left]

    def open_rooms(self) -> list[RoomState]:
        return [room for room in self.rooms.values() if not room.closed]

    def members(self, room: str) -> list[Person]:
        """Give the people who sit in a room now, first come first."""
        state = self.rooms.get(room)
        return [self.people[participant] for participant in state.members] if state else []

    def can_write(self, room: str, author: str, now: int) -> bool:
        """Tell whether an author's edit that arrives at ``now`` may enter the room's text.

        People write in the room they sit in while work goes on, and ``LOCK_GRACE_MS`` longer in what has just been
        locked, closed, gathered, ended or left for another room. Locks do not bind the teacher.
        """
        state = self.rooms.get(room)
        if state is None:
            return False
        if author == TEACHER_AUTHOR:
            return not self.ended
        person = self.people.get(author)
        if person is None or person.left:
            return False
        if person.room != room and not _in_grace(state.vacated_at.get(author, _LONG_AGO), now):
            return False
        if self.paused_at is None and state.locked_at is None and state.closed_at is None:
            return True  # asked for at every keystroke: a third of the time
        return all(_in_grace(since, now) for since in (self.paused_at, state.locked_at, state.closed_at))

    def apply(self, event: AnyEvent, at: int) -> None:
        """Take one journal entry into account; ``at`` is its time in ms."""
        match event:
            case events.LessonCreated():
                self.title, self.code, self.task = event.title, event.code, event.task
                self.criteria, self.starters = tuple(event.criteria), tuple(event.starters)
                self.grouping, self.minutes, self.participation = event.grouping, event.minutes, event.participation
                self.template, self.roster = event.template, dict(event.roster)
                self.language, self.demonstration, self.created_at = event.language, event.demonstration, at
                self.hint, self.stretch = event.hint, event.stretch
            case events.RosterSet():
                self.roster = dict(event.roster)
            case events.RoomAdded(room=key):
                if key not in self.rooms:
                    state = RoomState(key, event.name, event.topic)
                    if self.all_locked:
                        state.locked_at, state.lock_reason = at, self.lock_reason
                    self.rooms[key] = state
            case events.RoomRenamed():
                for room in self._room(event.room):
                    room.name = event.name
            case events.RoomClosed():
                for room in self._room(event.room):
                    room.closed_at = at if room.closed_at is None else room.closed_at
            case events.ParticipantJoined():
                self.people.setdefault(event.participant, Person(event.participant, event.name, at))
            case events.ParticipantRenamed():
                for person in self._person(event.participant):
                    person.name = event.name
                    for room in self.rooms.values():
                        if event.participant in room.seats:
                            room.talk_shown = None
            case events.ParticipantLeft():
                for person in self._person(event.participant):
                    self._stand_up(person, at)
                    person.left, person.removed = True, person.removed or event.removed
                    person.hand = None
                    person.nodes.clear()
            case events.Seated():
                for person in self._person(event.participant):
                    self._seat(person, event, at)
            case events.RoomsOpened():
                if not self.ended:
                    self.phase, self.paused_at = "work", None
            case events.Gathered():
                if not self.ended:
                    self.phase, self.paused_at = "gather", self._paused(at)
            case events.LessonEnded():
                self.phase, self.paused_at, self.timer = "ended", self._paused(at), None
                for person in self.people.values():
                    person.hand = None
            case events.TimerStarted() | events.TimerExtended():
                self.timer = Timer(event.ends_at)
            case events.TimerStopped():
                self.timer = None
            case events.TimerRanOut():
                if self.timer is not None:
                    self.timer.ran_out_at = at
            case events.Locked():
                self._lock(event, at)
            case events.Unlocked():
                self.all_locked = False
                for room in self._room(event.room) if event.room is not None else self.rooms.values():
                    room.locked_at = None
            case events.MessageSent():
                message = Message(event.message, event.text, event.kind, at, event.room, event.participant)
                self.messages = [*self.messages[1 - MESSAGES_KEPT :], message]
            case events.Talked():
                for room in self._room(event.room):
                    line = TalkLine(event.message, event.author, event.text, at)
                    room.talk = [*room.talk[1 - TALK_KEPT :], line]
                    room.talk_shown = None
            case events.HandRaised():
                for person in self._person(event.participant):
                    person.hand = Hand(event.reason, event.note, person.hand.since if person.hand else at)
            case events.HandLowered():
                for person in self._person(event.participant):
                    person.hand = None
            case events.ReadyMarked():
                for room in self._room(event.room):
                    room.ready = event.ready
            case events.CriterionMarked():
                for room in self._room(event.room):
                    room.met = room.met | {event.criterion} if event.met else room.met - {event.criterion}
            case events.PulseGiven():
                for person in self._person(event.participant):
                    person.pulse = event.pulse
            case events.RoomSpotlit():
                self.spotlight = event.room if event.room in self.rooms else None
            case events.RoomVisited():
                self.visiting = event.room if event.room in self.rooms else None
                for room in self._room(self.visiting):
                    room.visits += 1
            case events.MeasuringChanged():
                for person in self._person(event.participant):
                    person.measured = event.measured
            case events.RecordShared():
                self.record_shared = event.on
            case events.RolesGiven():
                for room in self._room(event.room):
                    room.roles, room.turns = dict(event.roles), room.turns + 1
            case events.AnswerGiven():
                for person in self._person(event.participant):
                    person.answer = event.text
            case events.ParticipantArrived():
                for person in self._person(event.participant):
                    person.nodes.add(event.node)
            case events.ParticipantDeparted():
                for person in self._person(event.participant):
                    person.nodes.discard(event.node)
            case events.NodeLost():
                for person in self.people.values():
                    person.nodes.discard(event.node)
            case events.DocumentOpened() | events.DocumentClosed() | events.DocumentUpdated():
                pass  # the text's own matter: ``authorship`` and the moderator fold these
            case _:
                assert_never(event)

    def _person(self, participant: str) -> Iterator[Person]:
        """Give the one person of this id who is still in the lesson, or none: no branch at each use."""
        person = self.people.get(participant)
        if person is not None and not person.left:
            yield person

    def _room(self, room: str | None) -> Iterator[RoomState]:
        state = self.rooms.get(room) if room is not None else None
        if state is not None:
            yield state

    def _seat(self, person: Person, event: events.Seated, at: int) -> None:
        room = self.rooms.get(event.room) if event.room is not None else None
        if room is None and event.room is not None:
            return
        self._stand_up(person, at)
        if room is not None:
            person.room, person.seat = room.room, event.seat
            room.members[person.participant] = room.seats[person.participant] = event.seat

    def _stand_up(self, person: Person, at: int) -> None:
        for room in self._room(person.room):
            room.members.pop(person.participant, None)
            room.vacated_at[person.participant] = at
        person.room, person.seat = None, 0

    def _paused(self, at: int) -> int:
        return at if self.paused_at is None else self.paused_at

    def _lock(self, event: events.Locked, at: int) -> None:
        """Lock; what is locked already keeps its reason: more time then does not undo a teacher's own lock."""
        if event.room is None:
            if not self.all_locked:
                self.all_locked, self.lock_reason = True, event.reason
            if event.reason == "time" and self.timer is not None:
                self.timer.pens_down = True
        for room in self._room(event.room) if event.room is not None else self.rooms.values():
            if room.locked_at is None:
                room.locked_at, room.lock_reason = at, event.reason


def next_due(lesson: Lesson) -> int | None:
    """Give the time (ms) at which ``decisions.decide_due`` next decides something; None: not by the clock."""
    timer = lesson.timer
    if timer is None or lesson.ended:
        return None
    if timer.ran_out_at is None:
        return timer.ends_at
    if timer.pens_down or lesson.phase != "work":
        return None
    return timer.ran_out_at + PENS_DOWN_SECS * 1000


def _in_grace(since: int | None, now: int) -> bool:
    """Tell whether what stops writing since ``since`` still lets pass what was in flight; None stops nothing.

    A clock that is put back leaves it in the future: that must not keep a locked text open until then.
    """
    return since is None or abs(now - since) < LOCK_GRACE_MS
