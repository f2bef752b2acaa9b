"""The moderator of one lesson: folds the same tail as everyone and publishes what the teacher is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final
from zlib import crc32

import msgspec

from server.bus import Bus
from server.clock import now_ms
from server.core.events import Kind
from server.core.participation import Participation
from server.journal import Entry, Journal
from server.metrics import Metrics
from server.moderator import records_topic
from server.moderator.fold import Fold
from server.moderator.frames import TICK_MS
from server.settings import Limits

RECORDS_SECS = 10.0
"""How often a student's own record is brought up to date: its unit is ten seconds."""
NO_RECORDS: Final = b"{}"


def digest(figures: bytes | None, records: bytes) -> bytes:
    """Give what a web process says it has heard, to be told what is newer."""
    return crc32(figures or b"").to_bytes(4) + crc32(records).to_bytes(4)


class Moderation:
    """The fold of one lesson, and its publication."""

    def __init__(self, lesson: str, topic: str, bus: Bus, limits: Limits, metrics: Metrics) -> None:
        self.fold = Fold(lesson, self._note)
        self.latest: bytes | None = None
        """What was last published; for a teacher who comes in between."""
        self.latest_records = NO_RECORDS
        self._topic = topic
        self._records_topic = records_topic(lesson)
        self._bus = bus
        self._limits = limits
        self._metrics = metrics
        self._timer: asyncio.Handle | None = None
        self._due_at = 0.0
        """When the timer fires, on the loop's clock."""
        self._published_at = 0.0
        self._records_at = 0.0
        self._shared = False
        self._oldest_unpublished: int | None = None

    async def open(self, journal: Journal) -> None:
        """Fold the journal so far and follow it."""
        await self.fold.open(journal)
        self.publish()

    def close(self) -> None:
        """Stop following and publishing."""
        self.fold.close()
        if self._timer is not None:
            self._timer.cancel()

    def answer(self, heard: bytes) -> None:
        """Publish again what somebody who has heard only this has missed."""
        if self.latest is not None and heard != digest(self.latest, self.latest_records):
            self._bus.publish(self._topic, self.latest)
            self._bus.publish(self._records_topic, self.latest_records)

    def _note(self, entries: Sequence[Entry]) -> None:
        if self._timer is not None and not self._bus.wanted(self._topic):
            return  # nobody looks: whoever comes is given a fresh look
        if self._oldest_unpublished is None:
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
        """Publish the figures as they are now, if somebody looks and they are new; and again after a while."""
        loop = asyncio.get_running_loop()
        self._published_at = loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = now_ms()
        wanted = self._bus.wanted(self._topic)
        if wanted:
            self.look(now)
        self._publish_records(now)
        if self.fold.participation.lesson.phase != "ended" or self.fold.frames.pending:
            soon = wanted and self.fold.frames.pending
            self._publish_at(self._published_at + (self._limits.figures_interval_secs if soon else TICK_MS / 1000))

    def look(self, now: int) -> None:
        """Take the figures as they are at ``now`` (ms), and publish them if they are new."""
        frame = msgspec.json.encode(self.fold.frames.at(now))
        if self._oldest_unpublished is not None:
            self._metrics.moderator_lag_seconds.observe(max(0.0, (now - self._oldest_unpublished) / 1000))
            self._oldest_unpublished = None
        if frame != self.latest:
            self.latest = frame
            self._bus.publish(self._topic, frame)

    def _publish_records(self, now: int) -> None:
        lesson = self.fold.participation.lesson
        shared = lesson.record_shared and lesson.participation
        at_once = shared != self._shared or lesson.ended
        if at_once or (shared and self._published_at - self._records_at >= RECORDS_SECS):
            self._shared, self._records_at = shared, self._published_at
            records = msgspec.json.encode(self.fold.frames.records(now))
            if records != self.latest_records:
                self.latest_records = records
                self._bus.publish(self._records_topic, records)


class EmbeddedModerator:
    """See ``server.moderator.Moderator``: moderates, in the only process, every lesson that is in memory."""

    def __init__(
        self, journal: Journal, bus: Bus, topic: Callable[[str], str], limits: Limits, metrics: Metrics
    ) -> None:
        self._journal = journal
        self._bus = bus
        self._topic = topic
        self._limits = limits
        self._metrics = metrics
        self._moderations: dict[str, Moderation] = {}

    async def __aenter__(self) -> EmbeddedModerator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lesson in tuple(self._moderations):
            self.unwatch(lesson)

    async def watch(self, lesson: str) -> None:
        moderation = Moderation(lesson, self._topic(lesson), self._bus, self._limits, self._metrics)
        await moderation.open(self._journal)
        self._moderations[lesson] = moderation

    def unwatch(self, lesson: str) -> None:
        moderation = self._moderations.pop(lesson, None)
        if moderation is not None:
            moderation.close()

    async def participation(self, lesson: str) -> Participation:
        # A commit has reached every tail before whoever asked for it knows.
        return self._moderations[lesson].fold.participation

    async def rooms_with(self, lesson: str, sign: Kind) -> tuple[str, ...]:
        moderation = self._moderations[lesson]
        moderation.look(now_ms())
        return moderation.fold.frames.rooms_with(sign)

    def latest(self, lesson: str) -> bytes | None:
        moderation = self._moderations.get(lesson)
        if moderation is None:
            return None
        moderation.look(now_ms())
        return moderation.latest

    def latest_records(self, lesson: str) -> bytes:
        moderation = self._moderations.get(lesson)
        return moderation.latest_records if moderation is not None else NO_RECORDS
