"""The journal in one SQLite file: the default, which needs no other service.

Three threads stand beside the event loop: the writer with the one connection that writes, the reader, and the
checkpointer, which empties the write-ahead log.
Everything in ``SqliteJournal`` is touched by the loop alone; a thread is given values and gives values back.

Group commit, and what keeps it right without a lock: the writer holds at most one batch and never takes the next by
itself. The loop gives it one as soon as anything is queued, but never before it has dealt with the outcome of the last:

- durable: everything queued meanwhile is given to the writer, and while it is written the tails receive the batch, then
  its ``done`` are called;
- failed: the batch and everything queued meanwhile fail together, in order. Between the failure and this moment
  the writer has had nothing to do, so nothing admitted on top of what failed can have become durable.

A statement in the writer's thread needs Python's global lock a few times, and a saturated loop that lets go of it
only inside ``select`` can starve a waiting thread for seconds (seen: 3.5 s for one commit of 20 lessons). The
process that composes this journal should call ``sys.setswitchinterval(0.0002)``: in the same
trial medians of 0.5 to 1.3 ms, p99 up to 62 ms. Much shorter is no better: 0.00005 starved the thread again.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from server.journal import READ_ENTRIES, Conflict, Done, Ended, Entry, LessonRow, Receive, Snapshot, Tail
from server.journal.rows import pack
from server.journal.sqlite_store import Known, Row, Store
from server.journal.tails import Append, LiveTail, behind, closed, guarded, no_lesson, not_found, settling, unavailable
from server.journal.worker import Worker

MAX_QUEUED_BYTES = 32 * 1024 * 1024
"""What may wait for the disk: some minutes of a whole school's typing, and bounded memory when the disk hangs."""

CHECKPOINT_SECS = 1.0
"""How long what is durable stands in the write-ahead log alone, while anything is written."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(slots=True)
class _Part:
    """What one transaction writes of a lesson, and where it will stand once that is durable."""

    known: Known
    seq: int
    at: int
    exclusive: int
    entries: list[Entry] = field(default_factory=list)

    def add(self, append: Append) -> None:
        """Number an append's entries, unless it is exclusive and was outrun."""
        if append.after is not None and self.exclusive > append.after:
            append.outrun = self.exclusive
            return
        if append.bodies and append.at > self.at:
            self.at = append.at
        for body in append.bodies:
            self.seq += 1
            self.entries.append(Entry(self.seq, self.at, body))
        append.seq = self.seq
        if append.after is not None and append.bodies:
            self.exclusive = self.seq

    def row(self) -> Row:
        """Pack the entries; in the writer's thread, whose blocks come and go beside the loop's and not among them."""
        return Row(self.known.key, self.seq, self.at, pack([(entry.at, entry.body) for entry in self.entries]))

    def settle(self) -> None:
        """Have the lesson stand where it does now."""
        self.known.seq, self.known.last_at, self.known.exclusive = self.seq, self.at, self.exclusive


@dataclass(slots=True)
class _Batch:
    """What one transaction writes."""

    appends: list[Append] = field(default_factory=list)
    parts: dict[str, _Part] = field(default_factory=dict)
    secs: float = 0
    """How long it took."""


class SqliteJournal:
    """Keep the journal in the file ``path``, for this process alone.

    An entry is durable when SQLite's write-ahead log has been synced (``synchronous=FULL``): it survives a power cut.
    ``observe`` is told of each commit, on the loop: how many seconds it took and how many entries it held.
    """

    _loop: asyncio.AbstractEventLoop
    _store: Store
    _writer: Worker
    _reader: Worker
    _checkpointer: Worker

    def __init__(
        self,
        path: Path,
        *,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        observe: Callable[[float, int], None] | None = None,
    ) -> None:
        self._path = path
        self._observe = observe
        self._max_queued_bytes = max_queued_bytes
        self._is_open = False
        self._known: dict[str, Known] = {}
        self._codes: dict[str, str] = {}
        self._keys = itertools.count(1)
        self._tails: dict[str, list[LiveTail]] = {}
        self._queue: list[Append] = []
        self._queued_bytes = 0
        """Of the queue and the batch being written."""
        self._writing = False
        self._idle = asyncio.Event()
        self._checkpoint: Future[None] | None = None
        self._checkpoint_due = 0.0
        """On the loop's clock."""

    async def open(self) -> None:
        if self._is_open:
            return
        self._loop = asyncio.get_running_loop()
        self._writer = Worker("journal-writer")
        self._reader = Worker("journal-reader")
        self._checkpointer = Worker("journal-checkpointer")
        try:
            self._store, known = await self._loop.run_in_executor(self._writer, Store.open, self._path)
        except BaseException:
            self._end_threads()
            raise
        self._known = {row.lesson: row for row in known}
        self._codes = {row.code: row.lesson for row in known}
        # Never reused while the process runs: a read still under way cannot find another lesson under its key.
        self._keys = itertools.count(max((row.key for row in known), default=0) + 1)
        self._checkpoint_due = self._loop.time() + CHECKPOINT_SECS
        self._idle.set()
        self._is_open = True

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        await self._idle.wait()
        await self._loop.run_in_executor(self._reader, self._store.close_reader)
        await self._loop.run_in_executor(self._checkpointer, self._store.close_checkpointer)
        await self._loop.run_in_executor(self._writer, self._store.close)
        self._end_threads()

    def _end_threads(self) -> None:
        for thread in (self._writer, self._reader, self._checkpointer):
            thread.shutdown(wait=False)

    async def check(self) -> None:
        self._require_open()

    async def create(self, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> bool:
        def created(known: Known | None) -> None:
            if known is not None:
                self._known[lesson] = known
                self._codes[code] = lesson

        key = next(self._keys)
        return await self._write(lambda: self._store.create(key, lesson, code, at, bodies), created) is not None

    async def find(self, code: str) -> str | None:
        self._require_open()
        lesson = self._codes.get(code)
        return None if lesson is None or self._known[lesson].gone else lesson

    def append(self, lesson: str, at: int, bodies: Sequence[bytes], done: Done | None = None) -> None:
        # No task, no future. Measured on two shared cores, 40 entries of 60 bytes a batch over 20 lessons: 0.7 µs here,
        # 4 µs of the loop altogether with settling and one tail; commits 0.5 ms, 40,000 to 50,000 entries a second.
        self._enqueue(Append(lesson, at, bodies, done))

    async def commit(self, lesson: str, at: int, bodies: Sequence[bytes], *, after: int | None = None) -> int:
        durable = asyncio.get_running_loop().create_future()
        append = Append(lesson, at, bodies, settling(durable), after)
        self._enqueue(append)
        await durable
        return append.seq

    async def latest(self, lesson: str) -> int:
        return self._require(lesson).seq

    async def follow(
        self,
        lesson: str,
        receive: Receive,
        after: int = 0,
        *,
        lost: Ended | None = None,
        gone: Ended | None = None,
    ) -> Tail:
        known = self._require(lesson)
        # Subscribed first, so that what becomes durable while history is read waits in the tail's buffer.
        tail = LiveTail(self._tails.setdefault(lesson, []), receive, after, known.seq, lost, gone)
        try:
            while tail.seq < tail.history:
                tail.give_history(await self.read(lesson, tail.seq))
            tail.go_live()
        except BaseException:
            tail.close()
            raise
        return tail

    async def read(self, lesson: str, after: int = 0, limit: int = READ_ENTRIES) -> list[Entry]:
        known = self._require(lesson)
        return await self._read(known, lambda: self._store.read(known.key, after, limit))

    async def save_snapshot(self, lesson: str, name: str, seq: int, data: bytes) -> None:
        known = self._require(lesson)
        await self._write(lambda: self._store.save_snapshot(known.key, name, Snapshot(seq, data)))

    async def snapshot(self, lesson: str, name: str) -> Snapshot | None:
        known = self._require(lesson)
        return await self._read(known, lambda: self._store.snapshot(known.key, name))

    async def lessons(self) -> list[LessonRow]:
        self._require_open()
        return [
            LessonRow(known.lesson, known.code, known.created_at, known.last_at, known.ended_at)
            for known in self._known.values()
        ]

    async def end(self, lesson: str, at: int) -> None:
        known = self._require(lesson)

        def ended(_: None) -> None:
            known.ended_at = at

        await self._write(lambda: self._store.end(known.key, at), ended)

    async def compact(self, lesson: str) -> None:
        # In turns of some milliseconds: other lessons' commits go in between.
        while await self._write(lambda: self._store.compact(self._require(lesson).key)):
            pass
        while await self._write(self._store.shrink):
            pass

    async def delete(self, lesson: str) -> None:
        self._require_open()
        known = self._known.get(lesson)
        if known is None:
            return
        # Nothing of it is queued for the writer from here on, so nothing can be written behind the deletion.
        known.gone = True
        for tail in self._tails.pop(lesson, []).copy():
            tail.end(lesson, gone=True)

        def deleted(_: None) -> None:
            if self._known.get(lesson) is known:
                del self._known[lesson]
            if self._codes.get(known.code) == lesson:  # the code may be another lesson's by now
                del self._codes[known.code]

        await self._write(lambda: self._store.delete(known.key))
        while await self._write(self._store.shrink):
            pass
        await self._write(self._store.scrub, deleted)

    def _enqueue(self, append: Append) -> None:
        known = self._known.get(append.lesson)
        if not self._is_open:
            return append.answer(closed())
        if known is None or known.gone:
            return append.answer(no_lesson())
        if self._queued_bytes + append.size > self._max_queued_bytes:
            return append.answer(behind())
        self._queued_bytes += append.size
        self._queue.append(append)
        if self._idle.is_set():
            # Not at once: everything that arrived in this turn of the loop goes into the same transaction.
            self._idle.clear()
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Give the writer what is queued, or rest; while it writes, the outcome comes first."""
        if self._writing:
            return
        batch = _Batch()
        queue, self._queue = self._queue, []
        for append in queue:
            part = batch.parts.get(append.lesson)
            if part is None:
                known = self._known.get(append.lesson)
                if known is None or known.gone:
                    self._queued_bytes -= append.size
                    append.answer(no_lesson())
                    continue
                part = batch.parts[append.lesson] = _Part(known, known.seq, known.last_at, known.exclusive)
            batch.appends.append(append)
            part.add(append)
        self._writing = bool(batch.appends)
        if self._writing:
            self._writer.post(functools.partial(self._commit, batch))
        elif self._queue:  # by a `done` just called
            self._loop.call_soon(self._next)
        else:
            self._idle.set()

    def _commit(self, batch: _Batch) -> None:
        """Write a batch; runs in the writer's thread."""
        failure: Exception | None = None
        start = time.perf_counter()
        try:
            self._store.write([part.row() for part in batch.parts.values() if part.entries])
        except Exception as error:
            failure = error
        batch.secs = time.perf_counter() - start
        self._loop.call_soon_threadsafe(self._settle, batch, failure)

    def _settle(self, batch: _Batch, failure: Exception | None) -> None:
        self._writing = False
        if failure is not None:
            error = unavailable(failure)
            failed = batch.appends + self._queue
            self._queue = []
            self._queued_bytes -= sum(append.size for append in failed)
            _log.error("journal: %d appends failed: %s", len(failed), error.__cause__)
            for append in failed:
                append.answer(error)
        else:
            for part in batch.parts.values():
                part.settle()
            self._queued_bytes -= sum(append.size for append in batch.appends)
            if self._observe is not None:
                self._observe(batch.secs, sum(len(part.entries) for part in batch.parts.values()))
            if self._queue:
                self._next()  # the disk works while the tails do
            self._begin_checkpoint()
            for lesson, part in batch.parts.items():
                for tail in tuple(self._tails.get(lesson, ())) if part.entries else ():
                    tail.give(lesson, part.entries)
            for append in batch.appends:
                if append.done is not None:
                    guarded(append.lesson, append.done, Conflict(append.outrun) if append.outrun else None)
        if not self._writing:
            self._next()

    def _begin_checkpoint(self) -> None:
        """Have the log emptied, if it was not for a while and that is not going on."""
        now = self._loop.time()
        if now >= self._checkpoint_due and (self._checkpoint is None or self._checkpoint.done()):
            self._checkpoint_due = now + CHECKPOINT_SECS
            self._checkpoint = self._checkpointer.submit(self._store.checkpoint)

    async def _write(self, work: Callable[[], _T], settled: Callable[[_T], None] | None = None) -> _T:
        """Run ``work`` in the writer's thread, then ``settled`` on the loop, even if the caller is cancelled."""
        self._require_open()
        future = self._loop.run_in_executor(self._writer, work)

        def settle(future: asyncio.Future[_T]) -> None:
            if settled is not None and not future.cancelled() and future.exception() is None:
                settled(future.result())

        future.add_done_callback(settle)
        try:
            return await asyncio.shield(future)
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def _read(self, known: Known, work: Callable[[], _T]) -> _T:
        """Run ``work`` in the reader's thread."""
        try:
            return await self._loop.run_in_executor(self._reader, work)
        except (sqlite3.Error, zlib.error) as error:
            self._require(known.lesson)  # deleted meanwhile
            raise unavailable(error) from error

    def _require_open(self) -> None:
        if not self._is_open:
            raise closed()

    def _require(self, lesson: str) -> Known:
        self._require_open()
        known = self._known.get(lesson)
        if known is None or known.gone:
            raise not_found()
        return known
