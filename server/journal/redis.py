"""The journal in Redis: one stream a lesson, shared by any number of processes.

Appends go out by ``redis_writer``, come back to everybody, the writer included, by ``redis_reader``; ``redis_store``
knows the keys. A *session* is two connections, one that writes and one that reads, opened and given up together. While
there is none everything is refused at once; a new one begins by making up for what was missed.

An entry is durable when Redis has acknowledged it and, with ``replicas``, when so many replicas have it in memory;
nobody is given an entry before. What that is worth is a setting of Redis. With ``appendfsync always`` it is on disk.
With ``everysec`` it is in the file a moment later, up to two seconds when the disk is busy: the death of Redis may take
it along. Whichever process was given it gives it back then, before anything new is written (``Patience.keep``); what
no process has any more is found out, and the tails are told (``lost``).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress

from server.errors import Unavailable
from server.journal import READ_ENTRIES, Done, Ended, Entry, LessonRow, Receive, Snapshot, Tail
from server.journal.redis_reader import Reader
from server.journal.redis_store import RedisStore
from server.journal.redis_writer import COMMIT_INTERVAL_SECS, MAX_QUEUED_BYTES, Writer
from server.journal.tails import Append, closed, no_lesson, not_found, settling, unavailable
from server.redis_link import Link, Patience, kinds, require_safe

_log = logging.getLogger(__name__)


class RedisJournal:
    """Keep the journal in the Redis at ``url``, for this process and others.

    ``observe`` is told of each flush, on the loop: how many seconds it took and how many entries it held.
    """

    def __init__(
        self,
        url: str,
        *,
        replicas: int = 0,
        unsafe: bool = False,
        patience: Patience | None = None,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        commit_interval_secs: float = COMMIT_INTERVAL_SECS,
        observe: Callable[[float, int], None] | None = None,
    ) -> None:
        self._url = url
        self._unsafe = unsafe
        self._patience = patience or Patience()
        self._store = RedisStore(url, replicas, self._patience)
        self._reader = Reader(self._store, self._patience)
        self._writer = Writer(
            self._store, self._reader, self._patience, max_queued_bytes, commit_interval_secs, observe
        )
        self._is_open = False
        self._up = asyncio.Event()
        self._session: asyncio.Task[None] | None = None
        self._deleting: set[str] = set()
        self._rewrite_due = asyncio.Event()

    async def open(self) -> None:
        if self._is_open:
            return
        try:
            await require_safe(self._store.links, self._url, self._patience, unsafe=self._unsafe)
        except BaseException:
            await self._store.close()
            raise
        self._is_open = True
        self._session = asyncio.create_task(self._keep_session(), name="journal-session")
        try:
            await self._up.wait()  # Redis may still be reading its file
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.answer):
                await self._writer.drain()
        if self._rewrite_due.is_set():
            with suppress(TimeoutError, Unavailable):
                async with asyncio.timeout(self._patience.answer):
                    await self._rewrite()
        assert self._session is not None
        self._session.cancel()
        with suppress(asyncio.CancelledError):
            await self._session
        await self._store.close()

    async def create(self, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> bool:
        self._require_up()
        return await self._store.create(lesson, code, at, bodies)

    async def find(self, code: str) -> str | None:
        self._require_up()
        lesson = await self._store.find(code)
        return None if lesson in self._deleting else lesson

    def append(self, lesson: str, at: int, bodies: Sequence[bytes], done: Done | None = None) -> None:
        # No task, no future.
        self._enqueue(Append(lesson, at, bodies, done))

    async def commit(self, lesson: str, at: int, bodies: Sequence[bytes], *, after: int | None = None) -> int:
        durable = asyncio.get_running_loop().create_future()
        append = Append(lesson, at, bodies, settling(durable), after)
        self._enqueue(append)
        self._writer.hurry()
        await durable
        return append.seq

    async def latest(self, lesson: str) -> int:
        self._require(lesson)
        return await self._store.latest(lesson)

    async def follow(
        self,
        lesson: str,
        receive: Receive,
        after: int = 0,
        *,
        lost: Ended | None = None,
        gone: Ended | None = None,
    ) -> Tail:
        self._require(lesson)
        return await self._reader.follow(lesson, receive, after, lost, gone)

    async def read(self, lesson: str, after: int = 0, limit: int = READ_ENTRIES) -> list[Entry]:
        self._require(lesson)
        return await self._store.read(lesson, after, limit)

    async def save_snapshot(self, lesson: str, name: str, seq: int, data: bytes) -> None:
        self._require(lesson)
        await self._store.save_snapshot(lesson, name, seq, data)

    async def snapshot(self, lesson: str, name: str) -> Snapshot | None:
        self._require(lesson)
        return await self._store.snapshot(lesson, name)

    async def lessons(self) -> list[LessonRow]:
        self._require_up()
        return await self._store.lessons()

    async def end(self, lesson: str, at: int) -> None:
        self._require(lesson)
        await self._store.end(lesson, at)

    async def compact(self, lesson: str) -> None:
        self._require(lesson)
        await self._store.compact(lesson)

    async def delete(self, lesson: str) -> None:
        self._require_up()
        self._deleting.add(lesson)
        self._reader.end(lesson, gone=True)
        await self._store.delete(lesson)
        self._deleting.discard(lesson)
        self._rewrite_due.set()

    def _enqueue(self, append: Append) -> None:
        if not self._is_open:
            append.answer(closed())
        elif not self._up.is_set():
            append.answer(_away())
        elif append.lesson in self._deleting:
            append.answer(no_lesson())
        else:
            self._writer.add(append)

    async def _keep_session(self) -> None:
        wait = self._patience.retry
        away = False
        while True:
            try:
                async with AsyncExitStack() as links:
                    writer = await Link.open(self._url, self._patience)
                    links.push_async_callback(writer.close)
                    reader = await Link.open(self._url, self._patience)
                    links.push_async_callback(reader.close)
                    await self._reader.resume()
                    self._up.set()
                    if away:
                        _log.warning("journal: Redis is back")
                    wait, away = self._patience.retry, False
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._writer.run(writer), name="journal-writer")
                        tasks.create_task(self._reader.run(reader), name="journal-reader")
                        tasks.create_task(self._rewrite_when_due(), name="journal-rewriter")
            except* Exception as group:
                if not away:  # once, not for each attempt
                    _log.error("journal: no connection to Redis: %s", kinds(group))
                away = True
            finally:
                self._up.clear()
                self._reader.fail(_away())  # these are the older ones
                self._writer.fail(_away())
                await self._store.close()
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, self._patience.retry_most)

    async def _rewrite_when_due(self) -> None:
        while True:
            await self._rewrite_due.wait()
            await asyncio.sleep(self._patience.rewrite)
            await self._rewrite()

    async def _rewrite(self) -> None:
        self._rewrite_due.clear()
        while not await self._store.rewrite():  # noqa: ASYNC110  (Redis can only be asked)
            await asyncio.sleep(self._patience.poll)

    def _require_up(self) -> None:
        if not self._is_open:
            raise closed()
        if not self._up.is_set():
            raise _away()

    def _require(self, lesson: str) -> None:
        self._require_up()
        if lesson in self._deleting:
            raise not_found()


def _away() -> Unavailable:
    return unavailable(ConnectionError("Redis is away"))
