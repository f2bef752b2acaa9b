"""What is measured, and by how much load. Each function runs one scenario once and gives the generator's result."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TypeVar

import msgspec

from bench import meters
from bench.impatient import IDLE_UNLOAD_SECS
from bench.jobs import (
    Idling,
    IdlingResult,
    Job,
    Joining,
    JoiningResult,
    Result,
    Stage,
    StageResult,
    Typing,
    TypingResult,
)
from bench.servers import GENERATOR_CORE, IMPATIENT, OURS, ROOT, Roundtable, Server, running

PER_ROOM = 5
KEYS_A_SECOND = 4.0
WARM_UP_SECS = 2.0
"""Typed before what is measured: Node compiles while it runs."""
CAPACITY_STUDENTS = 500
CAPACITY_P99_MS = 100.0
CAPACITY_STEPS = tuple(4.0 * 1.25**step for step in range(24))
STUDENTS_STEPS = (1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000)
HELD_TRIES = 3
JOINING = 200
TYPED, DELETED = 100_000, 36_000
WARMING, IDLE = 200, 1_000
SMALL_TEXT_BYTES = 1_000
LESSON_STUDENTS = 30
LESSONS_A_DAY, LESSONS_AT_ONCE = 200, 20
LESSON_STAGE = Stage(KEYS_A_SECOND, 2.0)
SWEEP_SECS = 30.0
"""How often the server looks for lessons to let go of (`server.hub.registry`)."""

ResultType = TypeVar("ResultType", TypingResult, JoiningResult, IdlingResult)


def generate(job: Job, kind: type[ResultType]) -> ResultType:
    """Run the generator on its own core and give its result. Raises RuntimeError when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {GENERATOR_CORE}),
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError("the load generator failed")
    result: Result = msgspec.json.decode(done.stdout, type=Result)
    if not isinstance(result, kind):
        raise TypeError(f"{kind.__name__} expected")
    return result


def students(
    server: Server,
    count: int,
    secs: float,
    rate: float = KEYS_A_SECOND,
    *,
    pages: bool = False,
    return_cursors: bool = False,
) -> TypingResult:
    """So many students in rooms of five; with ``pages`` each also holds the lesson socket (ours only)."""
    with running(server) as started:
        if isinstance(started, Roundtable):
            seats = started.seats(count, PER_ROOM, pages=pages)
        else:
            seats = started.seats(count, PER_ROOM)
        stages = [Stage(rate, WARM_UP_SECS), Stage(rate, secs)]
        job = Typing(started.target, seats, stages, return_cursors=return_cursors)
        return generate(job, TypingResult)


class Held(msgspec.Struct, frozen=True, tag="held"):
    """A rising load: ``held`` is what the last stage within bounds carried.

    A stage in which the generator had no time left says nothing of the server: ``held`` is then a lower bound.
    """

    held: float
    stages: list[StageResult]


def capacity(server: Server, secs: float) -> Held:
    """Raise the rate by a quarter, stage by stage, until latency or a loss says stop; in messages a second."""
    with running(server) as started:
        seats = started.seats(CAPACITY_STUDENTS, PER_ROOM)
        stages = [Stage(rate, secs) for rate in CAPACITY_STEPS]
        result = generate(Typing(started.target, seats, stages, stop_p99_ms=CAPACITY_P99_MS), TypingResult)
    return Held(max(map(messages_a_second, filter(within_bounds, result.stages)), default=0.0), result.stages)


def students_held(server: Server, secs: float) -> Held:
    """Raise the number of students, each time on a fresh server, until latency or a loss says stop.

    A stage that fails while the machine is not quiet says nothing, and is run again.
    """
    stages: list[StageResult] = []
    for count in STUDENTS_STEPS:
        for _ in range(HELD_TRIES):
            stage = students(server, count, secs).stages[-1]
            if within_bounds(stage) or stage.noise.quiet:
                break
        stages.append(stage)
        if not within_bounds(stages[-1]):
            break
    return Held(max((stage.students for stage in stages if within_bounds(stage)), default=0), stages)


def within_bounds(stage: StageResult) -> bool:
    """Say whether the server still carried a stage."""
    return stage.p99_ms <= CAPACITY_P99_MS and not stage.lost


def messages_a_second(stage: StageResult) -> float:
    """Give the delivered messages, updates and cursors, of a second."""
    return (stage.deliveries + stage.cursors) / stage.secs


def joins(server: Server) -> JoiningResult:
    """Everybody opens one long document at once."""
    with running(server) as started:
        seats = started.seats(JOINING + 1, JOINING + 1)
        return generate(Joining(started.target, seats, TYPED, DELETED), JoiningResult)


def idle(server: Server, text_bytes: int = 0) -> IdlingResult:
    """Clients that do nothing: in rooms of five, or with ``text_bytes`` each in a small document of its own."""
    per_room = 1 if text_bytes else PER_ROOM
    with running(server) as started:
        job = Idling(
            started.target, started.seats(WARMING, per_room), started.seats(IDLE, per_room), text_bytes=text_bytes
        )
        return generate(job, IdlingResult)


def lesson_with_dashboard(secs: float) -> TypingResult:
    """One lesson of ours: thirty students, each with the lesson socket, and the teacher's dashboard open."""
    with running(OURS) as started:
        assert isinstance(started, Roundtable)
        lesson = started.lesson(LESSON_STUDENTS, PER_ROOM, pages=True)
        job = Typing(started.target, lesson.seats, [Stage(KEYS_A_SECOND, secs)], dashboard=lesson.dashboard)
        return generate(job, TypingResult)


class Day(msgspec.Struct, frozen=True, tag="day"):
    """Memory of our server after some lessons and after many, each opened, worked in, ended and let go of."""

    lessons_before: int
    mb_before: float
    lessons: int
    mb_after: float


def day() -> Day:
    """Run lessons, always so many at once, and wait each time until the server has let go of them: twelve minutes.

    As many at once at the beginning as later: memory that was needed once stays with the process.
    """
    let_go_secs = IDLE_UNLOAD_SECS + 2 * SWEEP_SECS
    levels: list[float] = []
    with running(IMPATIENT) as started:
        assert isinstance(started, Roundtable)
        for _ in range(LESSONS_A_DAY // LESSONS_AT_ONCE):
            group = [started.lesson(PER_ROOM * 2, PER_ROOM, pages=True) for _ in range(LESSONS_AT_ONCE)]
            seats = [seat for lesson in group for seat in lesson.seats]
            result = generate(Typing(started.target, seats, [LESSON_STAGE], dashboard=group[0].dashboard), TypingResult)
            if result.texts_differ or result.stages[0].lost:
                raise RuntimeError("a lesson of the day lost text")
            for lesson in group:
                lesson.end()
            time.sleep(let_go_secs)
            levels.append(meters.memory_mb(started.target.pid))
    return Day(LESSONS_AT_ONCE, levels[0], LESSONS_A_DAY, levels[-1])
