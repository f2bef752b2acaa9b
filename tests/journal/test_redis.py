"""What only the journal in Redis promises: several processes, a Redis that dies, freezes, forgets, or is full."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from server.errors import NotFound, SettingsError, Unavailable
from server.journal import Conflict, Entry
from server.journal.redis import RedisJournal
from server.journal.redis_writer import COMMIT_INTERVAL_SECS
from server.journal.rows import pack
from server.redis_link import Patience
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]

IMPATIENT = Patience(start=0.0, connect=0.5, answer=0.8, retry=0.01, retry_most=0.05, poll=0.1, rewrite=0.01)


@asynccontextmanager
async def opened(redis_server: RedisServer, **options: Any) -> AsyncIterator[RedisJournal]:
    journal = RedisJournal(redis_server.url, **{"patience": IMPATIENT, **options})
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


@pytest.fixture
async def journal(redis_server: RedisServer) -> AsyncIterator[RedisJournal]:
    """An open journal with the lessons ``one`` and ``two``, both empty."""
    async with opened(redis_server) as journal:
        for lesson in ("one", "two"):
            assert await journal.create(lesson, lesson.upper(), 1, [])
        yield journal


class Tailed(list[Entry]):
    """What a tail received, and how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0
        self.gone = 0

    async def follow(self, journal: RedisJournal, lesson: str, after: int = 0) -> Tailed:
        def lost() -> None:
            self.lost += 1

        def gone() -> None:
            self.gone += 1

        await journal.follow(lesson, self.extend, after, lost=lost, gone=gone)
        return self

    @property
    def bodies(self) -> list[bytes]:
        return [entry.body for entry in self]

    def is_whole(self) -> bool:
        return [entry.seq for entry in self] == list(range(1, len(self) + 1))


async def stored_again(journal: RedisJournal, lesson: str, body: bytes) -> int:
    """Commit once storage is there again."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await journal.commit(lesson, 1, [body])
            except Unavailable:
                await asyncio.sleep(0.01)


async def whole(journal: RedisJournal, lesson: str) -> list[Entry]:
    entries: list[Entry] = []
    while batch := await journal.read(lesson, entries[-1].seq if entries else 0):
        entries += batch
    return entries


# ── several processes ──


async def test_several_writers_number_without_gaps_and_see_one_order(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    rng = random.Random(1)
    async with opened(redis_server) as other, opened(redis_server) as third:
        journals = (journal, other, third)
        tails = [await Tailed().follow(each, "one") for each in journals]
        answers: list[Unavailable | None] = []
        for turn in range(400):
            for number, each in enumerate(journals):
                bodies = [b"%d.%d.%d" % (number, turn, part) for part in range(rng.randrange(4))]
                each.append("one", rng.randrange(1_700_000_000_000), bodies, answers.append)
                each.append("two", turn, [b"elsewhere"], answers.append)
            if rng.random() < 0.3:
                await asyncio.sleep(0)
            if rng.random() < 0.05:
                await rng.choice(journals).commit("one", turn, [b"committed"])
        for each in journals:
            await each.commit("one", 1, [b"last"])
        await until(lambda: all(len(tail) == len(tails[0]) for tail in tails), "the same for all")
        latest = await journal.latest("one")
        await until(lambda: len(tails[0]) == len(tails[1]) == len(tails[2]) == latest, "everything")
        assert tails[0].is_whole()
        assert tails[0] == tails[1] == tails[2] == await whole(other, "one")
        for number in range(3):
            own = [body.split(b".") for body in tails[0].bodies if body.startswith(b"%d." % number)]
            order = [(int(turn), int(part)) for _, turn, part in own]
            assert order == sorted(order), "each writer's in the order of its calls"
        assert [entry.at for entry in tails[0]] == sorted(entry.at for entry in tails[0])
        assert answers == [None] * 2400


async def test_of_exclusive_commits_by_several_processes_one_is_made(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    async with opened(redis_server) as other:
        tails = {each: await Tailed().follow(each, "one") for each in (journal, other)}
        conflicts = 0

        async def decide(each: RedisJournal, number: int) -> None:
            nonlocal conflicts
            tail = tails[each]
            while True:
                seen = len(tail)
                try:
                    await each.commit("one", 1, [b"%d" % seen], after=seen)
                except Conflict as conflict:
                    conflicts += 1
                    await until(lambda seq=conflict.seq: len(tail) >= seq, "what came first")  # type: ignore[misc]
                else:
                    return

        async def decide_all(each: RedisJournal) -> None:
            for number in range(30):
                each.append("one", 1, [b"text"])
                await decide(each, number)

        await asyncio.gather(decide_all(journal), decide_all(other))
        assert conflicts > 0
        entries = await whole(journal, "one")
        made = [entry for entry in entries if entry.body != b"text"]
        assert len(made) == 60
        for before, entry in itertools.pairwise(made):
            assert int(entry.body) >= before.seq
        assert len(entries) == 120


async def test_a_deletion_elsewhere_is_noticed_and_nothing_written_behind_it(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    async with opened(redis_server) as other:
        busy = await Tailed().follow(journal, "one")
        quiet = await Tailed().follow(journal, "two")
        closed = Tailed()
        (await journal.follow("two", closed.extend, gone=lambda: closed.append(Entry(0, 0, b"gone")))).close()
        await journal.commit("one", 1, [b"a"])
        await other.delete("one")
        await other.delete("two")
        answers: list[Unavailable | None] = []
        journal.append("one", 1, [b"too late"], answers.append)
        await until(lambda: bool(answers), "an answer")
        assert answers[0] is not None
        assert answers[0].reason == "no_lesson"
        await until(lambda: busy.gone == quiet.gone == 1, "both deletions")
        assert (busy.lost, quiet.lost, closed) == (0, 0, [])
        with pytest.raises(NotFound):
            await journal.read("one")
        async with redis_server.client() as client:
            assert await client.keys("roundtable:{*") == []


async def test_compaction_by_two_at_once(journal: RedisJournal, redis_server: RedisServer) -> None:
    async with opened(redis_server) as other:
        rng = random.Random(2)
        for number in range(3000):
            journal.append("one", number, [b'["DocumentUpdated","room-1","participant-7"]' + rng.randbytes(9)])
            if number % 5 == 0:
                await journal.commit("one", 1, [])
        before = await whole(journal, "one")
        async with redis_server.client() as client:
            size = await client.memory_usage("roundtable:{one}:entries", samples=0) or 0
            reading = asyncio.create_task(whole(other, "one"))
            await asyncio.gather(journal.compact("one"), other.compact("one"))
            assert await reading == before
            packed = await client.memory_usage("roundtable:{one}:packed", samples=0)
            left = await client.memory_usage("roundtable:{one}:entries", samples=0)
            assert 0 < (packed or 0) + (left or 0) < size / 2
        assert await whole(other, "one") == before
        assert await other.commit("one", 1, [b"next"]) == 3001


def packed_unseen(redis_server: RedisServer, seq: int, body: bytes) -> None:
    """Let another process append an entry and compact it away before anybody's read saw it; the loop stands still."""
    row = pack([(1, body)])
    with redis.Redis.from_url(redis_server.url) as client, client.pipeline(transaction=True) as at_once:
        at_once.xadd("roundtable:{one}:entries", {"f": 1, "e": row}, id=f"{seq}-0")
        at_once.hset("roundtable:{one}:meta", "seq", str(seq))
        at_once.xadd("roundtable:{one}:packed", {"z": zlib.compress(row)}, id=f"{seq}-0")
        at_once.xtrim("roundtable:{one}:entries", minid=f"{seq + 1}-0", approximate=False)
        at_once.execute()


async def test_what_was_compacted_before_it_came_by_comes_all_the_same(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    tail = await Tailed().follow(journal, "one")
    await journal.follow("two", lambda entries: None)
    packed_unseen(redis_server, 1, b"a")
    assert await journal.commit("one", 1, [b"b"]) == 2
    assert tail.bodies == [b"a", b"b"]
    with redis.Redis.from_url(redis_server.url) as client:
        # The blocking read returns with this, and the next begins when what follows is packed already.
        client.xadd("roundtable:{two}:entries", {"f": 1, "e": pack([(1, b"x")])}, id="1-0")
    packed_unseen(redis_server, 3, b"c")
    assert await journal.commit("one", 1, []) == 3, "although nothing comes by"
    assert tail.bodies == [b"a", b"b", b"c"]


async def test_a_lesson_followed_later_is_read_at_once(redis_server: RedisServer) -> None:
    """A blocking read is under way for other lessons, here for a minute."""
    patience = Patience(poll=60.0)
    async with opened(redis_server, patience=patience) as journal, opened(redis_server, patience=patience) as other:
        for number in range(20):
            lesson = f"lesson-{number}"
            await journal.create(lesson, lesson, 1, [])
            tail = await Tailed().follow(journal, lesson)
            await other.commit(lesson, 1, [b"by another"])
            assert await journal.commit(lesson, 1, [b"own"]) == 2
            assert tail.bodies == [b"by another", b"own"]


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


async def test_a_redis_that_forgot_its_end_is_found_out(
    journal: RedisJournal, redis_server: RedisServer, tmp_path: Path
) -> None:
    one = await Tailed().follow(journal, "one")
    two = await Tailed().follow(journal, "two")
    await journal.commit("one", 1, [b"kept"])
    await journal.commit("two", 1, [b"kept", b"too"])
    redis_server.keep(tmp_path / "copy")
    await journal.commit("one", 1, [b"forgotten"])
    await journal.save_snapshot("one", "hub", 2, b"of what is forgotten")
    await redis_server.kill()
    redis_server.restore(tmp_path / "copy")
    await redis_server.start()
    await until(lambda: one.lost == 1, "the loss")
    assert await stored_again(journal, "one", b"new") == 2
    assert await journal.snapshot("one", "hub") is None
    assert await stored_again(journal, "two", b"new") == 3
    assert one.bodies == [b"kept", b"forgotten"], "its tail has ended"
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


@pytest.fixture
async def replica(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisServer]:
    replica = RedisServer(tmp_path / "replica", {"replicaof": f"127.0.0.1 {redis_server.port}"})
    await replica.start()
    async with redis_server.client() as client:
        while not await client.wait(1, 100):
            pass
    yield replica
    replica.resume()
    await replica.kill()


async def test_nobody_is_given_what_a_replica_has_not(redis_server: RedisServer, replica: RedisServer) -> None:
    options = {"replicas": 1, "patience": Patience(answer=3.0, retry=0.01, retry_most=0.05, poll=0.1)}
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


# ── start-up ──


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"appendonly": "no"}, r"no append-only file.*Set `appendonly yes`.*ROUNDTABLE_REDIS_UNSAFE"),
        (
            {"maxmemory-policy": "allkeys-lru"},
            r"maxmemory-policy allkeys-lru.*Set `maxmemory-policy noeviction`.*ROUNDTABLE_REDIS_UNSAFE",
        ),
    ],
    ids=["no append-only file", "eviction"],
)
async def test_a_redis_that_would_lose_lessons_is_refused(
    tmp_path: Path, options: dict[str, str], sentence: str
) -> None:
    redis_server = RedisServer(tmp_path / "unsafe", options)
    await redis_server.start()
    try:
        with pytest.raises(SettingsError, match=sentence):
            await RedisJournal(redis_server.url).open()
        async with opened(redis_server, unsafe=True) as journal:
            assert await journal.create("one", "ONE", 1, [])
    finally:
        await redis_server.kill()


async def test_a_cluster_is_refused(tmp_path: Path) -> None:
    redis_server = RedisServer(tmp_path / "cluster", {"cluster-enabled": "yes"})
    await redis_server.start()
    try:
        with pytest.raises(SettingsError, match=r"Redis Cluster\. Set REDIS_URL"):
            await RedisJournal(redis_server.url).open()
    finally:
        await redis_server.kill()


async def test_a_redis_that_is_started_at_the_same_time_is_waited_for(redis_server: RedisServer) -> None:
    await redis_server.stop()
    journal = RedisJournal(redis_server.url, patience=Patience(start=20.0))
    opening = asyncio.create_task(journal.open())
    await asyncio.sleep(0)
    await redis_server.start()
    await opening
    assert await journal.create("one", "ONE", 1, [])
    await journal.close()


async def test_a_start_can_be_broken_off(journal: RedisJournal, redis_server: RedisServer) -> None:
    redis_server.pause()
    opening = asyncio.create_task(RedisJournal(redis_server.url, patience=Patience()).open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    redis_server.resume()


async def test_an_old_redis_is_refused(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.redis_link.OLDEST_VERSION", (99, 0))
    with pytest.raises(
        SettingsError, match=r"is version \d+\.\d+.*Install Redis 7.0 or newer.*ROUNDTABLE_REDIS_UNSAFE"
    ):
        await RedisJournal(redis_server.url).open()


async def test_a_replica_is_refused(redis_server: RedisServer, replica: RedisServer) -> None:
    with pytest.raises(SettingsError, match=r"replica.*Set REDIS_URL to its primary"):
        await RedisJournal(replica.url, unsafe=True).open()


async def test_a_redis_that_is_not_there_is_named_without_its_password(redis_server: RedisServer) -> None:
    url = redis_server.url.replace("redis://", "redis://teacher:secret@")
    with pytest.raises(SettingsError, match=rf"redis://127.0.0.1:{redis_server.port}/0.*set REDIS_URL") as caught:
        await RedisJournal(url, patience=IMPATIENT).open()
    assert "secret" not in str(caught.value)
    await redis_server.kill()
    with pytest.raises(SettingsError, match="Start it, or set REDIS_URL"):
        await RedisJournal(redis_server.url, patience=IMPATIENT).open()


# ── deletion ──


async def test_deletion_leaves_no_byte(journal: RedisJournal, redis_server: RedisServer) -> None:
    rng = random.Random(3)
    traces: dict[str, list[bytes]] = {}
    for _ in range(12):
        lesson, code = f"lesson-{rng.randbytes(6).hex()}", f"code-{rng.randbytes(6).hex()}"
        traces[lesson] = [lesson.encode(), code.encode()]
        await journal.create(lesson, code, 1, [b"made by " + lesson.encode()])
        for _ in range(20):
            traces[lesson].append(rng.randbytes(12).hex().encode())
            await journal.commit(lesson, 1, [traces[lesson][-1]])
        await journal.save_snapshot(lesson, "hub", 1, b"folded " + lesson.encode())
    kept, *gone = traces
    await journal.compact(gone[0])
    gone_traces = [trace for lesson in gone for trace in traces[lesson]]
    held = redis_server.bytes()
    assert all(trace in held for lesson in gone[1:] for trace in traces[lesson])
    for lesson in gone:
        await journal.delete(lesson)
    async with redis_server.client() as client:
        keys = [name for name in await client.keys("roundtable:{*") if isinstance(name, bytes)]
    assert {name.split(b"}")[0][12:] for name in keys} == {b"one", b"two", kept.encode()}
    await until(
        lambda: not any(trace in redis_server.bytes() for trace in gone_traces), "that the file was written anew"
    )
    assert all(trace in redis_server.bytes() for trace in traces[kept])


async def test_closing_asks_for_the_file_to_be_written_anew(redis_server: RedisServer) -> None:
    """As ``roundtable purge`` does, which ends before the time has come."""
    patience = Patience(rewrite=3600)
    async with opened(redis_server, patience=patience) as journal:
        await journal.create("lesson-forgotten", "ONE", 1, [b"x"])
        await journal.delete("lesson-forgotten")
        assert b"lesson-forgotten" in redis_server.bytes()
    await until(lambda: b"lesson-forgotten" not in redis_server.bytes(), "that the file was written anew")


async def test_a_lesson_whose_making_was_cut_short_frees_its_code(
    journal: RedisJournal, redis_server: RedisServer
) -> None:
    async with redis_server.client() as client:
        await client.sadd("roundtable:lessons", "half")
        await client.set("roundtable:code:HALF", "half", ex=60)
    assert not await journal.create("other", "HALF", 1, []), "whoever makes it may still be at it"
    assert {row.lesson for row in await journal.lessons()} == {"one", "two"}
    async with redis_server.client() as client:
        await client.expire("roundtable:code:HALF", 0)
        assert await journal.create("other", "HALF", 1, [])
        assert await client.ttl("roundtable:code:HALF") == -1
