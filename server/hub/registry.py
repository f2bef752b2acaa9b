"""Which lessons are in memory: loaded when someone comes, let go when nobody has been there for a while."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from contextlib import suppress
from types import TracebackType
from typing import Protocol

import structlog

from server.bus import Bus
from server.clock import now_ms
from server.core.commands import Actor, AnyCommand, LessonDraft
from server.core.creation import decide_created
from server.core.events import encode_event
from server.errors import NotFound, Refused, Unavailable
from server.hub.company import Pace
from server.hub.decisions import new_context
from server.hub.lessons import LiveLesson
from server.hub.nodes import Nodes, RollCall
from server.hub.turns import Turns
from server.journal import READ_ENTRIES, Journal
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 signs no two of which look alike on a projector: without 0 O 1 I L."""
CODE_LENGTH = 6
_SWEEP_SECS = 30.0
_ROLL_CALL_SECS = 1.0
_TRY_AGAIN = 1012
"""The close code after which every client connects again (RFC 6455 registry: service restart)."""
_DAY_MS = 24 * 60 * 60 * 1000


def _deleted() -> NotFound:
    return NotFound("Your teacher deleted this lesson. Ask for the code of the next one.")


def _reopened() -> Unavailable:
    return Unavailable("This lesson is being opened again. Try again in a moment.", reason="reopened")


def new_lesson_id() -> str:
    """Make a lesson's id. It begins with no dash: the command line would take it for an option."""
    while (made := secrets.token_urlsafe(9)).startswith("-"):
        pass
    return made


def normalise_code(code: str) -> str:
    """Give a code as it is stored, from what somebody typed: any case, with spaces or dashes."""
    return "".join(sign for sign in code.upper() if sign.isalnum())


class Moderator(Protocol):
    """Who is told which lessons are live here."""

    async def watch(self, lesson: str) -> None:
        """Moderate a lesson from now on."""
        ...

    def unwatch(self, lesson: str) -> None:
        """Let go of a lesson."""
        ...


class Registry:
    """All live lessons of this process.

    An async context manager: it owns their background work, and closes the journal, which must be open, at its end.
    """

    def __init__(
        self,
        journal: Journal,
        bus: Bus,
        nodes: Nodes,
        turns: Turns,
        moderator: Moderator,
        limits: Limits,
        metrics: Metrics,
        retention_days: int,
    ) -> None:
        self._journal = journal
        self._moderator = moderator
        self._limits = limits
        self._metrics = metrics
        self._pace = Pace(limits.awareness_interval_secs)
        self._retention_days = retention_days
        self._turns = turns
        self._lessons: dict[str, asyncio.Task[LiveLesson]] = {}
        self._deleting: set[str] = set()
        """Sent away and unloaded, and not known to be gone from storage."""
        self._bus = bus
        self._nodes = nodes
        self._background: list[asyncio.Task[None]] = []
        self._wrong_codes_until = 0.0

    async def __aenter__(self) -> Registry:
        await self._nodes.open()
        self._background.append(asyncio.create_task(self._sweep(), name="registry.sweep"))
        if self._nodes.name:
            self._background.append(asyncio.create_task(self._call_roll(), name="registry.roll_call"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._background:
            task.cancel()
        for lesson in self.loaded():
            lesson.depart_all()
            self._unload(lesson.id)
        await self._journal.close()
        await self._nodes.close()

    def loaded(self) -> list[LiveLesson]:
        """Give the lessons that are in memory now."""
        return [task.result() for task in self._lessons.values() if task.done() and task.exception() is None]

    async def get(self, lesson: str) -> LiveLesson:
        """Give a lesson as it is now, loading it when needed; those who ask while it loads share one load.

        Who was told something by another process finds it here too, unless storage is away: then it is as was known
        last. Raises NotFound, and Unavailable when it was dropped just now.
        """
        task = self._lessons.get(lesson)
        if task is None:
            task = self._lessons[lesson] = asyncio.create_task(self._load(lesson), name="registry.load")
            task.add_done_callback(lambda done: self._forget_failed(lesson, done))
        # Shielded: the one who asked first may hang up while others still wait.
        live = await asyncio.shield(task)
        live.touch()  # whoever asked is about to come in: not the moment to unload it
        with suppress(Unavailable):
            await live.catch_up()
        if live.closed:
            raise _reopened()  # meanwhile: who came in now would never hear of anything
        return live

    async def _load(self, lesson: str) -> LiveLesson:
        live = LiveLesson(
            lesson,
            self._journal,
            self._limits,
            self._metrics,
            node=self._nodes.name,
            bus=self._bus if self._nodes.name else None,
            pace=self._pace,
            gone=lambda: self._drop(live, "deleted", _deleted(), NotFound.close_code),
            lost=lambda: self._drop(
                live, None, Unavailable("The server lost its memory of the last moment."), _TRY_AGAIN
            ),
        )
        try:
            await live.open()
            await self._moderator.watch(lesson)
            if live.closed:
                raise _reopened()
        except BaseException:
            live.close()
            self._moderator.unwatch(lesson)
            raise
        self._metrics.lessons.inc()
        return live

    def _forget_failed(self, lesson: str, task: asyncio.Task[LiveLesson]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._lessons.get(lesson) is task:
            del self._lessons[lesson]

    def _drop(self, live: LiveLesson, farewell: str | None, why: Refused, close_code: int) -> None:
        """Let go of a lesson that is no longer what it was here: it was deleted, or the journal lost a part of it."""
        log.warning("lesson.dropped", lesson=live.id, deleted=farewell is not None)
        live.audience.send_away(farewell, why, close_code)
        task = self._lessons.get(live.id)
        if task is not None and task.done() and task.result() is live:
            self._unload(live.id)
        else:
            live.close()

    def _unload(self, lesson: str) -> None:
        task = self._lessons.pop(lesson)
        task.result().close()
        self._moderator.unwatch(lesson)
        self._metrics.lessons.dec()

    async def create(self, draft: LessonDraft, *, demonstration: bool = False) -> LiveLesson:
        """Create a lesson under a new code. Raises Refused."""
        lesson = new_lesson_id()
        for _ in range(20):
            code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
            context = new_context()
            events = decide_created(draft, code, context, demonstration=demonstration)
            if isinstance(events, Refused):
                raise events
            if await self._journal.create(lesson, code, context.now, [encode_event(event) for event in events]):
                return await self.get(lesson)
        raise Unavailable("No free code was found. Try again.")

    async def find(self, code: str) -> LiveLesson:
        """Give the lesson with this code. Raises NotFound, after a wait when many wrong codes were tried."""
        lesson = await self._journal.find(normalise_code(code))
        if lesson is None:
            # Guessing is slowed for the process as a whole, and for wrong answers only: an address is a whole school.
            now = time.monotonic()
            self._wrong_codes_until = max(now, self._wrong_codes_until) + 1 / self._limits.wrong_code_rate
            wait = self._wrong_codes_until - now - 1.0
            if wait > 30.0:
                self._wrong_codes_until = now + 31.0
                raise Unavailable("Too many wrong codes just now. Wait a minute and try again.")
            if wait > 0:
                await asyncio.sleep(wait)
            raise NotFound("No lesson has this code. Look at the board again: six letters and numbers.", reason="code")
        return await self.get(lesson)

    async def execute(self, lesson: str, command: AnyCommand, actor: Actor) -> None:
        """Carry out a command, and what the end of a lesson asks of storage."""
        live = await self.get(lesson)
        was_over = live.state.phase == "ended"
        await live.execute(command, actor)
        if live.state.phase == "ended" and not was_over:
            await self._journal.end(lesson, now_ms())
            live.spawn(live.snapshots.save(READ_ENTRIES))

    async def delete(self, lesson: str) -> None:
        """Delete a lesson and everything about it, at once.

        Raises NotFound, or Unavailable when storage does not take it: ask again, or leave it to the next sweep.
        """
        if lesson not in self._deleting:  # one whose deletion has begun cannot be opened any more
            live = await self.get(lesson)
            live.audience.send_away("deleted", _deleted(), NotFound.close_code)
            self._unload(lesson)
            self._deleting.add(lesson)
        await self._journal.delete(lesson)
        self._deleting.discard(lesson)

    async def _call_roll(self) -> None:
        """End what processes held open that have ended: within some seconds, once for all who see it."""
        roll = RollCall(self._nodes)
        while True:
            await asyncio.sleep(_ROLL_CALL_SECS)
            try:
                lessons = self.loaded()
                for node in await roll.gone(set().union(*(live.nodes() | live.neighbours() for live in lessons))):
                    for live in lessons:
                        await live.lose_node(node)
            except Refused as refused:
                log.warning("registry.roll_call_failed", reason=refused.reason)

    async def _sweep(self) -> None:
        """Unload what is idle here; compact what is over and delete what is past its time: one process for all."""
        while True:
            try:
                await self._sweep_once()
            except Refused as refused:
                log.warning("registry.sweep_failed", reason=refused.reason)
            await asyncio.sleep(_SWEEP_SECS)

    async def _sweep_once(self) -> None:
        doomed = dict.fromkeys(self._deleting)
        if await self._turns.take("sweep", 2 * _SWEEP_SECS):
            for row in await self._journal.lessons():
                if now_ms() - max(row.last_at, row.created_at) > self._retention_days * _DAY_MS:
                    log.info("lesson.expired", lesson=row.lesson)
                    doomed[row.lesson] = None
        for lesson in doomed:
            try:
                await self.delete(lesson)
            except Refused as refused:
                log.warning("registry.not_deleted", lesson=lesson, reason=refused.reason)
        now = time.monotonic()
        let_go = False
        for live in self.loaded():
            if live.audience.empty and now - live.idle_since > self._limits.idle_unload_secs:
                await live.snapshots.save(READ_ENTRIES)
                if not live.audience.empty or live.closed or live.idle_since > now:
                    continue  # somebody came meanwhile
                ended = live.state.phase == "ended"
                self._unload(live.id)
                let_go = True
                if ended and await self._turns.take(f"compact:{live.id}", _SWEEP_SECS):
                    await self._journal.compact(live.id)
        if let_go:
            # A lesson's parts know each other, and the collector looks by itself only once in many millions of new
            # objects (see ``__main__``): what was let go of would stay.
            gc.collect()
