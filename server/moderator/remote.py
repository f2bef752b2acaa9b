"""What a web process knows of moderators that are processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

import structlog

from server.bus import Bus
from server.clock import now_ms
from server.core.events import Kind
from server.core.participation import Participation
from server.errors import Unavailable
from server.journal import Journal
from server.metrics import Metrics
from server.moderator import MODERATORS_TOPIC, asked_topic, records_topic
from server.moderator.fold import Fold
from server.moderator.lease import ANNOUNCE_SECS, Leases
from server.moderator.service import NO_RECORDS, digest
from server.redis_link import FAILURES

log = structlog.get_logger(__name__)

_ASK_SECS: Final = 0.5
"""How soon to ask again for a lesson of which nothing has been heard yet."""
_REACH_SECS: Final = 5.0


class _Lesson:
    """What has been heard of one lesson, and its fold once somebody has asked for it."""

    def __init__(self, lesson: str, bus: Bus, topic: str) -> None:
        self.figures: bytes | None = None
        self.records = NO_RECORDS
        self.fold: asyncio.Task[Fold] | None = None
        self._lesson = lesson
        self._bus = bus
        self._subscriptions = (
            bus.subscribe(topic, self._receive_figures),
            bus.subscribe(records_topic(lesson), self._receive_records),
        )

    def ask(self) -> None:
        """Ask whoever moderates the lesson for what is newer."""
        self._bus.publish(asked_topic(self._lesson), digest(self.figures, self.records))

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        self.drop_fold()

    def drop_fold(self) -> None:
        """Let go of the fold, or of the attempt at one: not by cancelling it, others may be waiting."""
        if self.fold is not None:
            self.fold.add_done_callback(_close)
            self.fold = None

    def _receive_figures(self, payload: bytes) -> None:
        self.figures = payload

    def _receive_records(self, payload: bytes) -> None:
        self.records = payload


class RemoteModerator:
    """See ``server.moderator.Moderator``: announces lessons, listens, and folds for itself what is asked for here."""

    def __init__(
        self, journal: Journal, bus: Bus, topic: Callable[[str], str], leases: Leases, metrics: Metrics
    ) -> None:
        self._journal = journal
        self._bus = bus
        self._topic = topic
        self._leases = leases
        self._metrics = metrics
        self._lessons: dict[str, _Lesson] = {}
        self._new = asyncio.Event()
        self._announcer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> RemoteModerator:
        self._announcer = asyncio.create_task(self._announce(), name="moderator.announce")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._announcer is not None:
            self._announcer.cancel()
        for lesson in tuple(self._lessons):
            self.unwatch(lesson)

    async def watch(self, lesson: str) -> None:
        self._lessons[lesson] = _Lesson(lesson, self._bus, self._topic(lesson))
        self._new.set()

    def unwatch(self, lesson: str) -> None:
        watched = self._lessons.pop(lesson, None)
        if watched is not None:
            watched.close()

    async def participation(self, lesson: str) -> Participation:
        return (await self._fold(lesson)).participation

    async def rooms_with(self, lesson: str, sign: Kind) -> tuple[str, ...]:
        frames = (await self._fold(lesson)).frames
        frames.at(now_ms())
        return frames.rooms_with(sign)

    def latest(self, lesson: str) -> bytes | None:
        watched = self._lessons.get(lesson)
        return watched.figures if watched is not None else None

    def latest_records(self, lesson: str) -> bytes:
        watched = self._lessons.get(lesson)
        return watched.records if watched is not None else NO_RECORDS

    async def _fold(self, lesson: str) -> Fold:
        watched = self._lessons[lesson]
        if watched.fold is not None and _over(watched.fold):
            watched.drop_fold()
        if watched.fold is None:
            watched.fold = asyncio.create_task(self._open_fold(lesson), name="moderator.fold")
        # Shielded: who asked first may hang up while others wait for the same fold.
        fold = await asyncio.shield(watched.fold)
        try:
            # What another process was told is done must be in a report asked for here.
            latest = await self._journal.latest(lesson)
        except Unavailable:
            return fold  # storage is away: what is here is better than nothing
        try:
            async with asyncio.timeout(_REACH_SECS):
                await fold.reach(latest)
        except TimeoutError:
            raise Unavailable("The server has not caught up yet. Try again in a moment.", reason="behind") from None
        return fold

    async def _open_fold(self, lesson: str) -> Fold:
        fold = Fold(lesson)
        try:
            await fold.open(self._journal)
        except BaseException:
            fold.close()
            raise
        return fold

    async def _announce(self) -> None:
        """Keep the announcements fresh, and ask for what was missed: the bus may lose a frame."""
        known: frozenset[str] = frozenset()
        alone = False
        asked_all_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            self._new.clear()
            lessons = frozenset(self._lessons)
            fresh = lessons - known
            due = loop.time() >= asked_all_at + ANNOUNCE_SECS
            if fresh or due:
                try:
                    living = await self._leases.announce(lessons)
                except FAILURES:
                    pass  # the journal says enough about it
                else:
                    known = lessons
                    if fresh:
                        self._bus.publish(MODERATORS_TOPIC, b"")
                    self._metrics.moderators.set(living)
                    if lessons and not living and not alone:
                        log.warning("moderator.nobody", lessons=len(lessons))
                    alone = bool(lessons) and not living
            for watched in tuple(self._lessons.values()):
                if due or watched.figures is None:
                    watched.ask()
            if due:
                asked_all_at = loop.time()
            unheard = any(watched.figures is None for watched in self._lessons.values())
            try:
                async with asyncio.timeout(_ASK_SECS if unheard else ANNOUNCE_SECS):
                    await self._new.wait()
            except TimeoutError:
                pass


def _close(task: asyncio.Task[Fold]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _over(task: asyncio.Task[Fold]) -> bool:
    """Say whether a fold failed, or rests on what the journal no longer holds."""
    return task.done() and (task.cancelled() or task.exception() is not None or task.result().ended.is_set())
