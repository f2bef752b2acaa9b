"""The implementations every contract test runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from server.bus import Bus
from server.bus.memory import MemoryBus
from server.bus.redis import RedisBus
from server.journal import Journal
from server.journal.redis import RedisJournal
from server.journal.sqlite import SqliteJournal
from server.redis_link import Patience
from tests.redis_cluster import RedisCluster
from tests.redis_server import RedisServer

NewJournal = Callable[[], Journal]


@pytest.fixture(params=["sqlite", "redis", "redis cluster"])
def new_journal(request: pytest.FixtureRequest, tmp_path: Path) -> NewJournal:
    """Make journals, not yet open, on one and the same store."""
    if request.param == "sqlite":
        return lambda: SqliteJournal(tmp_path / "journal.sqlite")
    url = redis_url(request)
    return lambda: RedisJournal(url, patience=Patience(rewrite=0.01))


def redis_url(request: pytest.FixtureRequest) -> str:
    redis: RedisServer | RedisCluster = request.getfixturevalue(
        "redis_cluster" if request.param == "redis cluster" else "redis_server"
    )
    return redis.url


@pytest.fixture
async def journal(new_journal: NewJournal) -> AsyncIterator[Journal]:
    """An open journal with the lessons ``one`` (code ONE) and ``two`` (code TWO), both empty."""
    journal = new_journal()
    await journal.open()
    assert await journal.create("one", "ONE", 100, [])
    assert await journal.create("two", "TWO", 200, [])
    yield journal
    await journal.close()


@pytest.fixture(params=["memory", "redis", "redis cluster"])
def new_buses(request: pytest.FixtureRequest) -> tuple[Bus, Bus]:
    """Make two ends of one bus, not yet open: two processes', or one and the same."""
    if request.param == "memory":
        bus = MemoryBus()
        return bus, bus
    url = redis_url(request)
    return RedisBus(url), RedisBus(url)


@pytest.fixture
async def buses(new_buses: tuple[Bus, Bus]) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two open ends of one bus."""
    for bus in new_buses:
        await bus.open()
    yield new_buses
    for bus in new_buses:
        await bus.close()
