"""Sixty people at twelve tables, served by several processes on one Redis, while one after another of these is lost.

``ROUNDTABLE_FAULT_SEEDS=10`` repeats what is drawn by chance with so many seeds, with either ``appendfsync``, and with
a Redis that has lost its last seconds.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from server.clock import now_ms
from server.report.figures import build_report
from tests.cluster import Cluster, settled
from tests.crowd import BACK_SECS, Crowd, Fault
from tests.redis_cluster import running
from tests.redis_server import RedisServer
from tests.relay import Relay
from tests.stage import Classroom, Server, Student, Watch, until
from tests.stock import stock_peers
from tests.typist import Typist, signs, signs_of

pytestmark = pytest.mark.live

SEEDS = int(os.environ.get("ROUNDTABLE_FAULT_SEEDS", "0"))
KINDS = ("always", "everysec", "power cut")
RUNS = [(seed, kind) for seed in range(1, SEEDS + 1) for kind in KINDS] or [(1, "always")]
PEOPLE, TABLES = 60, 12
KEY_MS = 400.0
PAUSE_SECS = 10.0
MB = 1024 * 1024


@asynccontextmanager
async def redis(folder: Path, appendfsync: str) -> AsyncIterator[Cluster]:
    server = RedisServer(folder / "redis", {"appendfsync": appendfsync})
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            yield Cluster(server, folder / "data", stack)
    finally:
        await server.kill()


@dataclass
class Witnesses:
    """Two people of another lesson, at different servers, who are gone for good in the moment of a fault.

    Nobody sends their text again: what they had been shown must be in the store.
    """

    lesson: Classroom
    room: str
    people: list[Student]
    servers: list[Server]
    signs: list[Iterator[str]] = field(default_factory=lambda: [signs(0), signs(1)])
    gone: list[Typist] = field(default_factory=list)

    @classmethod
    async def invite(cls, servers: list[Server]) -> Witnesses:
        lesson = await servers[0].create_lesson(room_count=1)
        people = [await lesson.join("Ana"), await lesson.join("Ben")]
        await lesson.command("open_rooms")
        return cls(lesson, (await lesson.report())["rooms"][0]["room"], people, servers)

    @asynccontextmanager
    async def typing(self, updates: int) -> AsyncIterator[None]:
        """Let them type until each has been sent so many updates; they are cut off at the end of this."""
        typists = [
            Typist(replace(self.lesson, server=server), self.room, person.token, theirs, random.Random(updates))
            for person, server, theirs in zip(self.people, self.servers, self.signs, strict=True)
        ]
        tasks = [asyncio.create_task(work) for each in typists for work in (each.stay_connected(), each.type())]
        try:
            for typist in typists:
                await until(lambda typist=typist: len(typist.received) >= updates, "typing to go on")  # type: ignore[misc]
            yield
        finally:
            self.gone += typists
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def lost(self) -> int:
        """Count the signs that they had been shown and that are not there."""
        async with self.lesson.write(self.room, self.lesson.teacher_token) as visitor:
            held = signs_of(visitor.document.get_update())
            assert len(set(str(visitor.text))) == len(str(visitor.text)), "a sign twice"
        shown = [signs_of(update).items() for typist in self.gone for update in typist.received]
        assert all(typist.received for typist in self.gone)
        return len({identifier for items in shown for identifier in items - held.items()})


async def figures_are_a_replay(cluster: Cluster, lesson: Classroom) -> None:
    """The teacher's live figures, by whichever moderator has the lesson now, and the report."""
    async with lesson.watch() as desk:
        wanted = settled(await cluster.figures(lesson.lesson))
        await desk.sees(lambda state: settled(state["figures"]) == wanted, "the figures of a replay")
    await lesson.command("end")
    participation = await cluster.replay(lesson.lesson)
    now = participation.lesson.paused_at
    assert now is not None
    assert await lesson.report() == msgspec.json.decode(msgspec.json.encode(build_report(participation, now)))


@pytest.mark.parametrize(("seed", "kind"), RUNS)
async def test_one_process_after_another_is_killed(tmp_path: Path, seed: int, kind: str) -> None:
    rng = random.Random(seed)
    async with redis(tmp_path, "everysec" if kind == "everysec" else "always") as cluster, stock_peers() as stock:
        webs = [await cluster.start() for _ in range(2)]
        moderators = [await cluster.start("moderator") for _ in range(2)]
        crowd = Crowd(await webs[0].create_lesson(room_count=TABLES))
        await crowd.sit_down(stock, webs, PEOPLE)
        witnesses = await Witnesses.invite(webs)
        await crowd.type(seed, KEY_MS)

        victims: list[RedisServer | Server] = [cluster.redis, *webs, *moderators]
        rng.shuffle(victims)
        for victim in victims:
            if kind == "power cut":
                shutil.rmtree(tmp_path / "copy", ignore_errors=True)
                cluster.redis.keep(tmp_path / "copy")
            # What Redis loses is younger than processes keep it (`Patience.keep`).
            async with witnesses.typing(rng.randint(50, 100 if kind == "power cut" else 250)):
                since = now_ms()
                await victim.kill()
            if isinstance(victim, RedisServer):
                if kind == "power cut":
                    victim.restore(tmp_path / "copy")
                await victim.start()
                crowd.faults.append(Fault(None, since, now_ms()))
            else:
                await victim.start(*(["moderator"] if victim in moderators else []))
                crowd.faults.append(Fault(victim, since, now_ms()))

        async with witnesses.typing(5):
            typed = await crowd.rest()
        assert sum(map(len, typed.values())) > 5 * PEOPLE
        await crowd.agree(typed, webs)
        longest = await crowd.longest_wait()
        assert longest < BACK_SECS
        # Whoever gave it to them gives it to Redis again.
        lost = await witnesses.lost()
        assert lost == 0
        signs_typed = sum(map(len, typed.values()))
        print(f"{signs_typed} signs; away for {longest:.1f} s at most; {lost} lost with all who had seen them")
        await figures_are_a_replay(cluster, crowd.lesson)
        for web in webs:
            assert not [line for line in web.output if "Traceback" in line]


async def test_a_primary_of_a_redis_cluster_is_killed(tmp_path: Path) -> None:
    """Three lessons, each on another primary; the default is that none takes anything while one is away."""
    async with running(tmp_path) as redis_cluster, stock_peers() as stock, AsyncExitStack() as stack:
        victim, *others = redis_cluster.primaries
        cluster = Cluster(others[0], tmp_path / "data", stack)
        webs = [await cluster.start(), await cluster.start(redis_url=f"{victim.url[:-2]},{others[1].url[8:]}")]
        for _ in range(2):
            await cluster.start("moderator")
        crowds: dict[int, Crowd] = {}
        while len(crowds) < 3:
            lesson = await webs[0].create_lesson(room_count=2)
            crowds.setdefault(redis_cluster.home(lesson.lesson).port, Crowd(lesson))
        for seed, crowd in enumerate(crowds.values()):
            await crowd.sit_down(stock, webs, 10)
            await crowd.type(seed, KEY_MS)
        desks = [await stack.enter_async_context(crowd.lesson.watch()) for crowd in crowds.values()]
        witnesses = await Witnesses.invite(webs)
        async with witnesses.typing(60):
            since = now_ms()
            await victim.kill()
            for desk in desks:
                await until(lambda desk=desk: storage(desk) == [False], "the bad news")  # type: ignore[misc]
        await victim.start()
        await redis_cluster.is_whole()
        back = now_ms()
        for desk in desks:
            await until(lambda desk=desk: storage(desk)[-1:] == [True], "the good news")  # type: ignore[misc]
        good_news = now_ms() - back
        assert good_news < BACK_SECS * 1000
        async with witnesses.typing(5):
            for crowd in crowds.values():
                crowd.faults.append(Fault(None, since, back))
                typed = await crowd.rest()
                assert all(typed.values())
                await crowd.agree(typed, webs)
                assert await crowd.longest_wait() < BACK_SECS
        assert await witnesses.lost() == 0
        for crowd in crowds.values():
            await figures_are_a_replay(cluster, crowd.lesson)
        for web in webs:
            assert not [line for line in web.output if "Traceback" in line]
        print(f"{good_news} ms from a whole cluster to the good news")


@dataclass
class Memory:
    """What processes take, and by how much more they ever took when looked at."""

    servers: list[Server]
    before: list[int] = field(default_factory=list)
    grown_bytes: int = 0

    def __post_init__(self) -> None:
        self.before = [server.memory_bytes() for server in self.servers]

    def look(self) -> None:
        grown = [server.memory_bytes() - before for server, before in zip(self.servers, self.before, strict=True)]
        self.grown_bytes = max(self.grown_bytes, *grown)


@pytest.mark.parametrize("stalled", ["redis", "the network of one process"])
async def test_redis_does_not_answer_for_ten_seconds(cluster: Cluster, stalled: str) -> None:
    async with AsyncExitStack() as stack, stock_peers() as stock:
        network = await stack.enter_async_context(Relay([cluster.redis.port]))
        near = await cluster.start()
        far = await cluster.start(redis_url=f"redis://127.0.0.1:{network.port}/0")
        for _ in range(2):
            await cluster.start("moderator")
        crowd = Crowd(await near.create_lesson(room_count=TABLES))
        await crowd.sit_down(stock, [near, far], PEOPLE)
        witnesses = await Witnesses.invite([near, far])
        far_desk = await stack.enter_async_context(replace(crowd.lesson, server=far).watch())
        near_desk = await stack.enter_async_context(crowd.lesson.watch())
        told = [far_desk] if stalled != "redis" else [far_desk, near_desk]
        await crowd.type(1, KEY_MS)
        async with witnesses.typing(50):
            pass

        memory = Memory([near, far])
        began = time.monotonic()
        if stalled == "redis":
            cluster.redis.pause()
        else:
            network.stall()
        for desk in told:
            await until(lambda desk=desk: storage(desk) == [False], "the bad news")  # type: ignore[misc]
        while time.monotonic() < began + PAUSE_SECS:
            memory.look()
            await asyncio.sleep(0.1)
        cluster.redis.resume()
        network.flow()
        began = time.monotonic()
        for desk in told:
            await until(lambda desk=desk: storage(desk)[-1:] == [True], "the good news")  # type: ignore[misc]
        good_news = time.monotonic() - began
        assert good_news < BACK_SECS
        async with witnesses.typing(5):
            typed = await crowd.rest()
            await crowd.agree(typed, [near, far])
        memory.look()
        longest = await crowd.longest_wait()
        assert longest < BACK_SECS
        assert memory.grown_bytes < 20 * MB
        assert await witnesses.lost() == 0
        assert stalled == "redis" or storage(near_desk) == []
        await figures_are_a_replay(cluster, crowd.lesson)
        print(f"{good_news:.1f} s to the good news; away for {longest:.1f} s; {memory.grown_bytes / MB:.1f} MB more")


def storage(desk: Watch) -> list[bool]:
    return [message["ok"] for message in desk.messages if message["type"] == "storage"]


async def test_three_web_processes_are_restarted_in_turn(cluster: Cluster) -> None:
    webs = [await cluster.start() for _ in range(3)]
    await cluster.start("moderator")
    async with Relay([web.port for web in webs]) as proxy, stock_peers() as stock:
        public = replace(webs[0], port=proxy.port, address=f"http://127.0.0.1:{proxy.port}", process=None)
        crowd = Crowd(await webs[0].create_lesson(room_count=TABLES))
        # The longest that stock clients wait by themselves before they connect again.
        await crowd.sit_down(stock, [public], PEOPLE, backoff=2500)
        await crowd.type(2, KEY_MS)
        for web in webs:
            began = time.monotonic()
            assert await web.stop() == 0
            assert time.monotonic() - began < 10
            await web.start()
        typed = await crowd.rest()
        await crowd.agree(typed, webs)
        longest = await crowd.longest_wait()
        assert longest < BACK_SECS
        closes = [code for tab in crowd.tabs for code in (await tab.look())["closes"]]
        assert 1012 in closes
        await figures_are_a_replay(cluster, crowd.lesson)
        print(f"{len(closes)} times sent elsewhere; away for {longest:.1f} s at most")
