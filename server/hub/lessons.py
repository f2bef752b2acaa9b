"""A live lesson: its state, its documents, and everyone connected to it.

One object owns all of a lesson's memory on this process. Commands are decided one at a time under its lock, because a
decision must see what the one before it made durable; document updates need no lock, they commute. Other processes may
hold the same lesson: what they decide arrives by the journal, and a decision that did not know of theirs is made again.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Coroutine, Sequence

import structlog

from server.bus import Bus
from server.clock import now_ms
from server.core import lookups
from server.core.commands import Actor, AnyCommand
from server.core.decisions import decide, decide_due, decide_join
from server.core.events import (
    TEACHER_AUTHOR,
    AnyEvent,
    DocumentUpdated,
    NodeLost,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantRenamed,
    Seated,
    decode_event,
    encode_event,
)
from server.core.lesson import LOCK_GRACE_MS, Lesson, next_due
from server.errors import Forbidden, NotSignedIn, Refused, Unavailable
from server.hub.attendance import Attendance
from server.hub.audience import Audience, DocumentSeat, Watcher
from server.hub.awareness import Face
from server.hub.company import Pace
from server.hub.connection import RateLimit
from server.hub.decisions import Decisions, new_context
from server.hub.presence_bus import PresenceBus
from server.hub.progress import Progress
from server.hub.rooms import Failed, LiveRoom
from server.hub.snapshots import SNAPSHOT_ENTRIES, Snapshots
from server.hub.storage import StorageHealth
from server.journal import Ended, Entry, Journal, Tail
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)


class LiveLesson:
    """One lesson in memory. ``open`` it before use and ``close`` it after."""

    def __init__(
        self,
        lesson: str,
        journal: Journal,
        limits: Limits,
        metrics: Metrics,
        *,
        node: str = "",
        bus: Bus | None = None,
        pace: Pace | None = None,
        gone: Ended | None = None,
        lost: Ended | None = None,
    ) -> None:
        """``node`` is this process's name, see ``hub.nodes``; ``gone`` and ``lost`` are as in ``Journal.follow``.

        ``bus`` joins presence with that of the other processes, where there are any; ``pace`` is that of all lessons
        here.
        """
        self.id = lesson
        self.state = Lesson(lesson)
        self.rooms: dict[str, LiveRoom] = {}
        self.audience = Audience(limits.view_interval_secs)
        self.idle_since = time.monotonic()
        self.closed = False
        self._journal = journal
        self._limits = limits
        self._metrics = metrics
        self._pace = pace or Pace(limits.awareness_interval_secs)
        self._node = node
        self._gone = gone
        self._lost = lost
        self._paces: dict[Actor, RateLimit] = {}
        self._tail: Tail | None = None
        self._progress = Progress(limits.storage_retry_secs)
        self._decisions = Decisions(lesson, journal, self._progress, metrics, self._written)
        self.snapshots = Snapshots(journal, lesson, self._progress, self.rooms)
        self._attendance = Attendance(node, self.state, limits.departure_hold_secs, self._note)
        self._due_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._live = False
        self._presence = PresenceBus(bus, lesson, node, self._existing, self.rooms) if bus is not None else None
        self._storage = StorageHealth(limits.storage_retry_secs, self.audience.show_storage, self._store_again)

    # ── life ──

    async def open(self) -> None:
        """Fold the journal so far and follow it from then on. Raises NotFound when there is no such lesson."""
        await self._begin()
        after = self._progress.seq
        self._tail = await self._journal.follow(self.id, self._receive, after, lost=self._lost, gone=self._gone)
        self._live = True
        # An earlier process of this name ended without closing what it held open: presences end where its entries do.
        await self.lose_node(self._node)
        if self._presence is not None:
            self._presence.open()
        self._schedule_due()

    async def _begin(self) -> None:
        """Take everything that a snapshot has; nothing when there is none."""
        found = await self.snapshots.load()
        if found is None:
            return
        seq, frozen = found
        rooms = {name: LiveRoom(self._limits, self._metrics, self._pace, self._break) for name in frozen.rooms}
        try:
            for name, live in rooms.items():
                live.thaw(frozen.rooms[name])
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the document engine is one
            log.warning("snapshot.unreadable", lesson=self.id, kind=type(error).__name__)
            return
        for at, body in frozen.entries:
            self._take(decode_event(body), at, body)
        for name, live in rooms.items():
            self._keep(name, live)
        self.snapshots.seq = seq
        self._progress.reach(seq)

    def close(self) -> None:
        """Let go of everything; sockets must be closed already, and note nothing more."""
        self.closed = True
        if self._tail is not None:
            self._tail.close()
        for room in self.rooms.values():
            room.stop()
        self._storage.stop()
        self._attendance.stop()
        if self._presence is not None:
            self._presence.close()
        self._progress.stop()
        self.audience.stop()
        if self._due_timer is not None:
            self._due_timer.cancel()
        for task in self._tasks:
            task.cancel()

    # ── what happened: the tail ──

    def _receive(self, entries: Sequence[Entry]) -> None:
        updates: dict[str, list[tuple[str, bytes]]] = {}
        changed = False
        rooms = self.state.rooms
        for entry in entries:
            event = decode_event(entry.body)
            if isinstance(event, DocumentUpdated):
                if event.room in rooms:
                    updates.setdefault(event.room, []).append((event.author, event.update))
            else:
                self._take(event, entry.at, entry.body)
                changed = True
        if changed and self._live:
            self._recheck(None)  # before any of the text: a room may just have ceased to be shared
        slowest = 0.0
        for room, batch in updates.items():
            live = self.room(room)
            known = len(live.owners)
            slowest = max(slowest, live.apply(batch))
            changed = changed or len(live.owners) != known  # who is behind a client id is a part of people's views
        if slowest > 0.0:
            self._metrics.echo_seconds.observe(slowest)
        self._progress.reach(entries[-1].seq)
        if self._live and (changed or self.state.spotlight in updates):
            self.audience.changed()
        if self._live and changed:
            self._schedule_due()
        if self._live and (frozen := self.snapshots.make(SNAPSHOT_ENTRIES)) is not None:
            self.spawn(self.snapshots.store(frozen, self.snapshots.seq))

    def _take(self, event: AnyEvent, at: int, body: bytes) -> None:
        self.state.apply(event, at)
        self._attendance.apply(event, at)
        self.snapshots.note(at, body)
        self._follow(event)

    def _follow(self, event: AnyEvent) -> None:
        """Do what an event asks of live sockets, besides showing it."""
        match event:
            case NodeLost(node=node) if node == self._node and self._live:
                # Others took this process for dead: it was cut off for a while. Whoever is here is here again.
                asyncio.get_running_loop().call_soon(self._note_missing)
            case ParticipantLeft(participant=participant, removed=removed):
                if removed:
                    self.audience.dismiss(
                        participant,
                        "removed",
                        NotSignedIn("Your teacher took you out of this lesson. Ask your teacher if this is a mistake."),
                    )
                else:
                    self.audience.dismiss(
                        participant,
                        "left",
                        NotSignedIn("You left this lesson. To come back, join again with the code on the board."),
                    )
            case Seated(participant=participant):
                # What was typed up to the move may still be under way: the old room's socket stays for the grace.
                if self._live:
                    asyncio.get_running_loop().call_later(LOCK_GRACE_MS / 1000, self._recheck, participant)
                self._refresh_face(participant)
            case ParticipantRenamed(participant=participant):
                self._refresh_face(participant)
            case _:
                pass

    def _recheck(self, participant: str | None) -> None:
        self.audience.recheck(participant, self.may_read)

    def _refresh_face(self, participant: str) -> None:
        for room_id, room in self.rooms.items():
            if room.seats:
                room.awareness.rename(self.face(participant, room_id))
                room.company.changed()

    async def catch_up(self) -> None:
        """Wait until everything is here that is durable now, whichever process wrote it. Raises Refused."""
        await self._progress.wait(await self._journal.latest(self.id))

    # ── what people ask for: commands ──

    def pace_of(self, actor: Actor) -> RateLimit:
        """Give the pace of one person's commands that come over HTTP, where no connection has one."""
        if actor not in self._paces:
            self._paces[actor] = RateLimit(self._limits.command_rate, self._limits.command_burst, time.monotonic())
        return self._paces[actor]

    async def execute(self, command: AnyCommand, actor: Actor) -> None:
        """Decide a command and make its events durable; when this returns, they are applied and on their way to all.

        Raises Refused.
        """
        await self._decisions.decide(lambda: decide(self.state, command, actor, new_context()))

    async def join(self, name: str) -> str:
        """Add a participant and give the new id. Raises Refused."""
        events = await self._decisions.decide(lambda: decide_join(self.state, name, new_context()))
        return next(event.participant for event in events if isinstance(event, ParticipantJoined))

    async def lose_node(self, node: str) -> None:
        """Note once, of all processes that see it, that another one has ended. Raises Unavailable."""
        if self._presence is not None:
            self._presence.lose(node)
        await self._decisions.decide(lambda: (NodeLost(node),) if node in self._attendance.nodes() else ())

    def neighbours(self) -> set[str]:
        """Name the other processes that this one tells who is here."""
        return self._presence.others if self._presence is not None else set()

    def nodes(self) -> set[str]:
        """Name the processes that hold something of this lesson open, as far as is known here."""
        shown = self._presence.nodes() if self._presence is not None else set()
        return self._attendance.nodes() | shown

    def _note(self, event: AnyEvent) -> None:
        """Journal a fact that needs no decision; one that cannot be stored now is made up for: see ``_store_again``."""
        if self.closed:
            return  # a socket that ends after its lesson: opening the lesson again notes that nobody is here
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

    def _store_again(self) -> bool:
        """Journal who came and went while that could not be stored; tell whether that or anyone's text still waits."""
        return self._note_missing() or any(seat.unsaved for seat in self.audience.seats)

    def _note_missing(self) -> bool:
        return self._attendance.note_missing(self.audience.participants())

    # ── documents ──

    def room(self, room: str) -> LiveRoom:
        """Give a room's live document."""
        live = self.rooms.get(room)
        if live is None:
            live = LiveRoom(self._limits, self._metrics, self._pace, self._break)
            self._keep(room, live)
        return live

    def _keep(self, room: str, live: LiveRoom) -> None:
        self.rooms[room] = live
        if self._presence is not None:
            live.company.tell = functools.partial(self._presence.tell, room, live)

    def _existing(self, room: str) -> LiveRoom | None:
        return self.room(room) if room in self.state.rooms else None

    def _break(self) -> None:
        log.error("document.panic", lesson=self.id)
        if self._lost is not None:
            asyncio.get_running_loop().call_soon(self._lost)

    def may_read(self, actor: Actor, room: str) -> Refused | None:
        """Say why this person may not read this room's text, or None when they may (P20)."""
        if room not in self.state.rooms:
            return lookups.no_room()
        match actor.role:
            case "teacher":
                return None
            case "participant":
                person = self.state.people.get(actor.participant or "")
                if person is not None and not person.left and person.room == room:
                    return None
                return Forbidden("This is not your room: go back to your own, or ask your teacher to move you.")
            case "projector":
                if self.state.spotlight == room or self.state.rooms[room].ready:
                    return None
                return Forbidden(
                    "This text has not been shared: its group can mark it ready, or the teacher can show it."
                )
            case _:
                return Forbidden("This text is not open to you.")

    def admit(self, room: str, update: bytes, author: str, away_secs: float | None, failed: Failed) -> None:
        """Admit an update and send it on its way. Raises Refused; calls ``failed`` when nothing became of it."""
        live = self.room(room)
        now = now_ms()
        admitted = live.admit(update, author, failed, writable=self.state.can_write(room, author, now))
        if isinstance(admitted, Refused):
            raise admitted
        if not admitted.is_new:
            return

        def done(error: Unavailable | None) -> None:
            if error is not None:
                live.forget(update)
                failed(error)
            elif self._storage.good:
                return
            self._written(error)

        self._journal.append(self.id, now, [encode_event(DocumentUpdated(room, author, update, away_secs))], done)

    def enter(self, seat: DocumentSeat) -> float | None:
        """Add a document socket; give the seconds since this person last had the room open, None if it is open now."""
        self.audience.seats.add(seat)
        self.room(seat.room).enter(seat)
        return self._attendance.open_document(seat.room, seat.author, seat.actor.participant, now_ms())

    def leave(self, seat: DocumentSeat) -> None:
        """Remove a document socket."""
        self.audience.seats.discard(seat)
        self.room(seat.room).leave(seat)
        self._attendance.close_document(seat.room, seat.author, seat.actor.participant)
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
        self.audience.watchers.add(watcher)
        participant = watcher.actor.participant
        if participant is None or watcher.actor.role != "participant":
            return
        self._attendance.arrive(participant, first=self.audience.count(participant) == 1)

    def depart(self, watcher: Watcher) -> None:
        """Remove a lesson socket; the person counts as away a little later, so that a reload is no departure."""
        self.audience.watchers.discard(watcher)
        self.touch()
        participant = watcher.actor.participant
        if participant is None or watcher.actor.role != "participant":
            return
        if not self.audience.count(participant):
            self._attendance.depart(participant)

    def depart_all(self) -> None:
        """Note at once who has gone: this process is about to end."""
        self._attendance.depart_all()

    def touch(self) -> None:
        """Count as in use now."""
        self.idle_since = time.monotonic()

    # ── the clock ──

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
            await self._decisions.decide(lambda: decide_due(self.state, now_ms()))
        except Refused:
            log.warning("lesson.due_not_stored", lesson=self.id)
            await asyncio.sleep(self._limits.storage_retry_secs)
        self._schedule_due()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run something that belongs to this lesson and ends with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
