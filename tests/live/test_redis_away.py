"""Redis dies, freezes and comes back: processes stay, say that they cannot store, and go on; or end in good time."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager

import pycrdt
import pytest

from tests.cluster import Cluster
from tests.stage import Server, Watch, gather, until

pytestmark = pytest.mark.live

FREE_SECS = 10.0


async def readiness(server: Server) -> int:
    return (await server.request("GET", "/readyz")).status_code


async def test_processes_outlive_a_redis_that_is_killed(cluster: Cluster) -> None:
    web, moderator = await cluster.start(), await cluster.start("moderator")
    lesson = await web.create_lesson(room_count=1)
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    async with lesson.watch() as desk:
        (room,) = desk.state["rooms"]
        async with lesson.write(room, ana.token) as writer:
            writer.text += "Acorns fall. "
            await desk.sees(lambda state: "Acorns" in str(state["figures"][room]["excerpt"]), "what Ana wrote")
            await cluster.redis.kill()
            writer.text += "Squirrels bury them."
            await until(lambda: {"type": "storage", "ok": False} in desk.messages, "that nothing is stored")
            for server in (web, moderator):
                assert await readiness(server) == 503
                assert (await server.request("GET", "/healthz")).status_code == 200
            await cluster.redis.start()
            await until(lambda: {"type": "storage", "ok": True} in desk.messages, "that it is again")
            await desk.sees(lambda state: "bury" in str(state["figures"][room]["excerpt"]), "what she wrote then")
            for server in (web, moderator):
                assert await readiness(server) == 200
        assert (await lesson.report())["rooms"][0]["text"] == "Acorns fall. Squirrels bury them."
    assert await moderator.stop() == 0
    assert await web.stop() == 0


@pytest.mark.parametrize("dead", [True, False], ids=["killed", "frozen"])
async def test_processes_end_in_good_time_while_redis_is_away(cluster: Cluster, dead: bool) -> None:
    web, moderator = await cluster.start(), await cluster.start("moderator")
    lesson = await web.create_lesson(room_count=1)
    people = [await lesson.join(f"Student {number}") for number in range(20)]
    await lesson.command("open_rooms")
    async with lesson.watch() as desk:
        (room,) = desk.state["rooms"]
        await desk.sees(lambda state: room in state["figures"], "the figures")
        document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        pages = [asyncio.create_task(_stay(lesson.watch(person.token))) for person in people]
        async with lesson.write(room, people[0].token, document) as writer:
            if dead:
                await cluster.redis.kill()
            else:
                cluster.redis.pause()
            writer.text += "Acorns"
            assert [await readiness(server) for server in (web, moderator)] == [503, 503]
            began = time.monotonic()
            assert await gather(web.stop(), moderator.stop()) == [0, 0]
            assert time.monotonic() - began < FREE_SECS
            assert await writer.is_closed() == 1012
        for page in pages:
            page.cancel()
        if dead:
            await cluster.redis.start()
        else:
            cluster.redis.resume()
        await web.start()
        async with lesson.write(room, people[0].token, document), lesson.write(room, people[1].token) as reader:
            await reader.sees("Acorns")


async def _stay(watching: AbstractAsyncContextManager[Watch]) -> None:
    async with watching:
        await asyncio.Event().wait()
