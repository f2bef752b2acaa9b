"""The journal in Redis: one stream a lesson, shared by any number of processes.

Appends go out by ``redis_writer``, come back to everybody, the writer included, by ``redis_reader``; ``redis_store``
knows the keys. A ``redis_session`` is the links that write and read, opened and given up together. While there is none
everything is refused at once; a new one begins by making up for what was missed.

An entry is durable when Redis has acknowledged it and, with ``replicas``, when so many replicas have it in memory;
nobody is given an entry before. What that is worth is a setting of Redis. With ``appendfsync always`` it is on disk.
With ``everysec`` it is in the file a moment later, up to two seconds when the disk is busy: the death of Redis may take
it along. Whichever process was given it gives it back then, before anything new is written (``Patience.keep``); what
no process has any more is found out, and the tails are told (``lost``).

In a Redis Cluster each primary has a session of its own, and lessons on one go on while another is away (as long as
the cluster takes anything: by default it does not once it knows that slots are nobody's). A lesson that moves is
resumed where it has gone, and so is one whose primary died when a replica takes its place; what that never received is
given back to it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from server.errors import Unavailable
from server.journal import READ_ENTRIES, Done, Ended, Entry, LessonRow, Receive, Snapshot, Tail
from server.journal.redis_reader import Reader
from server.journal.redis_safety import require_safe
from server.journal.redis_session import Session
from server.journal.redis_store import LESSONS, RedisStore, code_key, key
from server.journal.redis_writer import COMMIT_INTERVAL_SECS, MAX_QUEUED_BYTES, Writer
from server.journal.tails import Append, away, closed, no_lesson, not_found, settling, unavailable
from server.redis_link import FAILURES, Patience, place

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
        self._max_queued_bytes = max_queued_bytes
        self._commit_interval_secs = commit_interval_secs
        self._observe = observe
        self._store = RedisStore(url, replicas, self._patience)
        self._shards = self._store.links.shards
        self._reader = Reader(self._store, self._patience, self._begin)
        self._sessions: dict[str, Session] = {}
        """By the addresses of their Redis."""
        self._only: Session | None = None
        """That of a Redis by itself."""
        self._is_open = False
        self._begun = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._deleting: set[str] = set()
        self._rewrite_due = asyncio.Event()
        self._rewritten: dict[str, set[bytes]] = {}
        """Since which deletions whose append-only file has been written anew."""
        self._missed: set[str] = set()
        """Whose has not been, when last tried."""

    async def open(self) -> None:
        if self._is_open:
            return
        try:
            await require_safe(self._store.links, self._url, self._patience, unsafe=self._unsafe)
        except BaseException:
            await self._store.close()
            raise
        self._is_open = True
        self._running = asyncio.create_task(self._run(), name="journal")
        try:
            await self._begun.wait()
            for session in tuple(self._sessions.values()):
                await session.tried.wait()  # Redis may still be reading its file
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.answer):
                for session in tuple(self._sessions.values()):
                    await session.writer.drain()
        if self._rewrite_due.is_set():
            with suppress(TimeoutError, Unavailable):
                async with asyncio.timeout(self._patience.answer):
                    await self._rewrite()
        assert self._running is not None
        self._sessions.clear()  # so that none goes on whose cancellation is swallowed
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._only = None
        await self._store.close()

    async def check(self) -> None:
        if not self._is_open:
            raise closed()
        up = [session.url for session in self._sessions.values() if session.up.is_set()]
        if not await self._store.any_answers(up):
            raise away()

    async def create(self, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> bool:
        self._require_up(code_key(code))
        return await self._store.create(lesson, code, at, bodies)

    async def find(self, code: str) -> str | None:
        self._require_up(code_key(code))
        lesson = await self._store.find(code)
        return None if lesson in self._deleting else lesson

    def append(self, lesson: str, at: int, bodies: Sequence[bytes], done: Done | None = None) -> None:
        # No task, no future.
        self._enqueue(Append(lesson, at, bodies, done))

    async def commit(self, lesson: str, at: int, bodies: Sequence[bytes], *, after: int | None = None) -> int:
        durable = asyncio.get_running_loop().create_future()
        append = Append(lesson, at, bodies, settling(durable), after)
        self._enqueue(append, hurry=True)
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
        self._require_up(LESSONS)
        return await self._store.lessons()

    async def end(self, lesson: str, at: int) -> None:
        self._require(lesson)
        await self._store.end(lesson, at)

    async def compact(self, lesson: str) -> None:
        self._require(lesson)
        await self._store.compact(lesson)

    async def delete(self, lesson: str) -> None:
        self._require_up(LESSONS)
        self._deleting.add(lesson)
        self._reader.end(lesson, gone=True)
        await self._store.delete(lesson)
        self._deleting.discard(lesson)
        self._rewritten.clear()
        self._rewrite_due.set()

    def _enqueue(self, append: Append, *, hurry: bool = False) -> None:
        if not self._is_open:
            return append.answer(closed())
        writer = self._writer(append.lesson)
        if writer is None:
            append.answer(away())
        elif append.lesson in self._deleting:
            append.answer(no_lesson())
        else:
            writer.add(append)
            if hurry:
                writer.hurry()

    def _writer(self, lesson: str) -> Writer | None:
        """Give what writes a lesson; None while nothing may be written."""
        session = self._only
        if session is None:
            stream = self._reader.stream(lesson)
            if stream is not None and stream.is_cut_off:
                return None
            if stream is not None and stream.home:
                session = self._sessions.get(stream.home)  # not where it may be by now: there it must be resumed first
            else:
                session = self._session(key(lesson, "meta"))
        return session.writer if session is not None and session.up.is_set() else None

    def _session(self, name: bytes) -> Session | None:
        """Give the session with the Redis that has a key."""
        if self._only is not None:
            return self._only
        try:
            return self._sessions.get(self._shards.of(name))
        except FAILURES:
            return None

    async def _run(self) -> None:
        kept: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rewrite_when_due(), name="journal-rewriter")
            while True:
                self._shards.doubted.clear()
                with suppress(*FAILURES):
                    await self._shards.known()
                for url in self._shards.primaries:
                    if url not in self._sessions:
                        session = self._sessions[url] = self._new_session(url)
                        kept[url] = tasks.create_task(session.keep(), name="journal-session")
                        if not self._shards.several:
                            self._only = session
                for url in self._sessions.keys() - set(self._shards.primaries):
                    del self._sessions[url]
                    kept.pop(url).cancel()
                self._look()
                self._begun.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.retry_most if self._shards.unserved else None):
                        await self._shards.doubted.wait()
                await asyncio.sleep(self._patience.retry)  # many doubt at the same time

    def _new_session(self, url: str) -> Session:
        writer = Writer(
            self._store,
            self._reader,
            self._patience,
            self._max_queued_bytes,
            self._commit_interval_secs,
            self._observe,
        )
        return Session(url, self._store, self._reader, writer, self._patience, self._sessions)

    def _look(self) -> None:
        """Have every session look for lessons to read: one is new, or has moved."""
        for session in self._sessions.values():
            session.look.set()

    def _begin(self, lesson: str) -> None:
        self._require_up(key(lesson, "meta"))
        self._look()

    async def _rewrite_when_due(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.traces * random.uniform(0.5, 1.0)):
                    await self._rewrite_due.wait()
            await asyncio.sleep(self._patience.rewrite)
            due = self._rewrite_due.is_set()
            try:
                # Another process may have ended before it could see to it.
                if due or await self._store.traces():
                    await self._rewrite()
            except Unavailable:
                if due:
                    self._rewrite_due.set()

    async def _rewrite(self) -> None:
        """Have all append-only files written anew: in a cluster a lesson leaves its name and its code in several.

        Raises Unavailable when one has not been; call again, and only that one is asked.
        """
        self._rewrite_due.clear()
        self._shards.doubt()  # there may be replicas by now that nobody has asked for
        try:
            await self._shards.known()
        except FAILURES as error:
            raise unavailable(error) from error
        traces = await self._store.traces()
        urls = [*self._shards.primaries, *self._shards.replicas]
        offsets: dict[str, int] = {}  # which each must have reached, and those that receive from it
        missed: set[str] = set()
        for url in urls:
            try:
                found = await self._store.replication(url)
                if not self._shards.several:  # nobody else names them, and they may have replicas themselves
                    urls += [each for each in found.replicas if each not in urls]
                offsets[url] = max(found.offset, offsets.get(found.source, 0))
                if found.offset < offsets[url]:
                    raise away()  # it may not have received yet what was deleted
                if self._rewritten.get(url) != traces:
                    await self._store.rewrite(url)
                    self._rewritten[url] = traces
            except Unavailable:
                missed.add(url)
                if url not in self._missed:  # once, not for each attempt
                    _log.warning("journal: deleted lessons stay in the append-only file at %s for now", place(url))
        self._missed = missed
        if missed:
            raise away()
        await self._store.forget(traces)

    def _require_up(self, name: bytes) -> None:
        if not self._is_open:
            raise closed()
        session = self._session(name)
        if session is None or not session.up.is_set():
            raise away()

    def _require(self, lesson: str) -> None:
        self._require_up(key(lesson, "meta"))
        if lesson in self._deleting:
            raise not_found()
