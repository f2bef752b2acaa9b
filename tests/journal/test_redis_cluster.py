"""The journal in a Redis Cluster: lessons that move, and primaries that die, come back or are replaced."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from server.errors import SettingsError, Unavailable
from server.journal.redis import RedisJournal
from server.journal.redis_writer import COMMIT_INTERVAL_SECS
from tests.journals import IMPATIENT, Tailed, opened, stored_again, whole
from tests.redis_cluster import RedisCluster, ask, asked, running, slot, told
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]


@dataclass
class School:
    """Two processes that write and follow the same lessons without a pause."""

    lessons: Sequence[str]
    journals: list[RedisJournal]
    tails: dict[str, list[Tailed]] = field(default_factory=dict)
    sent: dict[str, list[bytes]] = field(default_factory=dict)
    answered: dict[str, list[bytes]] = field(default_factory=dict)
    acknowledged: dict[str, list[bytes]] = field(default_factory=dict)
    overtook: int = 0
    """How often something was acknowledged before what had been appended before it was answered."""
    _stop: bool = False

    async def begin(self) -> None:
        for lesson in self.lessons:
            self.tails[lesson] = [await Tailed().follow(journal, lesson) for journal in self.journals]
            for books in (self.sent, self.answered, self.acknowledged):
                books[lesson] = []

    async def write(self, number: int, lesson: str) -> None:
        waiting: dict[bytes, None] = {}
        for count in itertools.count():
            if self._stop:
                return
            body = b"%d.%d" % (number, count)

            def done(error: Unavailable | None, body: bytes = body) -> None:
                self.answered[lesson].append(body)
                if error is None:
                    self.overtook += next(iter(waiting)) != body
                    self.acknowledged[lesson].append(body)
                del waiting[body]

            waiting[body] = None
            self.sent[lesson].append(body)
            self.journals[number].append(lesson, 1, [body], done)
            await asyncio.sleep(0.002)

    async def goes_on(self, *lessons: str) -> None:
        """Wait until more has been acknowledged in each lesson."""
        for lesson in lessons or self.lessons:
            had = len(self.acknowledged[lesson])
            await until(lambda: len(self.acknowledged[lesson]) > had + 50, f"writing {lesson}")  # noqa: B023

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write all the while, then see that all is well."""
        async with asyncio.TaskGroup() as tasks:
            for number, lesson in itertools.product(range(len(self.journals)), self.lessons):
                tasks.create_task(self.write(number, lesson))
            await self.goes_on()
            yield
            await self.goes_on()
            self._stop = True
        for lesson in self.lessons:
            await self._is_well(lesson)

    async def _is_well(self, lesson: str) -> None:
        await until(lambda: len(self.answered[lesson]) == len(self.sent[lesson]), "an answer to each")
        assert self.overtook == 0
        last = 0
        for journal in self.journals:
            last = max(last, await stored_again(journal, lesson, b"last"))
        tails = self.tails[lesson]
        await until(lambda: all(len(tail) == last for tail in tails), "the end")
        for tail in tails:
            assert tail.is_whole()
            assert (tail.lost, tail.gone) == (0, 0)
            assert set(self.acknowledged[lesson]) <= set(tail.bodies)
            assert tail == await whole(self.journals[0], lesson)
        own = [body for body in tails[0].bodies if body != b"last"]
        assert len(set(own)) == len(own), "nothing twice"


@asynccontextmanager
async def school(redis_cluster: RedisCluster, lessons: Sequence[str], replicas: int = 0) -> AsyncIterator[School]:
    async with AsyncExitStack() as stack:
        journals = []
        async with opened(redis_cluster) as journal:  # which awaits no replica: the others have none
            for lesson in lessons:
                assert await journal.create(lesson, lesson.upper(), 1, [])
        for server in redis_cluster.primaries[1:]:
            journals.append(RedisJournal(server.url, patience=replace(IMPATIENT, answer=2.0), replicas=replicas))
            await journals[-1].open()
            stack.push_async_callback(journals[-1].close)
        found = School(lessons, journals)
        await found.begin()
        yield found


async def test_a_lesson_moves_while_it_is_written(tmp_path: Path) -> None:
    async with running(tmp_path) as redis_cluster:
        moving, neighbour, other, *_ = redis_cluster.lessons(2)
        source, target, _ = redis_cluster.primaries
        async with school(redis_cluster, [moving, neighbour, other]) as lessons, lessons.writing():
            await redis_cluster.begin_move(moving, source, target)
            await lessons.goes_on(moving)  # its keys are still there
            await redis_cluster.move_keys(moving, source, target)
            had = len(lessons.answered[moving])
            await until(lambda: len(lessons.answered[moving]) > had + 100, "refusals: ASK")
            written = len(lessons.acknowledged[moving])
            await lessons.goes_on(neighbour)
            assert len(lessons.acknowledged[moving]) == written, "nothing is written half-way"
            await redis_cluster.end_move(moving, target)
            await lessons.goes_on()
            # And back, at once: MOVED.
            await redis_cluster.begin_move(moving, target, source)
            await redis_cluster.move_keys(moving, target, source)
            await redis_cluster.end_move(moving, source)
        for lesson in (neighbour, other):
            assert lessons.acknowledged[lesson] == lessons.answered[lesson], "nothing else was refused"


@pytest.mark.parametrize("where", ["in the queue", "on its way"])
async def test_what_waits_at_the_old_home_is_refused_before_anything_is_written_at_the_new_one(
    tmp_path: Path, where: str
) -> None:
    async with running(tmp_path, options={"cluster-require-full-coverage": "no"}) as redis_cluster:
        lesson = redis_cluster.lessons()[0]
        source, target, other = redis_cluster.primaries
        patience = replace(IMPATIENT, poll=20.0)
        interval = 20.0 if where == "in the queue" else COMMIT_INTERVAL_SECS
        journal = RedisJournal(other.url, patience=patience, commit_interval_secs=interval)
        await journal.open()
        answers: list[tuple[bytes, bool]] = []

        def append(body: bytes) -> None:
            journal.append(lesson, 1, [body], lambda error: answers.append((body, error is None)))

        await journal.create(lesson, "CODE", 1, [])
        tail = await Tailed().follow(journal, lesson)
        append(b"first")
        await until(lambda: answers == [(b"first", True)], "the first")
        await redis_cluster.begin_move(lesson, source, target)
        await redis_cluster.move_keys(lesson, source, target)
        writer = journal._sessions[source.url].writer
        if where == "on its way":
            source.pause()
        append(b"second")
        await until(lambda: bool(writer._flying if where == "on its way" else writer._queue), "that it is there")
        for server in (target, other):
            await ask(server, "CLUSTER", "SETSLOT", slot(lesson), "NODE", await redis_cluster.name(target))
        journal._shards.doubt()
        stream = journal._reader.stream(lesson)
        await until(lambda: stream is not None and stream.home == target.url, "the new home")
        assert answers == [(b"first", True), (b"second", False)]
        await journal.commit(lesson, 1, [b"third"])
        assert tail.bodies == [b"first", b"third"]
        source.resume()
        await journal.close()


async def test_a_primary_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as redis_cluster:
        dying, *others = redis_cluster.lessons()
        victim = redis_cluster.home(dying)
        busy = school(redis_cluster, [dying, *others])
        async with opened(redis_cluster) as idle, busy as lessons, lessons.writing():
            await victim.kill()
            await is_not_ready(idle)
            answered = len(lessons.answered[dying])
            await until(lambda: len(lessons.answered[dying]) > answered + 50, "refusals")
            await victim.start()
            await lessons.goes_on()


async def is_not_ready(journal: RedisJournal) -> None:
    """Wait until a process that has nothing to do with any lesson says that it can do nothing."""
    async with asyncio.timeout(10):
        while True:
            try:
                await journal.check()
            except Unavailable:
                return
            await asyncio.sleep(0.01)


async def test_lessons_elsewhere_go_on_while_a_primary_is_away(tmp_path: Path) -> None:
    """The cluster's own default is to take nothing then."""
    async with running(tmp_path, options={"cluster-require-full-coverage": "no"}) as redis_cluster:
        dying, *others = redis_cluster.lessons()
        victim, *alive = redis_cluster.primaries
        async with school(redis_cluster, [dying, *others]) as lessons, lessons.writing():
            await victim.kill()
            for server in alive:
                await told(server, lambda info: info["cluster_slots_fail"] != "0")
            for _ in range(3):
                await lessons.goes_on(*others)
            await lessons.journals[0].check()
            # A process that starts meanwhile serves what is there, although it is told of the one that is not.
            late = RedisJournal(f"{alive[0].url},{victim.url[8:]}", patience=IMPATIENT)
            await late.open()
            assert await late.commit(others[0], 1, []) > 0
            with pytest.raises(Unavailable):
                await late.commit(dying, 1, [])
            await victim.start()
            await lessons.goes_on()
            await stored_again(late, dying, b"by a third")
            await late.close()


@pytest.mark.parametrize(
    "how", ["killed, with replicas awaited", "frozen", "asked to", "asked to, with replicas awaited"]
)
async def test_a_replica_takes_over_from_a_primary(tmp_path: Path, how: str) -> None:
    async with running(tmp_path, replicas_of_first=1) as redis_cluster:
        (replica,) = redis_cluster.replicas
        lessons_ = redis_cluster.lessons()
        victim = redis_cluster.home(lessons_[0])
        replicas = 1 if "awaited" in how else 0
        # The others have no replica: where one is awaited, nothing can be written.
        busy = school(redis_cluster, lessons_[:1] if replicas else lessons_, replicas)
        async with busy as lessons, lessons.writing():
            if how.startswith("asked to"):
                await ask(replica, "CLUSTER", "FAILOVER")
            elif how == "frozen":
                victim.pause()
            else:
                await victim.kill()
            await asked(replica, ("INFO", "replication"), lambda found: b"role:master" in found)
            if how.startswith("killed"):
                await victim.start()  # it is the replica now
            else:
                await lessons.goes_on()
            if how == "frozen":
                victim.resume()


async def test_what_a_promoted_replica_never_received_is_given_to_it(tmp_path: Path) -> None:
    async with running(tmp_path, replicas_of_first=1) as redis_cluster:
        (replica,) = redis_cluster.replicas
        dying = redis_cluster.lessons()[0]
        victim = redis_cluster.home(dying)
        async with school(redis_cluster, []) as lessons:
            journal, other = lessons.journals
            await journal.create(dying, "CODE", 1, [])
            tails = [await Tailed().follow(each, dying) for each in lessons.journals]
            await journal.commit(dying, 1, [b"received"])
            await until(lambda: b"received" in replica.bytes(), "that the replica has it")
            # From now on it is let in no more.
            await ask(replica, "CONFIG", "SET", "masteruser", "nobody", "masterauth", "nothing")
            await ask(victim, "CLIENT", "KILL", "TYPE", "replica")
            for number in range(20):
                await (journal, other)[number % 2].commit(dying, 1, [b"%d" % number])
            await until(lambda: all(len(tail) == 21 for tail in tails), "everything")
            await victim.kill()
            await asked(replica, ("INFO", "replication"), lambda found: b"role:master" in found)
            assert await stored_at_once(other, dying, b"new") == 22, "after what was lost"
            await until(lambda: all(len(tail) == 22 for tail in tails), "what is new")
            assert tails[0] == tails[1] == await whole(journal, dying)
            assert [(tail.lost, tail.gone) for tail in tails] == [(0, 0)] * 2


async def test_slots_that_are_nobodys_for_a_moment_are_found_again(tmp_path: Path) -> None:
    # As the others told of them while a replica took its place, in 2 of 300 such failovers.
    async with running(tmp_path, options={"cluster-require-full-coverage": "no"}) as redis_cluster:
        names = redis_cluster.lessons()
        owner = redis_cluster.home(names[0])
        ((*slots, _),) = [found for found in await ask(owner, "CLUSTER", "SLOTS") if found[2][1] == owner.port]
        async with school(redis_cluster, names) as lessons, lessons.writing():
            for server in redis_cluster.primaries:
                await ask(server, "CLUSTER", "DELSLOTSRANGE", *slots)
            await lessons.goes_on(*names[1:])
            await asyncio.sleep(10 * IMPATIENT.retry_most)  # everybody has asked, and been told
            with pytest.raises(Unavailable):
                await lessons.journals[0].commit(names[0], 1, [])
            await ask(owner, "CLUSTER", "ADDSLOTSRANGE", *slots)


async def stored_at_once(journal: RedisJournal, lesson: str, body: bytes) -> int:
    """Commit in the first moment in which anything is taken."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await journal.commit(lesson, 1, [body])
            except Unavailable:
                await asyncio.sleep(0)


async def test_each_primary_is_checked_and_the_one_named_that_would_lose_lessons(redis_cluster: RedisCluster) -> None:
    culprit = redis_cluster.primaries[1]
    for name, good, bad in (("appendonly", "yes", "no"), ("maxmemory-policy", "noeviction", "allkeys-lru")):
        await ask(culprit, "CONFIG", "SET", name, bad)
        try:
            with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{culprit.port}/0 .*Set `{name} {good}`"):
                await RedisJournal(redis_cluster.url, patience=IMPATIENT).open()
        finally:
            await ask(culprit, "CONFIG", "SET", name, good)
    async with school(redis_cluster, []):
        pass


async def test_several_that_are_no_cluster_are_refused(redis_server: RedisServer) -> None:
    url = f"redis://127.0.0.1:{redis_server.port},127.0.0.1:{redis_server.port}"
    with pytest.raises(SettingsError, match="not part of a cluster"):
        await RedisJournal(url, patience=IMPATIENT).open()


async def test_a_cluster_that_is_not_formed_is_refused(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "alone", {"cluster-enabled": "yes"})
    await server.start()
    try:
        with pytest.raises(SettingsError, match="has not been formed"):
            await RedisJournal(server.url, patience=IMPATIENT).open()
        await ask(server, "CLUSTER", "ADDSLOTSRANGE", 0, 16000)
        with pytest.raises(SettingsError, match="383 of its cluster's slots are nobody's"):
            await RedisJournal(server.url, patience=IMPATIENT).open()
    finally:
        await server.kill()


async def test_deletion_leaves_no_byte_anywhere(tmp_path: Path) -> None:
    async with running(tmp_path, replicas_of_first=1) as redis_cluster, school(redis_cluster, []) as lessons:
        journal = lessons.journals[0]
        names = redis_cluster.lessons()
        for name in names:
            assert await journal.create(name, f"code-{name}", 1, [b"written in " + name.encode()])
            await journal.commit(name, 1, [b"more of " + name.encode()])
            await journal.save_snapshot(name, "hub", 1, b"folded " + name.encode())
        traces = [name.encode() for name in names]

        def held() -> bytes:
            return b"".join(server.bytes() for server in redis_cluster.servers)

        assert all(trace in held() for trace in traces)
        (replica,) = redis_cluster.replicas
        for server in redis_cluster.servers:  # a replica is not named before it is known to have received something
            await asked(server, ("CLUSTER", "SLOTS"), lambda found: str(replica.port) in str(found))
        for name in names:
            await journal.delete(name)
        await until(lambda: not any(trace in held() for trace in traces), "that all files were written anew")
