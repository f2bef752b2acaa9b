"""Journals in Redis, and what their tails received, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from server.errors import Unavailable
from server.journal import Entry
from server.journal.redis import RedisJournal
from server.redis_link import Patience
from tests.redis_cluster import RedisCluster
from tests.redis_server import RedisServer

IMPATIENT = Patience(start=0.0, connect=0.5, answer=1.6, retry=0.01, retry_most=0.05, poll=0.1, rewrite=0.01)


@asynccontextmanager
async def opened(redis_server: RedisServer | RedisCluster, **options: Any) -> AsyncIterator[RedisJournal]:
    journal = RedisJournal(redis_server.url, **{"patience": IMPATIENT, **options})
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


class Tailed(list[Entry]):
    """What a tail received, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0
        self.gone = 0

    async def follow(self, journal: RedisJournal, lesson: str, after: int = 0) -> Tailed:
        def lost() -> None:
            self.lost += 1

        def gone() -> None:
            self.gone += 1

        await journal.follow(lesson, self.extend, after, lost=lost, gone=gone)
        return self

    @property
    def bodies(self) -> list[bytes]:
        return [entry.body for entry in self]

    def is_whole(self) -> bool:
        return [entry.seq for entry in self] == list(range(1, len(self) + 1))


async def stored_again(journal: RedisJournal, lesson: str, body: bytes) -> int:
    """Commit once storage is there again."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await journal.commit(lesson, 1, [body])
            except Unavailable:
                await asyncio.sleep(0.01)


async def answering(*journals: RedisJournal) -> None:
    """Wait until storage is there again for each: they find it by themselves, one after another."""
    async with asyncio.timeout(30):
        for journal in journals:
            while True:
                try:
                    await journal.lessons()
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)


async def whole(journal: RedisJournal, lesson: str) -> list[Entry]:
    entries: list[Entry] = []
    while batch := await journal.read(lesson, entries[-1].seq if entries else 0):
        entries += batch
    return entries
