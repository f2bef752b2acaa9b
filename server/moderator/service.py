"""The moderator: folds the same tail as everyone and tells the teacher, live, how the work is shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from server.bus import Bus
from server.clock import now_ms
from server.core.attention import steady
from server.core.events import decode_event
from server.core.participation import Participation
from server.journal import Entry, Journal, Tail
from server.metrics import Metrics
from server.settings import Limits

_TICK_SECS = 1.0
"""Reasons also change by time alone: a room falls quiet without anything happening."""


class Moderation:
    """The fold of one lesson, and its publication."""

    def __init__(self, lesson: str, topic: str, bus: Bus, limits: Limits, metrics: Metrics) -> None:
        self._topic = topic
        self._bus = bus
        self._limits = limits
        self._metrics = metrics
        self.participation = Participation(lesson)
        self._tail: Tail | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._published_at = 0.0
        self._order: list[str] = []
        self._moved_at: dict[str, int] = {}
        self._oldest_unpublished: int | None = None
        self.latest: bytes | None = None
        """What was last published; for a teacher who comes in between."""

    async def open(self, journal: Journal, lesson: str) -> None:
        """Fold the journal so far and follow it."""
        self._tail = await journal.follow(lesson, self._receive)
        self.publish()

    def close(self) -> None:
        """Stop following and publishing."""
        if self._tail is not None:
            self._tail.close()
        if self._timer is not None:
            self._timer.cancel()

    def _receive(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.participation.apply(decode_event(entry.body), entry.at)
        if self._tail is None:
            return  # history: one publication follows
        if self._oldest_unpublished is None and entries:
            self._oldest_unpublished = entries[0].at
        loop = asyncio.get_running_loop()
        due = max(loop.time(), self._published_at + self._limits.figures_interval_secs)
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(due, self.publish)

    def publish(self) -> None:
        """Publish the figures as they are now, if they are new; and again after a while."""
        loop = asyncio.get_running_loop()
        self._published_at = loop.time()
        if self._timer is not None:
            self._timer.cancel()
        now = now_ms()
        frame = self._frame(now)
        if self._oldest_unpublished is not None:
            self._metrics.moderator_lag_seconds.observe(max(0.0, (now - self._oldest_unpublished) / 1000))
            self._oldest_unpublished = None
        if frame != self.latest:
            self.latest = frame
            self._bus.publish(self._topic, frame)
        if self.participation.lesson.phase != "ended":
            self._timer = loop.call_later(_TICK_SECS, self.publish)
        else:
            self._timer = None

    def _frame(self, now: int) -> bytes:
        figures = self.participation.figures(now)
        wanted = self.participation.order(figures)
        self._order, self._moved_at = steady(self._order, wanted, now, self._moved_at)
        return msgspec.json.encode({"figures": figures, "triage": {"order": self._order}})


class Moderator:
    """The lessons that this process moderates."""

    def __init__(
        self, journal: Journal, bus: Bus, topic: Callable[[str], str], limits: Limits, metrics: Metrics
    ) -> None:
        self._journal = journal
        self._bus = bus
        self._topic = topic
        self._limits = limits
        self._metrics = metrics
        self._moderations: dict[str, Moderation] = {}

    async def watch(self, lesson: str) -> None:
        """Moderate a lesson from now on. Raises NotFound."""
        moderation = Moderation(lesson, self._topic(lesson), self._bus, self._limits, self._metrics)
        await moderation.open(self._journal, lesson)
        self._moderations[lesson] = moderation

    def unwatch(self, lesson: str) -> None:
        """Let go of a lesson."""
        moderation = self._moderations.pop(lesson, None)
        if moderation is not None:
            moderation.close()

    def participation(self, lesson: str) -> Participation:
        """Give the fold of a lesson that is watched, to read from. Raises KeyError."""
        return self._moderations[lesson].participation

    def latest(self, lesson: str) -> bytes | None:
        """Give what was last published of a lesson, as JSON ``{figures, triage}``."""
        moderation = self._moderations.get(lesson)
        return moderation.latest if moderation is not None else None
