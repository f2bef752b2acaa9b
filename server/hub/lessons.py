"""A live lesson: its state, its documents, and everyone connected to it.

One object owns all of a lesson's memory on this process. Commands are decided one at a time under its lock, because a
decision must see what the one before it made durable; document updates need no lock, they commute.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import structlog

from server.clock import now_ms
from server.core.decisions import Context, decide, decide_due, decide_join
from server.core.events import (
    TEACHER_AUTHOR,
    Actor,
    AnyCommand,
    AnyEvent,
    DocumentClosed,
    DocumentOpened,
    DocumentUpdated,
    LessonEnded,
    NodeLost,
    ParticipantArrived,
    ParticipantDeparted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRenamed,
    RoomSpotlit,
    Seated,
    decode_event,
    encode_event,
)
from server.core.lesson import LOCK_GRACE_MS, Lesson, next_due
from server.errors import Forbidden, NotFound, Refused, Unavailable
from server.hub.awareness import Face
from server.hub.rooms import LiveRoom
from server.hub.storage import StorageHealth
from server.journal import Entry, Journal, Tail
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)


NODE = ""
"""This process's name in presence events: the embedded journal has one process, which needs none."""


def new_context() -> Context:
    """Give a decision what the core may not take for itself: the time, chance, and new identifiers."""
    return Context(now=now_ms(), rng=random.Random(secrets.randbits(64)), new_id=lambda: secrets.token_urlsafe(9))


class Watcher(Protocol):
    """A lesson socket, as the lesson sees it."""

    actor: Actor

    def show(self) -> None:
        """Send what has changed in this person's view of the lesson."""
        ...

    def dismiss(self, code: str, message: str) -> None:
        """Say goodbye for good and close."""
        ...

    def show_storage(self, ok: bool) -> None:
        """Say whether writing to the journal works."""
        ...

    def close(self, code: int, reason: str = "") -> None: ...


class DocumentSeat(Protocol):
    """A document socket, as the lesson sees it."""

    actor: Actor
    author: str
    room: str

    @property
    def unsaved(self) -> bool:
        """Whether this person has text that could not be stored and has not arrived again."""
        ...

    def send(self, frame: bytes) -> None: ...

    def send_prepared(self, frame: bytes) -> None: ...

    def close(self, code: int, reason: str = "") -> None: ...


class LiveLesson:
    """One lesson in memory. ``open`` it before use and ``close`` it after."""

    def __init__(self, lesson: str, journal: Journal, limits: Limits, metrics: Metrics) -> None:
        self.id = lesson
        self.state = Lesson(lesson)
        self.rooms: dict[str, LiveRoom] = {}
        self.watchers: set[Watcher] = set()
        self.seats: set[DocumentSeat] = set()
        self.idle_since = time.monotonic()
        self._journal = journal
        self._limits = limits
        self._metrics = metrics
        self._tail: Tail | None = None
        self._lock = asyncio.Lock()
        self._open_documents: Counter[tuple[str, str]] = Counter()  # (room, participant) -> sockets here
        self._last_closed: dict[tuple[str, str], int] = {}  # (room, participant) -> ms
        self._stale_documents: set[tuple[str, str]] = set()  # opened in the journal, closed nowhere
        self._departures: dict[str, asyncio.TimerHandle] = {}
        self._view_timer: asyncio.TimerHandle | None = None
        self._viewed_at = 0.0
        self._due_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._live = False
        self._storage = StorageHealth(limits.storage_retry_secs, self._show_storage, self._store_again)

    # ── life ──

    async def open(self) -> None:
        """Fold the journal so far and follow it from then on. Raises NotFound when there is no such lesson."""
        self._tail = await self._journal.follow(self.id, self._receive)
        self._live = True
        if self._stale_documents or any(NODE in person.nodes for person in self.state.people.values()):
            # An earlier process ended without closing what it held open: presences end where its entries do.
            await self._commit((NodeLost(),))
        self._schedule_due()

    def close(self) -> None:
        """Let go of everything; sockets must be closed already."""
        if self._tail is not None:
            self._tail.close()
        for room in self.rooms.values():
            room.stop()
        self._storage.stop()
        for timer in (self._view_timer, self._due_timer, *self._departures.values()):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()

    @property
    def idle(self) -> bool:
        """Whether nobody is connected."""
        return not self.watchers and not self.seats

    # ── what happened: the tail ──

    def _receive(self, entries: Sequence[Entry]) -> None:
        updates: dict[str, list[tuple[str, bytes]]] = {}
        changed = False
        for entry in entries:
            event = decode_event(entry.body)
            if isinstance(event, DocumentUpdated):
                updates.setdefault(event.room, []).append((event.author, event.update))
            else:
                self.state.apply(event, entry.at)
                self._follow(event, entry.at)
                changed = True
        for room, batch in updates.items():
            self.room(room).apply(batch)
        if self._live and (changed or self.state.spotlight in updates):
            self.changed()
        if self._live and changed:
            self._schedule_due()

    def _follow(self, event: AnyEvent, at: int) -> None:
        """Do what an event asks of live sockets, besides showing it."""
        match event:
            case DocumentOpened(room=room, participant=participant, node=node):
                if node == NODE:
                    self._stale_documents.add((room, participant))
            case DocumentClosed(room=room, participant=participant):
                self._stale_documents.discard((room, participant))
                self._last_closed[room, participant] = at
            case NodeLost(node=node) if node == NODE:
                for key in self._stale_documents:
                    self._last_closed[key] = at
                self._stale_documents.clear()
            case ParticipantLeft(participant=participant, removed=removed):
                message = "Your teacher took you out of this lesson." if removed else "You left this lesson."
                self._dismiss(participant, "removed" if removed else "left", message)
            case Seated(participant=participant):
                # What was typed up to the move may still be under way: the old room's socket stays for the grace.
                if self._live:
                    asyncio.get_running_loop().call_later(LOCK_GRACE_MS / 1000, self._recheck_seats)
                self._refresh_face(participant)
            case ParticipantRenamed(participant=participant):
                self._refresh_face(participant)
            case RoomSpotlit() | LessonEnded():
                self._recheck_seats()
            case _:
                pass

    def _recheck_seats(self) -> None:
        """Close the document sockets of those who may no longer read what they read: revoking cuts the connection."""
        for seat in tuple(self.seats):
            refused = self.may_read(seat.actor, seat.room)
            if refused is not None:
                seat.close(refused.close_code, refused.message)

    def _refresh_face(self, participant: str) -> None:
        for room_id, room in self.rooms.items():
            if room.seats:
                room.awareness.rename(self.face(participant, room_id))
                room.awareness_changed()

    def _dismiss(self, participant: str, code: str, message: str) -> None:
        for seat in tuple(self.seats):
            if seat.actor.participant == participant:
                seat.close(4403, message)
        for watcher in tuple(self.watchers):
            if watcher.actor.participant == participant:
                watcher.dismiss(code, message)

    # ── what people ask for: commands ──

    async def execute(self, command: AnyCommand, actor: Actor) -> None:
        """Decide a command and make its events durable; when this returns, they are applied and on their way to all.

        Raises Refused.
        """
        await self._decide(lambda: decide(self.state, command, actor, new_context()))

    async def join(self, name: str) -> str:
        """Add a participant and give the new id. Raises Refused."""
        events = await self._decide(lambda: decide_join(self.state, name, new_context()))
        return next(event.participant for event in events if isinstance(event, ParticipantJoined))

    async def _decide(self, decision: Callable[[], tuple[AnyEvent, ...] | Refused]) -> tuple[AnyEvent, ...]:
        async with self._lock:
            events = decision()
            if isinstance(events, Refused):
                self._metrics.refusals.labels(events.reason).inc()
                raise events
            if events:
                await self._commit(events)
            return events

    async def _commit(self, events: Sequence[AnyEvent]) -> None:
        try:
            await self._journal.commit(self.id, now_ms(), [encode_event(event) for event in events])
        except Unavailable as error:
            self._written(error)
            raise
        self._written(None)

    def _note(self, event: AnyEvent) -> None:
        """Journal a fact that needs no decision; one that cannot be stored now is made up for: see ``_store_again``."""
        self._journal.append(self.id, now_ms(), [encode_event(event)], self._written)

    # ── storage ──

    @property
    def stored(self) -> bool:
        """Whether what happens here is being stored."""
        return self._storage.good

    def _written(self, error: Unavailable | None) -> None:
        if error is not None:
            self._metrics.storage_failures.inc()
        self._storage.note(error)

    def _show_storage(self, ok: bool) -> None:
        for watcher in self.watchers:
            watcher.show_storage(ok)

    def _store_again(self) -> bool:
        """Journal who came and went while that could not be stored; tell whether that or anyone's text still waits."""
        missing: list[AnyEvent] = []
        open_now = {key for key in self._open_documents if key[1] in self.state.people}
        missing += [DocumentOpened(*key) for key in open_now - self._stale_documents]
        missing += [DocumentClosed(*key) for key in self._stale_documents - open_now]
        here = {watcher.actor.participant for watcher in self.watchers} | self._departures.keys()
        for participant, person in self.state.people.items():
            if participant in here and NODE not in person.nodes and not person.left:
                missing.append(ParticipantArrived(participant))
            elif participant not in here and NODE in person.nodes:
                missing.append(ParticipantDeparted(participant))
        for event in missing:
            self._note(event)
        return bool(missing) or any(seat.unsaved for seat in self.seats)

    # ── documents ──

    def room(self, room: str) -> LiveRoom:
        """Give a room's live document."""
        live = self.rooms.get(room)
        if live is None:
            live = self.rooms[room] = LiveRoom(self._limits, self._metrics)
        return live

    def may_read(self, actor: Actor, room: str) -> Refused | None:
        """Say why this person may not read this room's text, or None when they may (P20)."""
        if room not in self.state.rooms:
            return NotFound("There is no such room.")
        match actor.role:
            case "teacher" | "system":
                return None
            case "participant":
                person = self.state.people.get(actor.participant or "")
                if person is not None and not person.left and person.room == room:
                    return None
                return Forbidden("This is not your room.")
            case "projector":
                if self.state.spotlight == room or self.state.rooms[room].ready:
                    return None
                return Forbidden("This text has not been shared.")
            case _:
                return Forbidden("This text is not open to you.")

    def admit(self, room: str, update: bytes, author: str, away_secs: float | None, failed: Callable[[], None]) -> None:
        """Admit an update and send it on its way. Raises Refused; calls ``failed`` when it could not be stored."""
        live = self.room(room)
        admitted = live.admit(update, author, writable=self.state.can_write(room, author, now_ms()))
        if isinstance(admitted, Refused):
            raise admitted
        if not admitted.is_new:
            return

        def done(error: Unavailable | None) -> None:
            if error is not None:
                live.forget(update)
                failed()
            self._written(error)

        self._journal.append(self.id, now_ms(), [encode_event(DocumentUpdated(room, author, update, away_secs))], done)

    def enter(self, seat: DocumentSeat) -> float | None:
        """Add a document socket; give the seconds since this person last had the room open, None if it is open now."""
        self.seats.add(seat)
        self.room(seat.room).enter(seat)
        key = (seat.room, seat.author)
        self._open_documents[key] += 1
        if self._open_documents[key] > 1:
            return None
        participant = seat.actor.participant
        if participant is not None:
            self._note(DocumentOpened(seat.room, participant))
        person = self.state.people.get(participant or "")
        since = self._last_closed.get(key, person.joined_at if person is not None else now_ms())
        return max(0.0, (now_ms() - since) / 1000)

    def leave(self, seat: DocumentSeat) -> None:
        """Remove a document socket."""
        self.seats.discard(seat)
        self.room(seat.room).leave(seat)
        key = (seat.room, seat.author)
        self._open_documents[key] -= 1
        if not self._open_documents[key]:
            del self._open_documents[key]
            if seat.actor.participant is not None:
                self._note(DocumentClosed(seat.room, seat.actor.participant))
        self.touch()

    def face(self, author: str, room: str) -> Face:
        """Give how a person appears in a room."""
        if author == TEACHER_AUTHOR:
            return Face(author, "", 0)
        person = self.state.people[author]
        return Face(author, person.name, self.state.rooms[room].seats.get(author, 0))

    # ── people ──

    def arrive(self, watcher: Watcher) -> None:
        """Add a lesson socket."""
        self.watchers.add(watcher)
        participant = watcher.actor.participant
        if participant is None or watcher.actor.role != "participant":
            return
        departure = self._departures.pop(participant, None)
        if departure is not None:
            departure.cancel()
        elif sum(other.actor.participant == participant for other in self.watchers) == 1:
            self._note(ParticipantArrived(participant))

    def depart(self, watcher: Watcher) -> None:
        """Remove a lesson socket; the person counts as away a little later, so that a reload is no departure."""
        self.watchers.discard(watcher)
        self.touch()
        participant = watcher.actor.participant
        if participant is None or watcher.actor.role != "participant":
            return
        if any(other.actor.participant == participant for other in self.watchers):
            return

        def gone() -> None:
            del self._departures[participant]
            self._note(ParticipantDeparted(participant))

        loop = asyncio.get_running_loop()
        self._departures[participant] = loop.call_later(self._limits.departure_hold_secs, gone)

    def touch(self) -> None:
        """Count as in use now."""
        self.idle_since = time.monotonic()

    # ── views and the clock ──

    def changed(self) -> None:
        """Show everyone what is new: at once after a quiet spell, else at the views' pace."""
        if self._view_timer is None:
            loop = asyncio.get_running_loop()
            wait = self._viewed_at + self._limits.view_interval_secs - loop.time()
            self._view_timer = loop.call_later(max(0.0, wait), self._show)

    def _show(self) -> None:
        self._view_timer = None
        self._viewed_at = asyncio.get_running_loop().time()
        for watcher in tuple(self.watchers):
            watcher.show()

    def _schedule_due(self) -> None:
        if self._due_timer is not None:
            self._due_timer.cancel()
            self._due_timer = None
        due = next_due(self.state)
        if due is not None:
            loop = asyncio.get_running_loop()
            self._due_timer = loop.call_later(max(0.0, (due - now_ms()) / 1000), self._run_due)

    def _run_due(self) -> None:
        self._due_timer = None
        self.spawn(self._decide_due())

    async def _decide_due(self) -> None:
        try:
            await self._decide(lambda: decide_due(self.state, now_ms()))
        except Refused:
            log.warning("lesson.due_not_stored", lesson=self.id)
            await asyncio.sleep(self._limits.storage_retry_secs)
        self._schedule_due()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run something that belongs to this lesson and ends with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
