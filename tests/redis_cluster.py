"""A real Redis Cluster, whose parts tests kill, start again and move about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ConnectionError, ResponseError

from server.journal.redis_store import key
from server.redis_link import Link, Patience
from tests.redis_server import RedisServer

_DEADLINE_SECS = 20.0
NODE_TIMEOUT_MS = 500
"""After which the others find that one is away."""


@dataclass
class RedisCluster:
    """Three primaries, each with a third of the slots; the first has as many replicas as is said."""

    folder: Path
    replicas_of_first: int = 0
    options: dict[str, str] = field(default_factory=dict)
    primaries: list[RedisServer] = field(default_factory=list)
    replicas: list[RedisServer] = field(default_factory=list)

    @property
    def servers(self) -> list[RedisServer]:
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        """The address of one of them."""
        return self.primaries[-1].url

    async def start(self) -> None:
        """Start and form it; wait until it takes writes, which it does after two seconds."""
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-replica-validity-factor": "0",
            **self.options,
        }
        self.primaries = [RedisServer(self.folder / f"primary-{number}", options) for number in range(3)]
        self.replicas = [RedisServer(self.folder / f"replica-{n}", options) for n in range(self.replicas_of_first)]
        await asyncio.gather(*(server.start() for server in self.servers))
        each = REDIS_CLUSTER_HASH_SLOTS // 3 + 1
        for number, server in enumerate(self.primaries):
            last = min(REDIS_CLUSTER_HASH_SLOTS, (number + 1) * each) - 1
            await ask(server, "CLUSTER", "ADDSLOTSRANGE", number * each, last)
        for number, server in enumerate(self.servers):
            await ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await ask(server, "CLUSTER", "MEET", "127.0.0.1", self.primaries[0].port)
        first = await self.name(self.primaries[0])
        for replica in self.replicas:
            await told(replica, self._is_known)
            await ask(replica, "CLUSTER", "REPLICATE", first)
        await self.is_whole()
        for replica in self.replicas:
            await asked(replica, ("INFO", "replication"), lambda found: b"master_link_status:up" in found)
            for server in self.servers:
                await asked(server, ("CLUSTER", "NODES"), lambda found: found.count(b"slave") == len(self.replicas))

    async def is_whole(self) -> None:
        """Wait until all that run know each other and take writes."""
        for server in self.servers:
            if server.runs:
                await told(server, lambda info: info["cluster_state"] == "ok" and self._is_known(info))

    def _is_known(self, info: dict[str, str]) -> bool:
        return int(info["cluster_known_nodes"]) == len(self.servers)

    async def kill(self) -> None:
        await asyncio.gather(*(server.kill() for server in self.servers))

    async def empty(self) -> None:
        """Forget all keys."""
        for server in self.primaries:
            await ask(server, "FLUSHALL")

    async def name(self, server: RedisServer) -> str:
        """Give the name that it has in its cluster."""
        return str((await ask(server, "CLUSTER", "MYID")).decode())

    def home(self, lesson: str) -> RedisServer:
        """Give the primary that had a lesson's slot at the beginning."""
        return self.primaries[slot(lesson) // (REDIS_CLUSTER_HASH_SLOTS // 3 + 1)]

    def lessons(self, number: int = 1) -> list[str]:
        """Give names of lessons, so many for each primary, those of the first first."""
        found: list[list[str]] = [[], [], []]
        count = 0
        while any(len(each) < number for each in found):
            count += 1
            found[self.primaries.index(self.home(f"lesson-{count}"))].append(f"lesson-{count}")
        return [lesson for each in found for lesson in each[:number]]

    async def begin_move(self, lesson: str, source: RedisServer, target: RedisServer) -> None:
        """Let a lesson's slot begin to move; keys that are not there yet are elsewhere from now on."""
        await ask(target, "CLUSTER", "SETSLOT", slot(lesson), "IMPORTING", await self.name(source))
        await ask(source, "CLUSTER", "SETSLOT", slot(lesson), "MIGRATING", await self.name(target))

    async def move_keys(self, lesson: str, source: RedisServer, target: RedisServer) -> None:
        """Move the keys of a slot that moves."""
        names = await ask(source, "CLUSTER", "GETKEYSINSLOT", slot(lesson), 100)
        await ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)

    async def end_move(self, lesson: str, target: RedisServer) -> None:
        """Let the slot belong to its new home."""
        for server in (target, *self.primaries):
            await ask(server, "CLUSTER", "SETSLOT", slot(lesson), "NODE", await self.name(target))


def slot(lesson: str) -> int:
    return key_slot(key(lesson, "meta"))


async def ask(server: RedisServer, *command: str | int | bytes) -> Any:
    """Ask one server, wherever keys are, and give what it answers as it is."""
    link = await Link.open(server.url, Patience())
    try:
        (reply,) = await link.ask([command], _DEADLINE_SECS)
    finally:
        await link.close()
    if isinstance(reply, ResponseError):
        raise reply
    return reply


async def told(server: RedisServer, wanted: Callable[[dict[str, str]], bool]) -> None:
    """Wait until what a server says of its cluster is what is wanted."""

    def is_wanted(found: bytes) -> bool:
        return wanted(dict(line.split(":", 1) for line in found.decode().split("\r\n") if line))

    await asked(server, ("CLUSTER", "INFO"), is_wanted)


async def asked(server: RedisServer, command: tuple[str, ...], wanted: Callable[[Any], bool]) -> None:
    """Wait until a server answers what is wanted."""
    async with asyncio.timeout(_DEADLINE_SECS):
        while True:
            try:
                if wanted(await ask(server, *command)):
                    return
            except (ConnectionError, ResponseError):
                pass
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    folder: Path, replicas_of_first: int = 0, options: dict[str, str] | None = None
) -> AsyncIterator[RedisCluster]:
    """A cluster, killed at the end."""
    cluster = RedisCluster(folder, replicas_of_first, options or {})
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.kill()
