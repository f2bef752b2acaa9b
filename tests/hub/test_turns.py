"""Work that one process does for all, on a real Redis."""

from __future__ import annotations

import asyncio

from server.hub.turns import OwnTurns, RedisTurns
from server.redis_link import Patience
from server.redis_shards import Links
from tests.redis_server import RedisServer


async def test_the_first_has_the_turn_and_keeps_it(redis_server: RedisServer) -> None:
    links = Links(redis_server.url)
    one, other = RedisTurns(links), RedisTurns(links)
    assert await one.take("sweep", 60)
    assert not await other.take("sweep", 60)
    assert await one.take("sweep", 60)
    assert await other.take("compact:a", 60)
    await links.close()


async def test_a_turn_runs_out(redis_server: RedisServer) -> None:
    links = Links(redis_server.url)
    one, other = RedisTurns(links), RedisTurns(links)
    assert await one.take("sweep", 0.05)
    async with asyncio.timeout(5):
        while not await other.take("sweep", 60):
            pass
    assert not await one.take("sweep", 60)
    await links.close()


async def test_nobody_has_a_turn_while_redis_is_away(redis_server: RedisServer) -> None:
    links = Links(redis_server.url, Patience(connect=0.1, answer=0.1))
    await redis_server.kill()
    assert not await RedisTurns(links).take("sweep", 60)
    await links.close()


async def test_a_process_alone_always_has_it() -> None:
    assert await OwnTurns().take("sweep", 60)


async def test_while_redis_is_full_everybody_has_it(redis_server: RedisServer) -> None:
    """What is done in turns makes room."""
    links = Links(redis_server.url)
    async with redis_server.client() as client:
        await client.config_set("maxmemory", "1")
    assert await RedisTurns(links).take("sweep", 60)
    await links.close()
