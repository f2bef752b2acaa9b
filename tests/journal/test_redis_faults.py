"""The journal in Redis, and a Redis that dies, freezes, forgets, is full or loses its replica."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from server.errors import Unavailable
from server.journal import Conflict, Entry
from server.journal.redis import RedisJournal
from server.journal.redis_writer import COMMIT_INTERVAL_SECS
from server.redis_link import Link, Patience
from tests.journals import IMPATIENT, Tailed, answering, opened, stored_again, whole
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]


# ── Redis dies, freezes, forgets ──


async def test_a_killed_redis_loses_nothing_it_acknowledged(journal: RedisJournal, redis_server: RedisServer) -> None:
    """With ``appendfsync always``."""
    async with opened(redis_server) as other:
        tails = [await Tailed().follow(each, "one") for each in (journal, other)]
        acknowledged: set[bytes] = set()
        answered: list[bytes] = []
        sent: list[bytes] = []
        stop = False

        async def write(each: RedisJournal, name: bytes) -> None:
            for number in itertools.count():
                if stop:
                    return
                body = b"%s.%d" % (name, number)

                def done(error: Unavailable | None, body: bytes = body) -> None:
                    answered.append(body)
                    if error is None:
                        acknowledged.add(body)

                sent.append(body)
                each.append("one", 1, [body], done)
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write(journal, b"here"))
            tasks.create_task(write(other, b"there"))
            for _ in range(3):
                had = len(acknowledged)
                await until(lambda had=had: len(acknowledged) > had + 100, "writing")  # type: ignore[misc]
                await redis_server.kill()
                await redis_server.start()
            had = len(acknowledged)
            await until(lambda: len(acknowledged) > had + 100, "writing again")
            stop = True
        await until(lambda: len(answered) == len(sent), "an answer to each")
        assert len(set(answered)) == len(sent)
        await answering(journal, other)
        last = max(await journal.commit("one", 1, [b"x"]), await other.commit("one", 1, [b"y"]))
        await until(lambda: all(tail[-1].seq == last for tail in tails), "the end")
        for tail in tails:
            assert tail.is_whole()
            assert (tail.lost, tail.gone) == (0, 0)
            assert acknowledged <= set(tail.bodies)
        assert tails[0] == tails[1] == await whole(journal, "one")
        assert len(set(tails[0].bodies)) == len(tails[0]), "nothing twice"


async def test_a_killed_redis_that_had_not_written_leaves_everybody_with_one_truth(tmp_path: Path) -> None:
    """With ``appendfsync everysec``: what was acknowledged may be lost, but not unnoticed."""
    redis_server = RedisServer(tmp_path / "redis", {"appendfsync": "everysec"})
    await redis_server.start()
    try:
        async with opened(redis_server) as journal, opened(redis_server) as other:
            await journal.create("one", "ONE", 1, [])
            await until(lambda: b"ONE" in redis_server.bytes(), "the lesson in the file")
            journals = (journal, other)
            tails = [await Tailed().follow(each, "one") for each in journals]
            for _ in range(4):
                acknowledged: set[bytes] = set()
                count = 0
                while len(acknowledged) < 300:
                    for each in journals:
                        count += 1

                        def done(
                            error: Unavailable | None, body: bytes = b"%d" % count, into: set[bytes] = acknowledged
                        ) -> None:
                            if error is None:
                                into.add(body)

                        each.append("one", 1, [b"%d" % count], done)
                    await asyncio.sleep(0.001)
                await redis_server.kill()
                await redis_server.start()
                for each in journals:
                    await stored_again(each, "one", b"back")
                for number, each in enumerate(journals):
                    if tails[number].lost:
                        tails[number] = await Tailed().follow(each, "one")
                    else:
                        assert acknowledged <= set(tails[number].bodies)
                last = await journal.latest("one")
                await until(lambda last=last: all(len(tail) == last for tail in tails), "all")  # type: ignore[misc]
                assert tails[0] == tails[1] == await whole(journal, "one")
                assert tails[0].is_whole()
    finally:
        await redis_server.kill()


async def test_while_redis_is_away_appends_fail_at_once(journal: RedisJournal, redis_server: RedisServer) -> None:
    tail = await Tailed().follow(journal, "one")
    await journal.commit("one", 1, [b"before"])
    await redis_server.kill()
    with pytest.raises(Unavailable):
        await journal.commit("one", 1, [b"under way"])
    answers: list[Unavailable | None] = []
    for _ in range(1000):
        journal.append("one", 1, [b"away"], answers.append)
    assert len(answers) == 1000, "nothing waits"
    assert {error and error.reason for error in answers} == {"storage"}
    for refused in (journal.find("ONE"), journal.read("one"), journal.latest("one"), journal.lessons()):
        with pytest.raises(Unavailable) as caught:
            await refused
        assert caught.value.reason == "storage"
    assert tail.lost == 0
    await redis_server.start()
    await stored_again(journal, "one", b"after")
    assert tail.bodies == [b"before", b"after"]
    assert tail.is_whole()


async def test_a_frozen_redis_is_given_up_and_found_again(journal: RedisJournal, redis_server: RedisServer) -> None:
    tail = await Tailed().follow(journal, "one")
    quiet = await Tailed().follow(journal, "two")
    await journal.commit("one", 1, [b"before"])
    redis_server.pause()
    answers: list[Unavailable | None] = []
    journal.append("one", 1, [b"unknown"], answers.append)
    await until(lambda: len(answers) == 1, "that it loses patience")
    assert answers[0] is not None
    assert answers[0].reason == "storage"
    journal.append("one", 1, [b"refused"], answers.append)
    assert len(answers) == 2
    redis_server.resume()
    last = await stored_again(journal, "one", b"after")
    assert await journal.latest("one") == last
    await until(lambda: len(tail) == last, "everything")
    # What was on its way when patience ended came or did not; it came once, and nothing else did.
    assert tail.is_whole()
    assert set(tail.bodies) - {b"unknown"} == {b"before", b"after"}
    assert tail == await whole(journal, "one")
    await stored_again(journal, "two", b"too")
    assert quiet.bodies == [b"too"]
    assert (tail.lost, quiet.lost) == (0, 0)


async def test_a_frozen_process_does_not_lose_patience(journal: RedisJournal, redis_server: RedisServer) -> None:
    """The answer waits, and the time is over: as after SIGSTOP, or a second of garbage collection."""
    tail = await Tailed().follow(journal, "one")
    answers: list[Unavailable | None] = []
    for _ in range(3):
        committed = asyncio.create_task(journal.commit("one", 1, [b"x"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(IMPATIENT.answer * 1.5 + IMPATIENT.poll)  # noqa: ASYNC251  (that is the point)
        journal.append("one", 1, [b"y"], answers.append)
        await committed
    await journal.commit("one", 1, [b"z"])
    assert answers == [None] * 3
    assert len(tail) == 7


async def test_a_journal_closes_also_while_it_loses_its_connection(redis_server: RedisServer) -> None:
    link = await Link.open(redis_server.url, IMPATIENT)
    for _ in range(200):  # which link fails first, and when, differs: one in twenty went on for ever
        journal = RedisJournal(redis_server.url, patience=IMPATIENT)
        await journal.open()
        await link.ask([("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")], IMPATIENT.answer)
        await asyncio.wait_for(journal.close(), 5)
    await link.close()


async def test_a_redis_that_forgot_its_end_is_told_it_again(
    journal: RedisJournal, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with opened(redis_server) as other:
        tails = [await Tailed().follow(each, "one") for each in (journal, other)]
        await journal.commit("one", 1, [b"kept"])
        redis_server.keep(tmp_path / "copy")
        for number in range(100):
            await (journal, other)[number % 2].commit("one", number, [b"%d" % number])
        await until(lambda: all(len(tail) == 101 for tail in tails), "everything")
        before = list(tails[0])
        await redis_server.kill()
        redis_server.restore(tmp_path / "copy")
        await redis_server.start()
        assert await stored_again(other, "one", b"new") == 102
        await answering(journal)
        assert await whole(journal, "one") == [*before, Entry(102, 99, b"new")]
        await until(lambda: all(len(tail) == 102 for tail in tails), "what is new")
        assert tails[0] == tails[1] == await whole(journal, "one")
        assert [(tail.lost, tail.gone) for tail in tails] == [(0, 0)] * 2
        with pytest.raises(Conflict):
            await journal.commit("one", 100, [b"decided by less"], after=1)


async def test_a_redis_that_forgot_more_than_is_kept_is_found_out(redis_server: RedisServer, tmp_path: Path) -> None:
    async with opened(redis_server, patience=replace(IMPATIENT, keep=0.0)) as journal:
        await journal.create("one", "ONE", 1, [])
        await journal.create("two", "TWO", 1, [])
        await _forget(journal, redis_server, tmp_path)


async def _forget(journal: RedisJournal, redis_server: RedisServer, tmp_path: Path) -> None:
    one = await Tailed().follow(journal, "one")
    two = await Tailed().follow(journal, "two")
    await journal.commit("one", 1, [b"kept"])
    await journal.commit("two", 1, [b"kept", b"too"])
    redis_server.keep(tmp_path / "copy")
    for _ in range(3):
        await journal.commit("one", 1, [b"forgotten"])
    await journal.save_snapshot("one", "hub", 2, b"of what is forgotten")
    await redis_server.kill()
    redis_server.restore(tmp_path / "copy")
    await redis_server.start()
    await until(lambda: one.lost == 1, "the loss")
    assert await stored_again(journal, "one", b"new") == 2
    assert await journal.snapshot("one", "hub") is None
    assert await stored_again(journal, "two", b"new") == 3
    assert one.bodies == [b"kept", *[b"forgotten"] * 3], "its tail has ended"
    assert two.bodies == [b"kept", b"too", b"new"]
    assert (one.lost, one.gone, two.lost, two.gone) == (1, 0, 0, 0)
    again = await Tailed().follow(journal, "one")
    assert again.bodies == [b"kept", b"new"]


async def test_an_end_that_was_forgotten_and_grew_again_is_found_out(
    journal: RedisJournal, redis_server: RedisServer, tmp_path: Path
) -> None:
    await journal.commit("one", 1, [b"kept"])
    redis_server.keep(tmp_path / "copy")
    await journal.commit("one", 1, [b"forgotten"])
    live = await Tailed().follow(journal, "one")
    from_here = await Tailed().follow(journal, "one", after=2)
    await redis_server.kill()
    elsewhere = RedisServer(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    elsewhere.restore(tmp_path / "copy")
    await elsewhere.start()
    async with opened(elsewhere) as other:
        assert await other.commit("one", 1, [b"by another process"]) == 2
        assert await other.commit("one", 1, [b"and another"]) == 3
    await elsewhere.stop()
    elsewhere.keep(tmp_path / "grown")
    redis_server.restore(tmp_path / "grown")
    await redis_server.start()
    await until(lambda: live.lost == from_here.lost == 1, "the loss")
    assert live.bodies == [b"kept", b"forgotten"]
    assert from_here == []


async def test_a_tail_catches_up_with_what_others_wrote_while_it_was_cut_off(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    tail = await Tailed().follow(journal, "one")
    await journal.commit("one", 1, [b"a"])
    async with redis_server.client() as client:
        for number in range(20):
            async with opened(redis_server) as other:
                await client.client_kill_filter(_type="normal", skipme=True)
                await stored_again(other, "one", b"%d" % number)
                if number % 7 == 0:
                    await other.compact("one")
    last = await stored_again(journal, "one", b"z")
    await until(lambda: len(tail) == last, "everything")
    assert tail.is_whole()
    assert [body for body in tail.bodies if body.isdigit()] == [b"%d" % number for number in range(20)]


async def test_forgotten_scripts_are_given_again(journal: RedisJournal, redis_server: RedisServer) -> None:
    async with redis_server.client() as client:
        await client.script_flush()
    await stored_again(journal, "one", b"x")
    assert [entry.body for entry in await journal.read("one")] == [b"x"]


# ── Redis is full, or slow ──


async def test_a_full_redis_refuses_what_is_new_and_nothing_else(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    tail = await Tailed().follow(journal, "one")
    await journal.commit("one", 1, [b"before"])
    async with redis_server.client() as client:
        await client.config_set("maxmemory", "1")
        answers: list[Unavailable | None] = []
        for lesson in ("one", "two", "one"):
            journal.append(lesson, 1, [b"refused"], answers.append)
        with pytest.raises(Unavailable) as caught:
            await journal.commit("one", 1, [b"refused"])
        assert caught.value.reason == "storage"
        assert len(answers) == 3
        assert None not in answers
        assert [entry.body for entry in await journal.read("one")] == [b"before"]
        await journal.delete("two")
        await client.config_set("maxmemory", "0")
    assert await journal.commit("one", 1, [b"after"]) == 2
    assert tail.bodies == [b"before", b"after"]


async def test_a_full_redis_packs_all_the_same(journal: RedisJournal, redis_server: RedisServer) -> None:
    """It makes room."""
    for number in range(1200):
        journal.append("one", number, [b"acorns fall in autumn"])
    await journal.commit("one", 1200, [])
    before = await whole(journal, "one")
    async with redis_server.client() as client:
        await client.config_set("maxmemory", "1")
        await journal.compact("one")
        assert await client.xlen("roundtable:{one}:entries") == 0
    assert await whole(journal, "one") == before


async def test_what_was_appended_on_top_of_a_refusal_is_not_written(redis_server: RedisServer) -> None:
    flushes: list[int] = []
    async with opened(redis_server, observe=lambda secs, entries: flushes.append(entries)) as journal:
        for lesson in ("one", "two"):
            await journal.create(lesson, lesson, 1, [])
        answers: list[Unavailable | None] = []

        def first_answered(error: Unavailable | None) -> None:
            answers.append(error)
            with redis.Redis.from_url(redis_server.url) as client:
                client.config_set("maxmemory", "0")

        async with redis_server.client() as client:
            await client.config_set("maxmemory", "1")
        redis_server.pause()
        journal.append("one", 1, [b"refused"], first_answered)
        await asyncio.sleep(COMMIT_INTERVAL_SECS * 5)  # it is under way
        journal.append("one", 1, [b"on top of it"], answers.append)
        journal.append("two", 1, [b"elsewhere"], answers.append)
        redis_server.resume()
        await until(lambda: len(answers) == 3, "all answers")
        assert None not in answers
        assert flushes == [1]
        assert await journal.commit("one", 1, [b"fresh"]) == 1


async def test_more_than_may_wait_is_refused_at_once(redis_server: RedisServer) -> None:
    async with opened(redis_server, max_queued_bytes=10_000) as journal:
        await journal.create("one", "ONE", 1, [])
        answers: list[Unavailable | None] = []
        for _ in range(3):
            journal.append("one", 1, [b"x" * 4000], answers.append)
        [error] = answers
        assert error is not None
        assert error.reason == "behind"
        assert await journal.commit("one", 1, []) == 2
        assert await journal.commit("one", 1, [b"x" * 9000]) == 3, "the room is given back"
        redis_server.pause()
        for _ in range(100):
            journal.append("one", 1, [], answers.append)
        assert answers[-1] is not None
        assert answers[-1].reason == "behind", "empty appends are bounded too"
        redis_server.resume()


async def test_a_group_of_appends_is_one_flush(redis_server: RedisServer) -> None:
    flushes: list[int] = []
    async with opened(redis_server, observe=lambda secs, entries: flushes.append(entries)) as journal:
        for lesson in ("one", "two"):
            await journal.create(lesson, lesson, 1, [])
        for number in range(40):
            journal.append(("one", "two")[number % 2], 1, [b"x"])
        await journal.commit("one", 1, [])
        assert flushes == [40]
        async with redis_server.client() as client:
            assert await client.xlen("roundtable:{one}:entries") == 1


# ── replicas ──


async def test_nobody_is_given_what_a_replica_has_not(redis_server: RedisServer, replica: RedisServer) -> None:
    options = {"replicas": 1, "patience": Patience(answer=6.0, retry=0.01, retry_most=0.05, poll=0.1)}
    async with opened(redis_server, **options) as journal, opened(redis_server, **options) as other:
        assert await journal.create("one", "ONE", 1, [b"first"])
        tails = [await Tailed().follow(each, "one") for each in (journal, other)]
        assert await journal.commit("one", 1, [b"second"]) == 2
        async with replica.client() as client:
            assert await client.xlen("roundtable:{one}:entries") == 2
        replica.pause()
        with pytest.raises(Unavailable) as caught:
            await journal.commit("one", 1, [b"third"])
        assert caught.value.reason == "storage"
        async with redis_server.client() as client:
            assert await client.xlen("roundtable:{one}:entries") == 3
        assert [tail.bodies for tail in tails] == [[b"first", b"second"]] * 2
        with pytest.raises(Unavailable):
            await other.read("one")
        replica.resume()
        last = await stored_again(journal, "one", b"fourth")
        await until(lambda: all(len(tail) == last for tail in tails), "everything")
        assert set(tails[0].bodies) >= {b"first", b"second", b"third", b"fourth"}
        assert tails[0] == tails[1]


async def test_a_deletion_waits_for_replicas_and_can_be_asked_for_again(
    redis_server: RedisServer, replica: RedisServer
) -> None:
    """Else a failover would bring back what the teacher was told is gone."""
    async with opened(redis_server, replicas=1, patience=replace(IMPATIENT, answer=6.0)) as journal:
        assert await journal.create("one", "ONE", 1, [b"first"])
        replica.pause()
        with pytest.raises(Unavailable):
            await journal.delete("one")
        replica.resume()
        async with asyncio.timeout(20):
            while True:
                try:
                    await journal.delete("one")
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)
        async with replica.client() as client:
            assert await client.keys("roundtable:*one*") == await client.keys("roundtable:lessons") == []
            assert not await client.exists("roundtable:code:ONE")
