"""What a hub has folded of a lesson, kept so that the next one need not read 100,000 entries to open it.

A snapshot never stands for entries: it may be lost, of another version or damaged, and then the journal is folded from
the beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from server.errors import Refused
from server.hub.frozen import FrozenLesson
from server.hub.progress import Progress
from server.hub.rooms import LiveRoom
from server.journal import Journal

log = structlog.get_logger(__name__)

SNAPSHOT = "hub"
"""The name under which the journal keeps it."""
SNAPSHOT_ENTRIES = 5_000
"""From so many new entries on a snapshot is made; they are folded in a tenth of a second."""
_VERSION = 1


class _Head(msgspec.Struct, array_like=True, frozen=True):
    version: int


class Snapshots:
    """Those of one lesson."""

    def __init__(self, journal: Journal, lesson: str, progress: Progress, rooms: Mapping[str, LiveRoom]) -> None:
        self._journal = journal
        self._lesson = lesson
        self._progress = progress
        self._rooms = rooms
        self._entries: list[tuple[int, bytes]] = []
        self.seq = 0
        """Up to where one was last made, or found."""

    def note(self, at: int, body: bytes) -> None:
        """Keep an entry that is no text for the next one: there are some hundred in a lesson."""
        self._entries.append((at, body))

    async def load(self) -> tuple[int, FrozenLesson] | None:
        """Read the last one and the seq it goes up to; None when there is none that can be used.

        Raises NotFound and Unavailable.
        """
        snapshot = await self._journal.snapshot(self._lesson, SNAPSHOT)
        if snapshot is None or snapshot.seq > await self._journal.latest(self._lesson):
            return None
        try:
            if msgspec.msgpack.decode(snapshot.data, type=_Head).version != _VERSION:
                return None
            return snapshot.seq, msgspec.msgpack.decode(snapshot.data, type=FrozenLesson)
        except msgspec.DecodeError:
            log.warning("snapshot.unreadable", lesson=self._lesson)
            return None

    async def save(self, least_entries: int = 1) -> None:
        """Make one and store it, unless it is not the time for it: see ``make``."""
        frozen = self.make(least_entries)
        if frozen is not None:
            await self.store(frozen, self.seq)

    def make(self, least_entries: int) -> FrozenLesson | None:
        """Freeze the lesson, unless there are fewer new entries, or text is on its way: then another time."""
        seq = self._progress.seq
        if seq - self.seq < least_entries or not all(room.at_rest for room in self._rooms.values()):
            return None
        self.seq = seq
        return FrozenLesson(_VERSION, self._entries.copy(), {name: room.freeze() for name, room in self._rooms.items()})

    async def store(self, frozen: FrozenLesson, seq: int) -> None:
        """Keep what was made at ``seq``."""
        try:
            data = await asyncio.to_thread(msgspec.msgpack.encode, frozen)
            await self._journal.save_snapshot(self._lesson, SNAPSHOT, seq, data)
        except Refused as refused:
            log.warning("snapshot.not_stored", lesson=self._lesson, reason=refused.reason)
