"""Measure what students cost a Redis, and the processes around it: commands, bytes, memory, processor time.

A redis-server (append-only, ``everysec``), one web process and one moderator share a core; the load generator has
another. Students sit in lessons of thirty at tables of five, each with the lesson socket, a teacher's dashboard open in
every lesson, and type a key a second with its cursor. Each load runs twice, for a short and a long time: the difference
is what typing costs, without the joining. At the end every lesson is ended and packed. Run it from the root of the
repository:

    python -m bench.redis_cost [students ...]
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

import redis

from bench import meters
from bench.jobs import Seat, Stage, Typing, TypingResult
from bench.scenarios import PER_ROOM, generate
from bench.servers import HOST, OURS, SCRATCH, SERVER_CORE, Lesson, Roundtable, Server, free_port, running
from server.journal.redis import RedisJournal

STUDENTS = (100, 1_000)
IN_LESSON = 30
KEYS_A_SECOND = 1.0
SHORT_SECS, LONG_SECS = 5.0, 35.0
IDLE_SECS = 10.0
HOUR_KEYS = 3600 * KEYS_A_SECOND
_MODERATOR = Server("moderator", OURS.folder, (sys.executable, "-m", "server", "moderator"))


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment; commands by name, sizes in bytes, times in seconds of the processor."""

    commands: dict[str, int]
    received: int
    sent: int
    memory: int
    file: int
    web: float
    moderator: float
    redis: float


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that runs."""

    url: str
    store: redis.Redis
    web: Roundtable
    pids: tuple[int, int, int]
    """Web process, moderator, Redis."""

    def read(self) -> Reading:
        """Read all counters."""
        info = self.store.info("everything")
        calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in info.items() if "cmdstat_" in name}
        received, sent = info["total_net_input_bytes"], info["total_net_output_bytes"]
        web, moderator, store = map(meters.cpu_secs, self.pids)
        return Reading(calls, received, sent, info["used_memory"], info["aof_current_size"], web, moderator, store)

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
def site() -> Iterator[Site]:
    """Start Redis, a web process and a moderator; end them afterwards."""
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="redis-", dir=SCRATCH) as folder:
        port = free_port()
        arguments = f"--bind {HOST} --port {port} --dir {folder} --appendonly yes --appendfsync everysec --save"
        process = subprocess.Popen(
            ["redis-server", *arguments.split(), ""],
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        url = f"redis://{HOST}:{port}/0"
        environ = {"REDIS_URL": url}
        try:
            with running(replace(OURS, environ=environ)) as web, running(replace(_MODERATOR, environ=environ)) as other:
                assert isinstance(web, Roundtable)
                yield Site(url, redis.Redis.from_url(url), web, (web.target.pid, other.target.pid, process.pid))
        finally:
            process.kill()
            process.wait()


def measure(site: Site, students: int) -> None:
    """Print what so many students cost."""
    costs: list[tuple[Reading, Reading]] = []
    results: list[TypingResult] = []
    for secs in (SHORT_SECS, LONG_SECS):
        lessons = site.lessons(students)
        before = site.read()
        results.append(site.type(lessons, secs))
        costs.append((before, site.read()))
    (short_before, short), (long_before, long) = costs

    def more(name: str) -> float:
        """Give by how much a counter rose in the time between the two durations."""
        rises = [getattr(after, name) - getattr(before, name) for before, after in costs]
        return float(rises[1] - rises[0])

    stages = [result.stages[0] for result in results]
    keys = stages[1].keys - stages[0].keys
    assert not stages[1].lost
    assert not results[1].texts_differ
    calls = {
        name: (long.commands[name] - long_before.commands.get(name, 0))
        - (short.commands.get(name, 0) - short_before.commands.get(name, 0))
        for name in long.commands
    }
    counted = {name: count for name, count in calls.items() if count > keys / 1000 and name != "info"}
    # What a script calls is counted besides the call of the script.
    inner = {"hmget", "xadd", "hset"}
    commands = sum(count for name, count in counted.items() if name not in inner)
    hours = keys / HOUR_KEYS
    print(f"\n{students} students, {len(lessons)} lessons: {keys} keys in {LONG_SECS - SHORT_SECS:.0f} s")
    print(f"  echo p50 {stages[1].p50_ms:.1f} ms, p99 {stages[1].p99_ms:.1f} ms", end="")
    print(f", quiet machine: {stages[1].noise.quiet}")
    shares = [f"{name} {more(name) / (LONG_SECS - SHORT_SECS):.1%}" for name in ("web", "moderator", "redis")]
    print(f"  of a core: {', '.join(shares)}")
    print("  a student-hour (3,600 keys):")
    print(f"    {commands / hours:,.0f} commands from outside; by name:", end=" ")
    print(
        ", ".join(f"{name} {count / hours:,.0f}" for name, count in sorted(counted.items(), key=lambda each: -each[1]))
    )
    print(f"    {more('received') / hours / 1e6:.2f} MB to Redis, {more('sent') / hours / 1e6:.2f} MB from it")
    print(f"    {more('memory') / hours / 1e3:,.0f} kB of its memory, {more('file') / hours / 1e3:,.0f} kB of its file")
    print("  1,000 keys, ms of a core:", end=" ")
    print(", ".join(f"{name} {more(name) / keys * 1e6:.0f}" for name in ("web", "moderator", "redis")), flush=True)
    for lesson in lessons:
        lesson.end()
    began = time.perf_counter()
    asyncio.run(_pack(site.url, lessons))
    packed = time.perf_counter() - began
    left = site.store.info("memory")["used_memory"] - long_before.memory
    left_kb = left / stages[1].keys * HOUR_KEYS / 1e3
    print(f"  {left_kb:,.0f} kB of its memory once the lesson is packed, which took {packed:.1f} s", flush=True)


async def _pack(url: str, lessons: list[Lesson]) -> None:
    journal = RedisJournal(url)
    await journal.open()
    for lesson in lessons:
        await journal.compact(lesson.lesson)
    await journal.close()


def main() -> None:
    loads = [int(each) for each in sys.argv[1:]] or STUDENTS
    with site() as running_site:
        before = running_site.read()
        time.sleep(IDLE_SECS)
        after = running_site.read()
        calls = sum(after.commands.values()) - sum(before.commands.values())
        print(f"with nobody there: {calls / IDLE_SECS:.0f} commands a second for one web process and one moderator")
        for students in loads:
            measure(running_site, students)


if __name__ == "__main__":
    main()
