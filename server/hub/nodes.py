"""Which server processes are alive: what a process held open, and nobody closed, ends when it does."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

import structlog
from redis.exceptions import OutOfMemoryError

from server.errors import Unavailable
from server.redis_link import FAILURES
from server.redis_shards import Links

log = structlog.get_logger(__name__)

HEARTBEAT_SECS = 1.0
LIFETIME_SECS = 3.0
"""Two heartbeats may be late before a process counts as gone."""


class Nodes(Protocol):
    """All processes that serve the same lessons, this one among them.

    ``open`` before use and ``close`` after: in between this process counts as alive.
    """

    @property
    def name(self) -> str:
        """This process's name in presence events; a new one each time it is started."""
        ...

    async def open(self) -> None:
        """Count as alive from now on."""
        ...

    async def close(self) -> None:
        """Count as gone at once."""
        ...

    async def living(self, among: Collection[str]) -> set[str]:
        """Say which of these processes are alive. Raises Unavailable when nobody can tell."""
        ...


class OneNode:
    """The only process there is. It needs no name, and what carries another's is history."""

    name = ""

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def living(self, among: Collection[str]) -> set[str]:
        return set(among)


class RedisNodes:
    """All processes on one Redis: each keeps a key alive, and it is Redis's clock that lets it expire."""

    def __init__(self, name: str, links: Links) -> None:
        self.name = name
        self._links = links
        self._beating: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._beat()
        self._beating = asyncio.create_task(self._keep_beating(), name="nodes.heartbeat")

    async def close(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
            with suppress(*FAILURES):  # then it expires
                await self._links.ask(("DEL", _key(self.name)))

    async def living(self, among: Collection[str]) -> set[str]:
        named = list(among)
        try:
            alive = await self._links.ask_each(*(("EXISTS", _key(name)) for name in named))
        except FAILURES as error:
            raise Unavailable("Storage cannot be reached. Try again in a moment.", reason="storage") from error
        return {name for name, there in zip(named, alive, strict=True) if there}

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECS)
            await self._beat()

    async def _beat(self) -> None:
        try:
            try:
                await self._links.ask(("SET", _key(self.name), 1, "PX", round(LIFETIME_SECS * 1000)))
            except OutOfMemoryError:  # it keeps what it has
                await self._links.ask(("EXPIRE", _key(self.name), round(LIFETIME_SECS)))
        except FAILURES as error:
            log.warning("nodes.heartbeat_failed", kind=type(error).__name__)


def _key(name: str) -> str:
    return f"roundtable:node:{name}"


class RollCall:
    """Finds out who is gone: who was not there twice in a row, for one late answer is no death."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._absent: set[str] = set()

    async def gone(self, named: set[str]) -> set[str]:
        """Say which of the processes that are ``named`` somewhere have ended. Raises Unavailable."""
        others = named - {self._nodes.name}
        absent = others - await self._nodes.living(others) if others else set()
        gone = absent & self._absent
        self._absent = absent
        return gone
