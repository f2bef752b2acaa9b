"""The fold of one lesson's journal into its figures.

What comes is kept, and folded when somebody looks: a hundred keys in one go cost about half of what they cost singly,
each between a hundred other things (2026-11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from server.core.events import decode_event
from server.core.participation import Participation
from server.errors import Unavailable
from server.journal import Entry, Journal, Tail
from server.moderator.frames import Frames

FOLD_TOGETHER = 500
"""So many entries wait at most for somebody to look: some milliseconds of folding."""


class Fold:
    """Everything that happened in one lesson so far. ``open`` it before use and ``close`` it after."""

    def __init__(self, lesson: str, received: Callable[[Sequence[Entry]], None] | None = None) -> None:
        self.lesson = lesson
        self._participation = Participation(lesson)
        self._frames = Frames(self._participation)
        self._waiting: list[Entry] = []
        self.ended = asyncio.Event()
        """Set when the journal has lost or deleted what this rests on: begin again, if the lesson is still there."""
        self._received = received
        self._seq = 0
        self._tail: Tail | None = None
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def participation(self) -> Participation:
        """What has been counted until now; to be read before the next ``await``."""
        self._fold()
        return self._participation

    @property
    def frames(self) -> Frames:
        """What a dashboard is shown of it."""
        self._fold()
        return self._frames

    async def open(self, journal: Journal) -> None:
        """Fold the journal so far and follow it; ``received`` is told of what comes later. Raises as ``follow``."""
        self._tail = await journal.follow(self.lesson, self._receive, lost=self._end, gone=self._end)

    def close(self) -> None:
        """Stop following."""
        if self._tail is not None:
            self._tail.close()

    async def reach(self, seq: int) -> None:
        """Wait until everything up to an entry is here, to be folded when it is looked at."""
        if self._seq < seq:
            reached = asyncio.get_running_loop().create_future()
            self._awaited.append((seq, reached))
            await reached

    def _receive(self, entries: Sequence[Entry]) -> None:
        self._waiting += entries
        if self._tail is None or len(self._waiting) >= FOLD_TOGETHER:
            self._fold()
        self._seq = entries[-1].seq
        for seq, reached in self._awaited:
            if seq <= self._seq and not reached.done():
                reached.set_result(None)
        if self._awaited:
            self._awaited = [each for each in self._awaited if not each[1].done()]
        if self._tail is not None and self._received is not None:
            self._received(entries)

    def _fold(self) -> None:
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            event = decode_event(entry.body)
            self._participation.apply(event, entry.at)
            self._frames.note(event)

    def _end(self) -> None:
        self.ended.set()
        for _, reached in self._awaited:
            if not reached.done():
                reached.set_exception(Unavailable("The lesson was begun again. Try again in a moment.", reason="lost"))
        self._awaited.clear()
