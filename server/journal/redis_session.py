"""What this process has to do with one Redis: its writer and what it reads there begin together and end together.

A Redis by itself is read by one link, for all lessons. One of a cluster is read by a link for each lesson that is
followed here and that it has. While a lesson is on its way to another Redis of the cluster nothing is written to it;
the others do not notice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from redis.exceptions import ClusterDownError, ResponseError

from server.errors import Unavailable
from server.journal.redis_reader import Reader, Stream
from server.journal.redis_store import FAILED, RedisStore
from server.journal.redis_writer import Writer
from server.journal.tails import away
from server.redis_link import ELSEWHERE, FAILURES, Link, Patience, kinds, place

_log = logging.getLogger(__name__)


class Session:
    """A Redis that has lessons. ``up`` while it takes what ``writer`` is given."""

    def __init__(
        self,
        url: str,
        store: RedisStore,
        reader: Reader,
        writer: Writer,
        patience: Patience,
        siblings: Mapping[str, Session],
    ) -> None:
        self.url = url
        self.writer = writer
        self.up = asyncio.Event()
        self.tried = asyncio.Event()
        """Set when it has been up, or one of a cluster has not."""
        self.look = asyncio.Event()
        """Set when there may be lessons to read, or lessons that are elsewhere now."""
        self._store = store
        self._shards = store.links.shards
        self._reader = reader
        self._patience = patience
        self._read_here: set[Stream] = set()
        self._siblings = siblings
        """All sessions of the cluster, by the addresses of their Redis."""

    async def keep(self) -> None:
        """Begin a session, and another when it is lost, until cancelled and no longer among its siblings."""
        wait = self._patience.retry
        lost = False
        # Not for ever: before Python 3.13 a TaskGroup that fails just then swallows a cancellation.
        while self._siblings.get(self.url) is self:
            try:
                async with AsyncExitStack() as links:
                    writer = await self._open(links)
                    read = self._read_each
                    if self._shards.several:
                        await self._require_whole(writer)
                    else:
                        read = partial(self._reader.run, await self._open(links))
                        await self._reader.resume()
                    self.up.set()
                    self.tried.set()
                    if lost:
                        _log.warning("journal: the Redis at %s is back", place(self.url))
                    wait, lost = self._patience.retry, False
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self.writer.run(writer), name="journal-writer")
                        tasks.create_task(read(), name="journal-reader")
            except* Exception as group:
                if not lost:  # once, not for each attempt
                    _log.error("journal: no connection to the Redis at %s: %s", place(self.url), kinds(group))
                lost = True
            finally:
                self.up.clear()
                if not self._shards.several:
                    self._reader.fail(away())  # these are the older ones
                self.writer.fail(away())
                await self._store.links.close(self.url)
            if self._shards.several:
                self.tried.set()
                self._shards.doubt()
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, self._patience.retry_most)

    async def _open(self, links: AsyncExitStack) -> Link:
        link = await Link.open(self.url, self._patience)
        links.push_async_callback(link.close)
        return link

    async def _require_whole(self, link: Link) -> None:
        (found,) = await link.ask([("CLUSTER", "INFO")], self._patience.answer)
        if isinstance(found, ResponseError):
            raise found
        if FAILED in found:
            raise ClusterDownError("the cluster takes nothing now")

    def _has(self, stream: Stream) -> bool:
        try:
            return self._shards.of(stream.name) == self.url
        except FAILURES:
            return False

    async def _read_each(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                self.look.clear()
                for stream in self._reader.used():
                    if stream.reading is None:
                        if self._has(stream):
                            stream.reading = tasks.create_task(self._read(stream), name="journal-stream")
                            # Not in the task: it may be cancelled before it has begun.
                            stream.reading.add_done_callback(partial(self._end, stream))
                            self._read_here.add(stream)
                    elif stream in self._read_here and not self._has(stream):
                        stream.reading.cancel()
                await self.look.wait()

    async def _read(self, stream: Stream) -> None:
        """Read one lesson until nobody follows it or it is elsewhere. Raises what is wrong with this Redis."""
        wait = self._patience.retry
        while self._has(stream):
            try:
                async with AsyncExitStack() as links:
                    link = await self._open(links)
                    if stream.home in self._siblings:
                        await self._siblings[stream.home].writer.give_up(stream.lesson)
                    await self._reader.resume_one(stream)
                    stream.home, stream.is_cut_off = self.url, False
                    wait = self._patience.retry
                    return await self._reader.run(link, stream)
            except (*ELSEWHERE, Unavailable) as error:
                if not isinstance(error, ELSEWHERE) and not isinstance(error.__cause__, ELSEWHERE):
                    raise
                self._shards.doubt()
            finally:
                stream.is_cut_off = True
                stream.fail(away())
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, self._patience.retry_most)

    def _end(self, stream: Stream, task: asyncio.Task[None]) -> None:
        stream.reading = None
        self._read_here.discard(stream)
        for sibling in self._siblings.values():
            sibling.look.set()
