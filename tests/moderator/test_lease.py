"""Who has which lesson, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Set

import pytest

from server.moderator.lease import HOLD_SECS, Leases
from server.redis_shards import Links
from tests.redis_server import RedisServer

LESSONS = [f"lesson-{number}" for number in range(10)]


@pytest.fixture
async def leases(redis_server: RedisServer) -> AsyncIterator[Leases]:
    links = Links(redis_server.url)
    yield Leases(links)
    await links.close()


async def _until(wanted: Callable[[Set[str]], bool], leases: Leases, moderator: str, secs: float) -> None:
    async with asyncio.timeout(secs):
        while not wanted((await leases.take(moderator)).lessons):
            pass


async def test_a_lesson_nobody_has_open_has_no_moderator(leases: Leases) -> None:
    assert not (await leases.take("a")).lessons


async def test_a_new_lesson_has_one_moderator_and_keeps_it(leases: Leases) -> None:
    await leases.take("a")
    await leases.take("b")
    await leases.announce(LESSONS[:1])
    holders = [name for name in "abab" if (await leases.take(name)).lessons]
    assert holders in (["a", "a"], ["b", "b"])


@pytest.mark.parametrize("at_once", [True, False])
async def test_new_lessons_are_spread_evenly(leases: Leases, at_once: bool) -> None:
    await leases.take("a")
    await leases.take("b")
    for number in range(len(LESSONS)):
        if not at_once or number + 1 == len(LESSONS):
            await leases.announce(LESSONS[: number + 1])
            await leases.take("a")
    a, b = (await leases.take("a")).lessons, (await leases.take("b")).lessons
    assert (len(a), len(b)) == (5, 5)
    assert a | b == set(LESSONS)


async def test_who_was_given_lessons_by_another_is_to_look_at_once(leases: Leases) -> None:
    await leases.take("b")
    await leases.announce(LESSONS)
    assert (await leases.take("a")).others
    assert not (await leases.take("b")).others


async def test_one_that_comes_later_is_given_its_share_one_by_one(leases: Leases) -> None:
    await leases.announce(LESSONS)
    assert len((await leases.take("a")).lessons) == 10
    sizes = [len((await leases.take("b")).lessons) for _ in range(8)]
    assert sizes == [1, 2, 3, 4, 5, 5, 5, 5]
    assert len((await leases.take("a")).lessons) == 5


async def test_a_killed_moderators_lessons_are_taken_when_its_lease_has_run_out(leases: Leases) -> None:
    await leases.announce(LESSONS)
    await leases.take("a")
    assert await leases.announce(LESSONS) == 1
    began = time.monotonic()
    await _until(lambda lessons: len(lessons) == 10, leases, "b", HOLD_SECS + 1)
    assert time.monotonic() - began > HOLD_SECS - 0.5


async def test_one_that_goes_hands_over_at_once(leases: Leases) -> None:
    await leases.announce(LESSONS)
    await leases.take("a")
    await leases.take("b")
    await leases.release("a")
    assert (await leases.take("b")).lessons == set(LESSONS)
    assert await leases.announce(LESSONS) == 1


async def test_a_lesson_that_nobody_has_open_any_more_is_let_go(
    leases: Leases, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.moderator.lease.OPEN_SECS", 0.05)
    await leases.announce(LESSONS)
    await _until(lambda lessons: not lessons, leases, "a", 5)
    async with redis_server.client() as client:
        assert not await client.hgetall("roundtable:{moderators}:held")


async def test_ten_thousand_lessons_cost_a_heartbeat_nothing(leases: Leases, redis_server: RedisServer) -> None:
    await leases.announce(f"lesson-{number}" for number in range(10_000))
    await leases.take("b")
    while len((await leases.take("a")).lessons) != 5_000:
        await leases.take("b")
    await leases.take("a")
    async with redis_server.client() as client:
        await client.config_resetstat()
        for _ in range(10):
            assert len((await leases.take("a")).lessons) == 5_000
        statistics = await client.info("commandstats")
        assert "cmdstat_hgetall" not in statistics
        assert "cmdstat_zrange" not in statistics


async def test_a_redis_that_forgot_everything_gives_the_lessons_out_anew(
    leases: Leases, redis_server: RedisServer
) -> None:
    await leases.announce(LESSONS)
    await leases.take("a")
    async with redis_server.client() as client:
        await client.flushall()
    assert not (await leases.take("a")).lessons
    await leases.announce(LESSONS)
    assert (await leases.take("a")).lessons == set(LESSONS)
