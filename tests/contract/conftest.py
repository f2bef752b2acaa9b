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
from tests.redis_server import RedisServer

NewJournal = Callable[[], Journal]


@pytest.fixture(params=["sqlite", "redis"])
def new_journal(request: pytest.FixtureRequest, tmp_path: Path) -> NewJournal:
    """Make journals, not yet open, on one and the same store."""
    if request.param == "sqlite":
        return lambda: SqliteJournal(tmp_path / "journal.sqlite")
    redis_server: RedisServer = request.getfixturevalue("redis_server")
    return lambda: RedisJournal(redis_server.url, patience=Patience(rewrite=0.01))


@pytest.fixture
async def journal(new_journal: NewJournal) -> AsyncIterator[Journal]:
    """An open journal with the lessons ``one`` (code ONE) and ``two`` (code TWO), both empty."""
    journal = new_journal()
    await journal.open()
    assert await journal.create("one", "ONE", 100, [])
    assert await journal.create("two", "TWO", 200, [])
    yield journal
    await journal.close()


@pytest.fixture(params=["memory", "redis"])
def new_buses(request: pytest.FixtureRequest) -> tuple[Bus, Bus]:
    """Make two ends of one bus, not yet open: two processes', or one and the same."""
    if request.param == "memory":
        bus = MemoryBus()
        return bus, bus
    redis_server: RedisServer = request.getfixturevalue("redis_server")
    return RedisBus(redis_server.url), RedisBus(redis_server.url)


@pytest.fixture
async def buses(new_buses: tuple[Bus, Bus]) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two open ends of one bus."""
    for bus in new_buses:
        await bus.open()
    yield new_buses
    for bus in new_buses:
        await bus.close()
