"""Which Redis has which key: one has them all, or each of a cluster its share. And links to them for what is rare.

Nobody says whether it is a cluster; the first Redis that answers does. What it says of who has which key is believed
until one answers that it has not (``doubt``), and not at all while keys are nobody's; then any that is known is asked
anew. No two processes ask in the same order: https://github.com/redis/redis-py/issues/4049 tells what else a cluster's
first node goes through.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from urllib.parse import urlsplit

from redis.crc import REDIS_CLUSTER_HASH_SLOTS as SLOTS
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, ReadOnlyError, ResponseError

from server.redis_link import ELSEWHERE, FAILURES, Command, Link, Patience, Reply
from server.settings import addresses

_IDLE_SECS = 20.0
"""A shared link unused for longer is not trusted: Redis (``timeout``) or something on the way may have dropped it."""


class Shards:
    """The Redis at ``url``, or all of its cluster. Before anything else is asked, ``known`` must have returned once."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self.seeds = addresses(url)
        self.several = False
        """Whether it is a cluster."""
        self.primaries: tuple[str, ...] = ()
        """The addresses of those that take writes."""
        self.replicas: tuple[str, ...] = ()
        """Of a cluster; a Redis by itself is asked for its own when they are needed."""
        self.unserved = 0
        """How many of a cluster's slots nobody has."""
        self.doubted = asyncio.Event()
        """Set by ``doubt``; one may wait for it, and clear it."""
        self._patience = patience or Patience()
        self._owners: list[str] = []
        self._known = False
        self._looking = asyncio.Lock()

    def of(self, name: str | bytes) -> str:
        """Give the address of the Redis that has a key. Raises one of FAILURES when none has."""
        if not self.several:
            return self.primaries[0]
        owner = self._owners[key_slot(name.encode() if isinstance(name, str) else name)]
        if not owner:
            raise ClusterDownError("no Redis of the cluster has this key")
        return owner

    def doubt(self) -> None:
        """Say that what is known is not what is."""
        if self.several:
            self._known = False
            self.doubted.set()

    async def known(self) -> None:
        """Find out who has what, unless that is known for all. Raises one of FAILURES when none can tell."""
        if self._known:
            return
        async with self._looking:
            if not self._known:
                await self._look()

    async def _look(self) -> None:
        heard_of = [url for url in (*self.primaries, *self.replicas) if url not in self.seeds]
        urls = [*self.seeds, *heard_of]
        failure: Exception = ClusterDownError("its cluster has not been formed yet")
        for url in random.sample(urls, len(urls)):
            try:
                link = await Link.open(url, self._patience)
                try:
                    info, slots = await link.ask([("INFO", "cluster"), ("CLUSTER", "SLOTS")], self._patience.answer)
                finally:
                    await link.close()
                if isinstance(info, ResponseError):
                    raise info
                if b"cluster_enabled:1" not in info:
                    self.primaries = (url,)
                    self._known = True
                    return
                if isinstance(slots, ResponseError):
                    raise slots
            except FAILURES as error:
                failure = error
            else:
                if slots:
                    return self._learn(url, slots)
        raise failure

    def _learn(self, told_by: str, slots: list[list[Reply]]) -> None:
        self._owners = [""] * SLOTS
        primaries, replicas = set(), set()
        for first, last, *nodes in slots:
            primary, *others = [address(told_by, host and host.decode(), port) for host, port, *_ in nodes]
            self._owners[first : last + 1] = [primary] * (last + 1 - first)
            primaries.add(primary)
            replicas.update(others)
        self.unserved = self._owners.count("")
        self.primaries, self.replicas = tuple(sorted(primaries)), tuple(sorted(replicas))
        self.several = True
        # While a replica takes a primary's place, others may have given it up and not know of the replica yet.
        self._known = not self.unserved


def address(told_by: str, host: str | None, port: int | str) -> str:
    """Give the address of another that a Redis tells of; who asks it signs in there as here."""
    known = urlsplit(told_by)
    user, at, _ = known.netloc.rpartition("@")
    # A Redis that does not know its own address says nothing, or "?": it is where it was asked.
    name = host if host and host != "?" else known.hostname or "127.0.0.1"
    return known._replace(netloc=f"{user}{at}{f'[{name}]' if ':' in name else name}:{port}").geturl()


class Links:
    """Links for whoever has something rare to ask; opened when needed, kept for the next."""

    def __init__(self, url: str, patience: Patience | None = None, most: int = 16) -> None:
        self._patience = patience or Patience()
        self.shards = Shards(url, self._patience)
        self._idle: defaultdict[str, list[tuple[Link, float]]] = defaultdict(list)
        self._turns = asyncio.Semaphore(most)

    async def ask(self, *commands: Command) -> list[Reply]:
        """Send commands on one link, in one go, to the Redis that has the key of the first; wait for all replies.

        Raises one of FAILURES, also when Redis answered one of the commands with an error: others may have been done.
        """
        await self.shards.known()
        return await self.ask_at(self._home(commands[0]), *commands)

    async def ask_each(self, *commands: Command) -> list[Reply]:
        """Send each command to where its key is. They are done in any order. Raises as ``ask``."""
        await self.shards.known()
        homes: defaultdict[str, list[int]] = defaultdict(list)
        for number, command in enumerate(commands):
            homes[self._home(command)].append(number)
        answered = await asyncio.gather(
            *(self.ask_at(url, *(commands[number] for number in numbers)) for url, numbers in homes.items())
        )
        replies: list[Reply] = [None] * len(commands)
        for numbers, found in zip(homes.values(), answered, strict=True):
            for number, reply in zip(numbers, found, strict=True):
                replies[number] = reply
        return replies

    async def ask_at(self, url: str, *commands: Command) -> list[Reply]:
        """Send commands to a certain Redis. Raises as ``ask``."""
        async with self._turns:
            try:
                link = await self._take(url)
                try:
                    replies = await link.ask(commands, self._patience.answer)
                except BaseException:
                    await link.close()
                    raise
            except FAILURES:
                self.shards.doubt()
                await self.close(url)  # the others are no better
                raise
            self._idle[url].append((link, asyncio.get_running_loop().time()))
        for reply in replies:
            if isinstance(reply, (*ELSEWHERE, ClusterDownError)):
                self.shards.doubt()
            if isinstance(reply, ReadOnlyError):
                await self.close(url)  # by now the address may lead to the one that took its place
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    async def close(self, url: str | None = None) -> None:
        """Close what is kept, to one Redis or to all. It may be used again, with new links: these are dead."""
        for each in tuple(self._idle) if url is None else (url,):
            for link, _ in self._idle.pop(each, ()):
                await link.close()

    def _home(self, command: Command) -> str:
        if not self.shards.several:
            return self.shards.primaries[0]
        name = command[3 if command[0] == "EVAL" else 1]
        assert not isinstance(name, int)
        return self.shards.of(name)

    async def _take(self, url: str) -> Link:
        idle = self._idle[url]
        while idle:
            link, used_at = idle.pop()
            if asyncio.get_running_loop().time() - used_at < _IDLE_SECS:
                return link
            await link.close()
        return await Link.open(url, self._patience)
