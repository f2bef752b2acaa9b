"""A journal in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.journal.redis import RedisJournal
from tests.journals import opened
from tests.redis_server import RedisServer


@pytest.fixture
async def journal(redis_server: RedisServer) -> AsyncIterator[RedisJournal]:
    """An open journal with the lessons ``one`` and ``two``, both empty."""
    async with opened(redis_server) as journal:
        for lesson in ("one", "two"):
            assert await journal.create(lesson, lesson.upper(), 1, [])
        yield journal


@pytest.fixture
async def replica(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisServer]:
    replica = RedisServer(tmp_path / "replica", {"replicaof": f"127.0.0.1 {redis_server.port}"})
    await replica.start()
    async with redis_server.client() as client:
        while not await client.wait(1, 100):
            pass
    yield replica
    replica.resume()
    await replica.kill()
