"""Links are shared, dropped when they are dead, and never show a password."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from server.redis_link import FAILURES, Patience, place
from server.redis_shards import Links
from tests.redis_server import RedisServer, replaced

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]


async def test_replies_come_in_the_order_of_commands(redis_server: RedisServer) -> None:
    links = Links(redis_server.url)
    assert await links.ask(("SET", "key", b"\x00\r\n"), ("GET", "key"), ("EXISTS", "key", "none")) == [
        b"OK",
        b"\x00\r\n",
        1,
    ]
    numbers = await asyncio.gather(*(links.ask(("ECHO", number), ("INCR", "count")) for number in range(100)))
    assert [int(number) for number, _ in numbers] == list(range(100))
    assert sorted(count for _, count in numbers) == list(range(1, 101))
    with pytest.raises(ResponseError):
        await links.ask(("GET", "key"), ("HGET", "key", "field"), ("SET", "done", 1))
    assert await links.ask(("GET", "done")) == [b"1"], "what came after was done all the same"
    async with redis_server.client() as client:
        assert len(await client.client_list()) <= 17
    await links.close()


async def test_one_failure_drops_all_dead_links(redis_server: RedisServer) -> None:
    links = Links(redis_server.url)
    await asyncio.gather(*(links.ask(("PING",)) for _ in range(16)))
    await redis_server.kill()
    await redis_server.start()
    with pytest.raises(FAILURES):
        await links.ask(("PING",))
    assert await links.ask(("PING",)) == [b"PONG"]
    await links.close()


async def test_a_primary_that_became_a_replica_is_left(redis_server: RedisServer, tmp_path: Path) -> None:
    """Its address leads to the new one, and connections to the old one go on."""
    async with replaced(redis_server, tmp_path) as (url, replace):
        links = Links(url)
        await links.ask(("SET", "key", 1))
        await replace()
        with pytest.raises(ResponseError):
            await links.ask(("SET", "key", 2))
        await links.ask(("SET", "key", 3))
        await links.close()


async def test_a_frozen_redis_is_not_waited_for(redis_server: RedisServer) -> None:
    links = Links(redis_server.url, Patience(answer=0.2))
    await links.ask(("PING",))
    redis_server.pause()
    with pytest.raises(TimeoutError):
        await links.ask(("PING",))
    redis_server.resume()
    assert await links.ask(("PING",)) == [b"PONG"]
    await links.close()


async def test_a_frozen_process_takes_the_answer_that_waits(redis_server: RedisServer) -> None:
    """However long reading it takes: here it is far more than one read of the socket."""
    links = Links(redis_server.url, Patience(answer=0.8))
    async with redis_server.client() as client:
        await client.set("large", b"x" * 20_000_000)
    for _ in range(3):
        answer = asyncio.create_task(links.ask(("GET", "large")))
        for _ in range(20):
            await asyncio.sleep(0)
        time.sleep(1.0)  # noqa: ASYNC251  (that is the point)
        assert len((await answer)[0]) == 20_000_000
    await links.close()


def test_a_place_is_named_without_its_password() -> None:
    assert place("rediss://teacher:p@ss@redis.example:6380/1?protocol=3") == "rediss://redis.example:6380/1"
    assert place("unix://:secret@/run/redis.sock") == "unix:///run/redis.sock"
