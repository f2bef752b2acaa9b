"""Measure what students cost a Redis, and the processes around it: commands, bytes, memory, processor time.

A redis-server (append-only, ``always``), one web process and one moderator share a core; the load generator has
another. Students sit in lessons of thirty at tables of five, each with the lesson socket, a teacher's dashboard open in
every lesson, and type a key a second with its cursor. Each load runs twice, for a short and a long time: the difference
is what typing costs, without the joining. With ``--cluster`` Redis is a cluster of three, on that core, too. Run it
from the root of the repository:

    python -m bench.redis_cost [--cluster] [students ...]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

import redis
from redis.backoff import ConstantBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS as SLOTS
from redis.retry import Retry

from bench import meters
from bench.jobs import Seat, Stage, StageResult, Typing, TypingResult
from bench.scenarios import PER_ROOM, generate
from bench.servers import HOST, OURS, SCRATCH, SERVER_CORE, Lesson, Roundtable, Server, free_port, running
from server.journal.redis import RedisJournal

STUDENTS = (100, 1_000)
IN_LESSON = 30
KEYS_A_SECOND = 1.0
SHORT_SECS, LONG_SECS = 5.0, 35.0
IDLE_SECS = 10.0
HOUR_KEYS = 3600 * KEYS_A_SECOND
INSIDE = ("hmget", "xadd", "hset", "info", "memory|usage", "scan")
"""What a script calls, and what we ask ourselves."""
_MODERATOR = Server("moderator", OURS.folder, (sys.executable, "-m", "server", "moderator"))


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment; commands by name, sizes in bytes, times in seconds of the processor."""

    commands: dict[str, int]
    received: int
    sent: int
    file: int
    web: float
    moderator: float
    redis: float


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that runs."""

    url: str
    stores: list[redis.Redis]
    """One, or those of a cluster."""
    web: Roundtable
    pids: tuple[int, ...]
    """Web process, moderator, and each Redis."""

    def read(self) -> Reading:
        """Read all counters."""
        infos = [store.info("everything") for store in self.stores]
        calls: Counter[str] = Counter()
        for info in infos:
            for name, each in info.items():
                if "cmdstat_" in name:
                    calls[name.removeprefix("cmdstat_")] += each["calls"]
        sizes = ("total_net_input_bytes", "total_net_output_bytes", "aof_current_size")
        received, sent, file = (sum(info[name] for info in infos) for name in sizes)
        web, moderator, *stores = map(meters.cpu_secs, self.pids)
        return Reading(calls, received, sent, file, web, moderator, sum(stores))

    def memory(self, lessons: list[Lesson]) -> int:
        """Give how many bytes of memory the keys of lessons take: ``used_memory`` has buffers of connections in it."""
        taken = 0
        for store, each in itertools.product(self.stores, lessons):
            names = store.scan_iter(f"roundtable:{{{each.lesson}}}:*", 1000)
            taken += sum(store.memory_usage(name, samples=0) or 0 for name in names)
        return taken

    def lessons(self, students: int) -> list[Lesson]:
        """Create as many lessons as so many students fill."""
        sizes = [min(IN_LESSON, students - first) for first in range(0, students, IN_LESSON)]
        return [self.web.lesson(size, PER_ROOM, pages=True) for size in sizes]

    def type(self, lessons: list[Lesson], secs: float) -> TypingResult:
        """Let everybody type. One student of each lesson lends the page's socket to the teacher."""
        seats: list[Seat] = []
        for lesson in lessons:
            first, *others = lesson.seats
            seats += [Seat(first.room, first.path, lesson.dashboard), *others]
        return generate(Typing(self.web.target, seats, [Stage(KEYS_A_SECOND, secs)]), TypingResult)


@contextmanager
def site(number: int) -> Iterator[Site]:
    """Start so many Redis, a web process and a moderator; end them afterwards."""
    SCRATCH.mkdir(exist_ok=True)
    with ExitStack() as stack:
        ports = [free_port() for _ in range(number)]
        pids = [stack.enter_context(_redis(port, clustered=number > 1)) for port in ports]
        stores = [redis.Redis(HOST, port, retry=Retry(ConstantBackoff(0.05), 100)) for port in ports]
        if number > 1:
            _form(stores)
        url = f"redis://{HOST}:{ports[0]}/0"
        environ = {"REDIS_URL": url}
        web = stack.enter_context(running(replace(OURS, environ=environ)))
        other = stack.enter_context(running(replace(_MODERATOR, environ=environ)))
        assert isinstance(web, Roundtable)
        yield Site(url, stores, web, (web.target.pid, other.target.pid, *pids))


@contextmanager
def _redis(port: int, *, clustered: bool) -> Iterator[int]:
    with TemporaryDirectory(prefix="redis-", dir=SCRATCH) as folder:
        options = f"--bind {HOST} --port {port} --dir {folder} --appendonly yes --appendfsync always"
        if clustered:
            # By default 10,000 above the port, which may be no port at all.
            options += f" --cluster-enabled yes --cluster-port {free_port()}"
        process = subprocess.Popen(
            ["redis-server", *options.split(), "--save", ""],
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()


def _form(stores: list[redis.Redis]) -> None:
    """Make a cluster of several Redis; each has its share of the slots."""
    share = -(-SLOTS // len(stores))
    for number, store in enumerate(stores):
        first, after = number * share, min(SLOTS, (number + 1) * share)
        store.execute_command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
        store.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        other = stores[0].get_connection_kwargs()["port"]
        store.execute_command("CLUSTER", "MEET", HOST, other, stores[0].config_get("cluster-port")["cluster-port"])
    while not all(store.cluster("info")["cluster_state"] == "ok" for store in stores):
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Run:
    """What one load cost."""

    before: Reading
    after: Reading
    memory: int
    packed: int
    """Memory that the lessons take after their end."""
    lessons: int
    result: StageResult


def run(number: int, students: int, secs: float) -> Run:
    """Let so many students type for so long, at a site of their own with so many Redis."""
    with site(number) as here:
        lessons = here.lessons(students)
        before = here.read()
        result = here.type(lessons, secs)
        after = here.read()
        assert not result.texts_differ
        memory = here.memory(lessons)
        for lesson in lessons:
            lesson.end()
        asyncio.run(_pack(here.url, lessons))
        return Run(before, after, memory, here.memory(lessons), len(lessons), result.stages[0])


def measure(number: int, students: int) -> None:
    """Print what so many students cost."""
    short, long = run(number, students, SHORT_SECS), run(number, students, LONG_SECS)

    def more(name: str) -> float:
        """Give by how much a counter rose in the time between the two durations."""
        rises = [getattr(each.after, name) - getattr(each.before, name) for each in (short, long)]
        return float(rises[1] - rises[0])

    def calls(name: str) -> int:
        rises = [each.after.commands.get(name, 0) - each.before.commands.get(name, 0) for each in (short, long)]
        return rises[1] - rises[0]

    keys = long.result.keys - short.result.keys
    hours = keys / HOUR_KEYS
    often = sorted(((calls(name), name) for name in long.after.commands), reverse=True)
    shares = [f"{name} {more(name) / (LONG_SECS - SHORT_SECS):.1%}" for name in ("web", "moderator", "redis")]
    spent = [f"{name} {more(name) / keys * 1e6:.0f}" for name in ("web", "moderator", "redis")]
    outside = sum(count for count, name in often if name not in INSIDE) / hours
    named = ", ".join(f"{name} {count / hours:,.0f}" for count, name in often if name not in INSIDE and count > 0)
    print(
        f"\n{students} students, {long.lessons} lessons: {keys} keys in {LONG_SECS - SHORT_SECS:.0f} s"
        f"\n  echo p50 {long.result.p50_ms:.1f} ms, p99 {long.result.p99_ms:.1f} ms, lost {long.result.lost}"
        f"; quiet machine: {long.result.noise.quiet}"
        f"\n  of a core: {', '.join(shares)}"
        f"\n  1,000 keys, ms of a core: {', '.join(spent)}"
        f"\n  a student-hour ({HOUR_KEYS:,.0f} keys): {outside:,.0f} commands: {named}"
        f"\n    {more('received') / hours / 1e6:.1f} MB to Redis, {more('sent') / hours / 1e6:.1f} MB from it"
        f"\n    {(long.memory - short.memory) / hours / 1e3:,.0f} kB of its memory"
        f", {(long.packed - short.packed) / hours / 1e3:,.0f} kB once the lesson is over and packed"
        f"\n    {more('file') / hours / 1e3:,.0f} kB of its file until that is rewritten",
        flush=True,
    )


async def _pack(url: str, lessons: list[Lesson]) -> None:
    journal = RedisJournal(url)
    await journal.open()
    for lesson in lessons:
        await journal.compact(lesson.lesson)
    await journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", action="store_const", const=3, default=1, help="a cluster of three Redis")
    parser.add_argument("students", nargs="*", type=int)
    options = parser.parse_args()
    with site(options.cluster) as empty:
        before = empty.read()
        time.sleep(IDLE_SECS)
        after = empty.read()
    rose = sum(after.commands.values()) - sum(before.commands.values())
    print(f"with nobody there: {rose / IDLE_SECS:.0f} commands a second for one web process and one moderator")
    for students in options.students or STUDENTS:
        measure(options.cluster, students)


if __name__ == "__main__":
    main()
