"""What only the bus in Redis promises: it comes back by itself, and never grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.bus.redis import RedisBus
from server.redis_link import Patience
from tests.redis_cluster import running
from tests.redis_server import RedisServer, replaced
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]

IMPATIENT = Patience(connect=0.3, answer=0.4, retry=0.01, retry_most=0.05, poll=0.1)


@pytest.fixture
async def bus(redis_server: RedisServer) -> AsyncIterator[RedisBus]:
    bus = RedisBus(redis_server.url, patience=IMPATIENT, max_queued_bytes=20_000)
    await bus.open()
    await bus.open()
    yield bus
    await bus.close()


async def reaches(bus: RedisBus, payload: bytes, heard: list[bytes]) -> None:
    while payload not in heard:
        bus.publish("topic", payload)
        await asyncio.sleep(0.01)


async def test_it_comes_back_with_its_subscriptions(bus: RedisBus, redis_server: RedisServer) -> None:
    heard: list[bytes] = []
    bus.subscribe("topic", heard.append)
    await reaches(bus, b"before", heard)
    await redis_server.kill()
    bus.publish("topic", b"meanwhile")
    later: list[bytes] = []
    bus.subscribe("later", later.append)
    await redis_server.start()
    await reaches(bus, b"after", heard)
    bus.publish("later", b"x")
    await until(lambda: later == [b"x"], "the later topic")


async def test_it_leaves_a_primary_that_became_a_replica(redis_server: RedisServer, tmp_path: Path) -> None:
    """Which takes what is published, and tells nobody at the new one."""
    async with replaced(redis_server, tmp_path) as (url, replace):
        old, new = RedisBus(url, patience=IMPATIENT), RedisBus(url, patience=IMPATIENT)
        heard: list[bytes] = []
        old.subscribe("topic", heard.append)
        await old.open()
        await reaches(old, b"before", heard)
        await replace()
        new.subscribe("topic", heard.append)
        await new.open()
        await reaches(new, b"by the new", heard)
        told: list[bytes] = []
        new.subscribe("told", told.append)
        while not told:
            old.publish("told", b"by the old")
            await asyncio.sleep(0.01)
        await old.close()
        await new.close()


async def test_it_notices_that_redis_is_frozen(
    bus: RedisBus, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    bus.subscribe("topic", heard.append)
    await reaches(bus, b"before", heard)
    redis_server.pause()
    bus.publish("topic", b"meanwhile")
    await until(lambda: "no connection to Redis" in caplog.text, "that it loses patience")
    redis_server.resume()
    await reaches(bus, b"after", heard)


async def test_the_oldest_is_dropped_when_too_much_waits(
    bus: RedisBus, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []
    bus.subscribe("topic", heard.append)
    await reaches(bus, b"before", heard)
    await redis_server.kill()
    await until(lambda: "no connection to Redis" in caplog.text, "that the connection is found broken")
    for number in range(100):
        bus.publish("topic", b"%03d" % number + b"x" * 997)
    await redis_server.start()
    await until(lambda: heard[-1][:3] == b"099", "the newest")
    kept = [int(payload[:3]) for payload in heard if len(payload) == 1000]
    assert kept == list(range(84, 100)), "20,000 bytes of them"


async def test_in_a_cluster_it_goes_on_by_another_when_its_own_dies(tmp_path: Path) -> None:
    async with running(tmp_path) as redis_cluster:
        here, there = (RedisBus(server.url, patience=IMPATIENT) for server in redis_cluster.primaries[:2])
        heard: list[bytes] = []
        there.subscribe("topic", heard.append)
        for bus in (here, there):
            await bus.open()
        await reaches(here, b"before", heard)
        for victim in redis_cluster.primaries[:2]:
            await victim.kill()
            await reaches(here, b"without %d" % victim.port, heard)
        for bus in (here, there):
            await bus.close()
