"""What only the journal in Redis promises: several processes, a safe start, deletion to the last byte."""

from __future__ import annotations

import asyncio
import itertools
import random
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from server.errors import NotFound, SettingsError, Unavailable
from server.journal import Conflict, Entry
from server.journal.redis import RedisJournal
from server.journal.rows import pack
from server.redis_link import Patience
from tests.journals import IMPATIENT, Tailed, opened, whole
from tests.redis_cluster import asked
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]


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
    monkeypatch.setattr("server.journal.redis_safety.OLDEST_VERSION", (99, 0))
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


async def test_deletion_leaves_no_byte_on_replicas_of_replicas(
    journal: RedisJournal, redis_server: RedisServer, tmp_path: Path
) -> None:
    await journal.commit("one", 1, [b"written in one"])
    late: list[RedisServer] = []
    try:
        for number, (of, aof) in enumerate(((redis_server, "yes"), (None, "yes"), (redis_server, "no"))):
            source = of or late[-1]
            options = {"replicaof": f"127.0.0.1 {source.port}", "appendonly": aof, "repl-diskless-load": "swapdb"}
            late.append(RedisServer(tmp_path / f"late-{number}", options))
            await late[-1].start()
            await asked(late[-1], ("EXISTS", "roundtable:{one}:entries"), bool)
        # They write their first files only now.
        await until(lambda: all(b"written in one" in server.bytes() for server in late[:2]), "the text in both files")
        await journal.delete("one")
        servers = (redis_server, *late)
        await until(
            lambda: not any(b"written in one" in server.bytes() for server in servers), "that all files are new"
        )
        assert not (late[2].folder / "appendonlydir").exists(), "where there was no file, there is none"
    finally:
        for server in late:
            await server.kill()


async def test_a_replica_that_is_away_is_asked_when_it_is_back(
    journal: RedisJournal, redis_server: RedisServer, replica: RedisServer
) -> None:
    await journal.commit("one", 1, [b"written in one"])
    await until(lambda: b"written in one" in replica.bytes(), "the text in its file")
    replica.pause()
    await journal.delete("one")
    await until(lambda: b"written in one" not in redis_server.bytes(), "the primary's new file")
    async with redis_server.client() as client:
        rewrites = (await client.info("stats"))["total_forks"]
        await until(lambda: journal._missed != set(), "that it is missed")
        replica.resume()
        await until(lambda: b"written in one" not in replica.bytes(), "the replica's new file")
        assert (await client.info("stats"))["total_forks"] == rewrites, "the primary is asked once"


async def test_what_a_process_could_not_have_written_anew_another_does(redis_server: RedisServer) -> None:
    """The first is killed, as it were, or the file is being written when ``roundtable purge`` ends."""
    killed = RedisJournal(redis_server.url, patience=Patience(rewrite=3600))
    await killed.open()
    await killed.create("lesson-forgotten", "ONE", 1, [b"x"])
    await killed.delete("lesson-forgotten")
    killed._rewrite_due.clear()
    await killed.close()
    assert b"lesson-forgotten" in redis_server.bytes()
    async with opened(redis_server, patience=replace(IMPATIENT, traces=0.1)):
        await until(lambda: b"lesson-forgotten" not in redis_server.bytes(), "that the file was written anew")
        await asked(redis_server, ("EXISTS", "roundtable:traces"), lambda found: not found)


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
