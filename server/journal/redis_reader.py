"""How entries come from Redis: one blocking read over every lesson that is followed here, the writer's own included.
From a cluster, which has no such thing, one for each lesson.

For each of them a ``Stream`` knows up to where entries have been given out. An append is answered once Redis has
acknowledged it *and* its entries came by: whichever is later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from redis.exceptions import ResponseError

from server.errors import NotFound, Unavailable
from server.journal import READ_ENTRIES, Ended, Entry, Receive
from server.journal.redis_store import RedisStore, Row, entries_of, key
from server.journal.tails import Append, LiveTail, away, lost_something, no_lesson
from server.redis_link import Command, Link, Patience

_ROWS = 200
"""Rows of one lesson in one reply: what a lesson can bring while the loop is busy for a second."""

_NOTHING = b"roundtable:nothing"
"""A stream that never is: read when no lesson is followed."""

_UNBLOCK_SECS = 0.02

_log = logging.getLogger(__name__)


class Stream:
    """A lesson that is followed here."""

    __slots__ = (
        "home",
        "is_cut_off",
        "is_read",
        "keep_secs",
        "last",
        "lesson",
        "name",
        "pending",
        "reading",
        "recent",
        "seq",
        "stuck",
        "tails",
    )

    def __init__(self, lesson: str, seq: int, last: Entry | None, keep_secs: float) -> None:
        self.lesson = lesson
        self.name = key(lesson, "entries")
        self.seq = seq
        """Up to here entries have been given to the tails."""
        self.last = last
        """The last one of them: how a store that lost its end and grew another is found out."""
        self.keep_secs = keep_secs
        self.recent: deque[tuple[float, list[Entry]]] = deque([(0.0, [last])] if last is not None else [])
        """When what was given, the last seconds' of it and one batch before."""
        self.tails: list[LiveTail] = []
        self.pending: deque[Append] = deque()
        """Acknowledged, but not yet come by."""
        self.stuck = 0
        """The first of them when last looked at."""
        self.is_read = False
        """Whether the read now under way will bring its entries."""
        # In a cluster:
        self.home = ""
        """The address of the Redis that it is read from, or was before it was cut off."""
        self.reading: asyncio.Task[None] | None = None
        self.is_cut_off = False
        """Whether it has not yet been resumed since it was no longer read: nothing may be written before."""

    def give(self, entries: list[Entry]) -> None:
        """Give the tails what follows; the rest is known."""
        if entries[0].seq <= self.seq:
            entries = [entry for entry in entries if entry.seq > self.seq]
            if not entries:
                return
        self.last = entries[-1]
        self.seq = self.last.seq
        now = time.monotonic()
        self.recent.append((now, entries))
        while len(self.recent) > 1 and self.recent[1][0] <= now - self.keep_secs:
            self.recent.popleft()
        for tail in tuple(self.tails):
            tail.give(self.lesson, entries)
        while self.pending and self.pending[0].seq <= self.seq:
            self.pending.popleft().answer(None)

    def fail(self, error: Unavailable | None) -> None:
        """Answer whatever waits for its entries."""
        while self.pending:
            self.pending.popleft().answer(error)


class Reader:
    """All streams of one journal."""

    def __init__(self, store: RedisStore, patience: Patience, begin: Callable[[str], None]) -> None:
        self._store = store
        self._patience = patience
        self._begin = begin
        """Has a lesson of a cluster read; raises Unavailable while that cannot be."""
        self._streams: dict[str, Stream] = {}
        self._link_id = 0
        self._asked = asyncio.Event()
        """Set when the next read has been sent; a new one each time."""

    # ── for the journal ──

    async def follow(
        self, lesson: str, receive: Receive, after: int, lost: Ended | None, gone: Ended | None
    ) -> LiveTail:
        stream = self._streams.get(lesson)
        if stream is None:
            seq = await self._store.latest(lesson)
            last = await self._store.read(lesson, seq - 1, 1) if seq else []
            if len(last) != (seq > 0):
                raise lost_something()
            first = last[0] if last else None
            stream = self._streams.get(lesson) or Stream(lesson, seq, first, self._patience.keep)
            self._streams[lesson] = stream
        # Subscribed first, so that what comes while history is read waits in the tail's buffer.
        tail = LiveTail(stream.tails, receive, after, stream.seq, lost, gone)
        try:
            await self._include(stream)
            while tail.seq < tail.history:
                tail.give_history(await self._store.read(lesson, tail.seq, READ_ENTRIES))
            tail.go_live()
        except BaseException:
            tail.close()
            raise
        return tail

    def acknowledged(self, append: Append) -> None:
        """Answer an append once its entries have come by. You must call this in the order of ``seq``."""
        stream = self._streams.get(append.lesson)
        if stream is None or append.seq <= stream.seq:
            append.answer(None)
        else:
            stream.pending.append(append)

    def fail(self, error: Unavailable) -> None:
        """Answer whatever waits for its entries: the connection was lost."""
        for stream in self._streams.values():
            stream.fail(error)

    def misplaced(self, lesson: str) -> None:
        """Note that a lesson is not where it was: nothing is written to it until it has been found and resumed."""
        stream = self._streams.get(lesson)
        if stream is not None:
            stream.is_cut_off = True
            if stream.reading is not None:
                stream.reading.cancel()

    def stream(self, lesson: str) -> Stream | None:
        return self._streams.get(lesson)

    def used(self) -> list[Stream]:
        """Let go of streams nobody follows any more; give the others."""
        for stream in tuple(self._streams.values()):
            if not stream.tails:
                del self._streams[stream.lesson]
                stream.fail(None)
        return list(self._streams.values())

    def end(self, lesson: str, *, gone: bool) -> None:
        """Let go of a lesson that is not what its tails know any more."""
        stream = self._streams.pop(lesson, None)
        if stream is None:
            return
        for tail in tuple(stream.tails):
            tail.end(lesson, gone=gone)
        stream.fail(no_lesson())

    # ── one connection ──

    async def resume(self) -> None:
        """Make up for the time without a connection: give what was missed, and say what was lost."""
        await asyncio.gather(*(self.resume_one(stream) for stream in tuple(self._streams.values())))

    async def resume_one(self, stream: Stream) -> None:
        try:
            await self._restore(stream)
            # The same entry under the same number: then so is all before it, since a store loses only its end. Another
            # process may have appended since the loss, so that the number alone says nothing.
            if stream.last is not None and await self._store.read(stream.lesson, stream.seq - 1, 1) != [stream.last]:
                return self._lost(stream)
            await self._catch_up(stream)
        except NotFound:
            self.end(stream.lesson, gone=True)

    async def _restore(self, stream: Stream) -> None:
        """Give Redis again what it lost and the tails were given, if what came before that is there.

        Pages could not: each would send what it has of the others' text, too, which is theirs alone to send.
        """
        kept = [entry for _, entries in stream.recent for entry in entries]
        while (latest := await self._store.latest(stream.lesson)) < stream.seq:
            before = next((entry for entry in kept if entry.seq == latest), None)
            if before is None or await self._store.read(stream.lesson, latest - 1, 1) != [before]:
                return
            lost = [entry for entry in kept if entry.seq > latest]
            _log.warning("journal: Redis lost entries: lesson=%s seq=%d entries=%d", stream.lesson, latest, len(lost))
            await self._store.restore(stream.lesson, lost)

    def _lost(self, stream: Stream) -> None:
        _log.error("journal: Redis came back without entries: lesson=%s seq=%d", stream.lesson, stream.seq)
        self.end(stream.lesson, gone=False)

    async def run(self, link: Link, alone: Stream | None = None) -> None:
        """Read until the connection is lost, and raise what it was lost by; one stream ``alone`` until it has no tails.

        You must have resumed what is read.
        """
        loop = asyncio.get_running_loop()
        patience = self._patience
        if alone is None:
            (self._link_id,) = await link.ask([("CLIENT", "ID")], patience.answer)
        looked_at = loop.time()
        streams: dict[bytes, Stream] = {}
        try:
            while True:
                if loop.time() - looked_at >= patience.poll:
                    await self._look(link, self._streams.values() if alone is None else (alone,))
                    looked_at = loop.time()
                if alone is None:
                    used = self.used()
                elif alone.tails and self._streams.get(alone.lesson) is alone:
                    used = [alone]
                else:
                    self.used()
                    return
                streams = {stream.name: stream for stream in used}
                for stream in used:
                    stream.is_read = True
                (found,) = await link.ask([self._command(streams)], patience.poll + patience.answer, self._sent)
                if isinstance(found, ResponseError):
                    raise found
                if found is not None:
                    await self._replicated(link, found[0][0])
                    for name, rows in found:
                        await self._give(streams[name], rows)
        finally:
            for stream in streams.values():
                stream.is_read = False

    def _command(self, streams: dict[bytes, Stream]) -> Command:
        names = tuple(streams) or (_NOTHING,)
        positions = tuple(stream.seq for stream in streams.values()) or (0,)
        block = max(1, int(self._patience.poll * 1000))
        return ("XREAD", "COUNT", _ROWS, "BLOCK", block, "STREAMS", *names, *positions)

    def _sent(self) -> None:
        asked, self._asked = self._asked, asyncio.Event()
        asked.set()

    async def _replicated(self, link: Link, name: bytes) -> None:
        """Wait until what has been read is on enough replicas: nobody is given what a failover could take back."""
        commands = self._store.barrier(name)
        while commands:
            replies = await link.ask(commands, self._patience.answer)
            if isinstance(replies[-1], ResponseError):  # it is a replica itself by now
                raise next(reply for reply in replies if isinstance(reply, ResponseError))
            with suppress(Unavailable):
                return self._store.require_replicated(replies)

    async def _give(self, stream: Stream, rows: Sequence[Row]) -> None:
        if self._streams.get(stream.lesson) is not stream:
            return
        entries = [entry for row in rows for entry in entries_of(row)]
        if not entries or entries[0].seq > stream.seq + 1:  # what is missing has been compacted already
            await self._catch_up(stream)
        if entries:
            stream.give(entries)

    async def _catch_up(self, stream: Stream) -> None:
        while entries := await self._store.read(stream.lesson, stream.seq, READ_ENTRIES):
            stream.give(entries)

    async def _look(self, link: Link, streams: Collection[Stream]) -> None:
        """Find out which lessons were deleted elsewhere, and whether an append waits for entries that do not come."""
        streams = tuple(streams)
        names = [key(stream.lesson, "meta") for stream in streams]
        if names and await link.ask([("EXISTS", *names)], self._patience.answer) != [len(names)]:
            there = await link.ask([("EXISTS", name) for name in names], self._patience.answer)
            for stream, found in zip(streams, there, strict=True):
                if found == 0:
                    self.end(stream.lesson, gone=True)
        for stream in streams:
            waiting = stream.pending[0].seq if stream.pending else 0
            if waiting and waiting == stream.stuck:  # packed by `compact` before it came by
                await self._catch_up(stream)
            stream.stuck = waiting

    async def _include(self, stream: Stream) -> None:
        """Wait until entries of this lesson are being read: a read that waits for others is cut short."""
        deadline = time.monotonic() + self._patience.answer
        while not stream.is_read and self._streams.get(stream.lesson) is stream:
            if time.monotonic() > deadline:
                raise away()
            asked = self._asked
            if self._link_id:
                await self._store.unblock(self._link_id)
            else:
                self._begin(stream.lesson)
            # Again if need be: the read may have been sent, but not arrived, when it was to be cut short.
            with suppress(TimeoutError):
                async with asyncio.timeout(_UNBLOCK_SECS):
                    await asked.wait()
