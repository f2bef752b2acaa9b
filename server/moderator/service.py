"""The moderator: folds the same tail as everyone and tells the teacher, live, how the work is shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from server.bus import Bus
from server.clock import now_ms
from server.core.events import Kind, decode_event
from server.core.participation import Participation
from server.journal import Entry, Journal, Tail
from server.metrics import Metrics
from server.moderator.frames import TICK_MS, Frames
from server.settings import Limits

RECORDS_SECS = 10.0
"""How often a student's own record is brought up to date: its unit is ten seconds."""


def records_topic(lesson: str) -> str:
    """Name the bus topic on which everyone's own record is published, as JSON by participant.

    Give nobody any but their own (P20).
    """
    return f"records:{lesson}"


class Moderation:
    """The fold of one lesson, and its publication."""

    def __init__(self, lesson: str, topic: str, bus: Bus, limits: Limits, metrics: Metrics) -> None:
        self._topic = topic
        self._records_topic = records_topic(lesson)
        self._bus = bus
        self._limits = limits
        self._metrics = metrics
        self.participation = Participation(lesson)
        self.frames = Frames(self.participation)
        self._tail: Tail | None = None
        self._timer: asyncio.Handle | None = None
        self._due_at = 0.0
        """When the timer fires, on the loop's clock."""
        self._published_at = 0.0
        self._records_at = 0.0
        self._shared = False
        self._oldest_unpublished: int | None = None
        self.latest: bytes | None = None
        """What was last published; for a teacher who comes in between."""
        self.latest_records = b"{}"

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
            event = decode_event(entry.body)
            self.participation.apply(event, entry.at)
            self.frames.note(event)
        if self._tail is None:
            return  # history: one publication follows
        if self._oldest_unpublished is None and entries:
            self._oldest_unpublished = entries[0].at
        loop = asyncio.get_running_loop()
        due = max(loop.time(), self._published_at + self._limits.figures_interval_secs)
        if self._timer is None or self._due_at > due:
            self._publish_at(due)

    def _publish_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due
        self._timer = asyncio.get_running_loop().call_at(due, self.publish)

    def publish(self) -> None:
        """Publish the figures as they are now, if they are new; and again after a while."""
        loop = asyncio.get_running_loop()
        self._published_at = loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = now_ms()
        frame = msgspec.json.encode(self.frames.at(now))
        if self._oldest_unpublished is not None:
            self._metrics.moderator_lag_seconds.observe(max(0.0, (now - self._oldest_unpublished) / 1000))
            self._oldest_unpublished = None
        if frame != self.latest:
            self.latest = frame
            self._bus.publish(self._topic, frame)
        self._publish_records(now)
        if self.participation.lesson.phase != "ended" or self.frames.pending:
            wait = self._limits.figures_interval_secs if self.frames.pending else TICK_MS / 1000
            self._publish_at(self._published_at + wait)

    def _publish_records(self, now: int) -> None:
        lesson = self.participation.lesson
        shared = lesson.record_shared and lesson.participation
        at_once = shared != self._shared or lesson.ended
        if at_once or (shared and self._published_at - self._records_at >= RECORDS_SECS):
            self._shared, self._records_at = shared, self._published_at
            records = msgspec.json.encode(self.frames.records(now))
            if records != self.latest_records:
                self.latest_records = records
                self._bus.publish(self._records_topic, records)


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

    def rooms_with(self, lesson: str, sign: Kind) -> tuple[str, ...]:
        """Name the open rooms that show a sign just now."""
        moderation = self._moderations.get(lesson)
        return moderation.frames.rooms_with(sign) if moderation is not None else ()

    def latest_records(self, lesson: str) -> bytes:
        """Give what was last published on ``records_topic``."""
        moderation = self._moderations.get(lesson)
        return moderation.latest_records if moderation is not None else b"{}"

    def latest(self, lesson: str) -> bytes | None:
        """Give what was last published of a lesson, as JSON ``{figures, triage}``."""
        moderation = self._moderations.get(lesson)
        return moderation.latest if moderation is not None else None
