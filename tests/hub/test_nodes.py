"""Which processes are alive, on a real Redis."""

from __future__ import annotations

import pytest

from server.hub.nodes import RedisNodes
from server.redis_shards import Links
from tests.redis_cluster import asked
from tests.redis_server import RedisServer


async def test_a_process_lives_while_redis_is_full(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.hub.nodes.HEARTBEAT_SECS", 0.02)
    links = Links(redis_server.url)
    nodes = RedisNodes("here", links)
    await nodes.open()
    async with redis_server.client() as client:
        await client.config_set("maxmemory", "1")
        await client.expire("roundtable:node:here", 1)
    await asked(redis_server, ("PTTL", "roundtable:node:here"), lambda left: left > 2_000)
    await nodes.close()
    await links.close()
