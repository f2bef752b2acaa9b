"""Fixtures every test folder may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from tests.cluster import Cluster
from tests.processes import PROCESSES, Quiet
from tests.redis_cluster import RedisCluster, running
from tests.redis_server import RedisServer
from tests.stage import Server

# How fast an example is says something of the machine, not of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Tests keep what they store in memory where there is room: their Redis waits for the disk at each write, and a busy
# disk can hold it up for longer than a test waits before it takes a Redis for frozen.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * 1024**3:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes, the first begins with the tests that run alone, and the others wait for it once."""
    if PROCESSES > 1:
        items.sort(key=lambda item: not runs_alone(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let nothing run beside a test that runs alone; waiting for that is no part of any test's timeout."""
    if PROCESSES == 1:
        return (yield)
    with quiet(item.config).test(alone=runs_alone(item)):
        return (yield)


def runs_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@cache
def quiet(config: pytest.Config) -> Quiet:
    """Give what the processes of all test runs in this checkout share."""
    assert config.cache is not None
    return Quiet(config.cache.mkdir("quiet"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A real server process on a free port, killed at the end."""
    server = Server(tmp_path / "data")
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A real, append-only redis-server on a free port, killed at the end."""
    redis_server = RedisServer(tmp_path / "redis")
    await redis_server.start()
    yield redis_server
    await redis_server.kill()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisCluster]:
    """A Redis Cluster that many tests use: forming one takes two seconds."""
    async with running(tmp_path_factory.mktemp("redis-cluster")) as redis_cluster:
        yield redis_cluster


@pytest.fixture
async def redis_cluster(shared_redis_cluster: RedisCluster) -> RedisCluster:
    """A real Redis Cluster of three primaries, empty; you must leave it whole."""
    await shared_redis_cluster.empty()
    return shared_redis_cluster


@pytest.fixture
async def cluster(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Processes to start on a real Redis."""
    async with AsyncExitStack() as stack:
        yield Cluster(redis_server, tmp_path / "data", stack)
