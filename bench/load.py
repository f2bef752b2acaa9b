"""The load generator: one process, one job, one core. It reads a job as JSON and prints the result as JSON.

Open loop: every key has its moment in a timetable drawn before the run, and is sent then whether or not the server has
answered the ones before. Latency runs from the moment of sending to the moment when the frame has been read; how late
keys were against the timetable is reported beside it.

    python -m bench.load < job.json > result.json
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import sys
from collections.abc import Sequence
from typing import assert_never

import msgspec
import uvloop

from bench import meters
from bench.client import Client, clock
from bench.dashboard import judge_dashboard, percentile_ms
from bench.history import write_history
from bench.jobs import (
    Idling,
    IdlingResult,
    Job,
    Joining,
    JoiningResult,
    Result,
    Seat,
    Stage,
    StageResult,
    Target,
    Typing,
    TypingResult,
)
from bench.judge import Member, Room, Tally, text_of
from bench.servers import SCRATCH
from bench.students import connect, fall_silent, return_cursors, seat_down, synchronise, type_keys
from server.core.wire import SyncStep2, decode_message, encode_update

SETTLING_SECS = 10.0
SEED = 5
HISTORY_UPDATES_A_SECOND = 100


async def run(job: Job) -> Result:
    """Do one job."""
    match job:
        case Typing():
            return await run_typing(job)
        case Joining():
            return await run_joining(job)
        case Idling():
            return await run_idling(job)
        case _:
            assert_never(job)


# ── typing ──


async def run_typing(job: Typing) -> TypingResult:
    """Let students type through the stages; judge each, and the texts at the end."""
    rng = random.Random(SEED)
    target = job.target
    members = [seat_down(target, seat, rng) for seat in job.seats]
    rooms = _rooms(job.seats, members)
    # pycrdt-websocket fails when two open a new room at once: one enters each room before the others.
    first = {room.members[0] for room in rooms.values()}
    await connect(target, list(first))
    await connect(target, [member for member in members if member not in first])
    pages = await _open_pages(target, [seat.page for seat in job.seats if seat.page is not None])
    teacher = await _open_pages(target, [job.dashboard] if job.dashboard is not None else [])
    await fall_silent(members, job.give_up_secs)
    for room in rooms.values():
        room.read(Tally())  # what was said in greeting
    if job.return_cursors:
        for member in members:
            member.client.listen = return_cursors(member)
    started = clock()
    results: list[StageResult] = []
    for stage in job.stages:
        result = await _run_stage(job, stage, members, rooms, rng)
        results.append(result)
        if result.lost or (job.stop_p99_ms is not None and result.p99_ms > job.stop_p99_ms):
            break
    dashboard = None
    if teacher:
        typed_secs = sum(result.secs for result in results)
        dashboard = judge_dashboard(
            teacher[0], {name: room.members for name, room in rooms.items()}, started, typed_secs
        )
    closed = [member.client.closed for member in members if member.client.closed is not None]
    texts_differ = await _compare_texts(target, rooms, job.seats, rng)
    for client in (*pages, *teacher, *(member.client for member in members)):
        client.close()
    return TypingResult(results, texts_differ, closed, meters.memory_mb(target.pid, "VmHWM"), dashboard)


def _rooms(seats: Sequence[Seat], members: Sequence[Member]) -> dict[str, Room]:
    by_room: dict[str, list[Member]] = {}
    for seat, member in zip(seats, members, strict=True):
        by_room.setdefault(seat.room, []).append(member)
    return {room: Room(each) for room, each in by_room.items()}


async def _open_pages(target: Target, paths: Sequence[str]) -> list[Client]:
    clients = [Client(path) for path in paths]
    for client in clients:
        await client.open(target.host, target.port)
    return clients


async def _run_stage(
    job: Typing, stage: Stage, members: Sequence[Member], rooms: dict[str, Room], rng: random.Random
) -> StageResult:
    target = job.target
    for member in members:
        member.client.bytes_received = 0
    before = meters.read(target.pid)
    with meters.DiskProbe(SCRATCH if target.stores else None) as disk:
        lateness = await type_keys(members, stage, rng)
    typed = meters.read(target.pid)
    received = sum(member.client.bytes_received for member in members)
    tally = Tally()
    until = clock() + job.give_up_secs
    while True:
        await fall_silent(members, until - clock())
        after = meters.read(target.pid)
        for room in rooms.values():
            room.read(tally)
        if clock() > until or not any(any(room.missing()) for room in rooms.values()):
            break
    for room in rooms.values():
        room.close_stage(tally, job.give_up_secs)
    tally.latencies.sort()
    tally.cursor_latencies.sort()
    messages = len(tally.latencies) - tally.lost + len(tally.cursor_latencies)
    return StageResult(
        rate=stage.rate,
        secs=stage.secs,
        students=len(members),
        keys=len(lateness),
        deliveries=len(tally.latencies) - tally.lost,
        cursors=len(tally.cursor_latencies),
        lost=tally.lost,
        stale_cursors=tally.stale_cursors,
        frames=tally.frames,
        p50_ms=percentile_ms(tally.latencies, 50),
        p99_ms=percentile_ms(tally.latencies, 99),
        max_ms=percentile_ms(tally.latencies, 100),
        cursor_p50_ms=percentile_ms(tally.cursor_latencies, 50),
        cursor_p99_ms=percentile_ms(tally.cursor_latencies, 99),
        cpu_us=(after.server - before.server) / max(1, messages) * 1e6,
        server_cpu=(after.server - before.server) / (after.at - before.at),
        rss_mb=meters.memory_mb(target.pid),
        received_kb_each=received / len(members) / (typed.at - before.at) / 1000,
        noise=meters.judge_noise(target.pid, before, typed, lateness, disk.late_secs),
    )


async def _compare_texts(target: Target, rooms: dict[str, Room], seats: Sequence[Seat], rng: random.Random) -> int:
    """Count the rooms where a late joiner, or the first member by what was sent to them, has another text."""
    first_seats: dict[str, Seat] = {}
    for seat in seats:
        first_seats.setdefault(seat.room, seat)
    late = {name: seat_down(target, seat, rng) for name, seat in first_seats.items()}
    await connect(target, list(late.values()))
    differ = 0
    for name, room in rooms.items():
        expected = room.expected_text()
        differ += not (expected == room.first_text() == text_of(_first_sync(late[name])))
        late[name].client.close()
    return differ


def _first_sync(member: Member) -> list[bytes]:
    """Give the whole document as the server answered with it."""
    messages = (decode_message(message) for _, message in member.messages())
    return next([message.update] for message in messages if isinstance(message, SyncStep2))


# ── joining ──


async def run_joining(job: Joining) -> JoiningResult:
    """Fill a document with history, then let everyone but its writer open it at once."""
    rng = random.Random(SEED)
    target = job.target
    writer, *others = (seat_down(target, seat, rng) for seat in job.seats)
    updates, expected = write_history(writer.editor.client, job.typed, job.deleted, rng)
    await connect(target, [writer])
    for update in updates:
        writer.client.send(writer.editor.prefix + encode_update(update))
        await asyncio.sleep(1 / HISTORY_UPDATES_A_SECOND)
    await fall_silent([writer], SETTLING_SECS)
    before = meters.read(target.pid)
    arrived = await asyncio.gather(*(synchronise(target, member) for member in others))
    after = meters.read(target.pid)
    latencies = sorted(at - before.at for at in arrived)
    documents = [b"".join(_first_sync(member)) for member in others]
    wrong = {document for document in set(documents) if text_of([document]) != expected}
    for member in (writer, *others):
        member.client.close()
    return JoiningResult(
        clients=len(others),
        document_bytes=len(documents[0]),
        p50_ms=percentile_ms(latencies, 50),
        p99_ms=percentile_ms(latencies, 99),
        max_ms=percentile_ms(latencies, 100),
        texts_differ=sum(document in wrong for document in documents),
        server_cpu_secs=after.server - before.server,
        noise=meters.judge_noise(target.pid, before, after, []),
    )


# ── idling ──


async def run_idling(job: Idling) -> IdlingResult:
    """Connect two batches of clients that do nothing; the second tells what each costs."""
    rng = random.Random(SEED)
    levels: list[float] = []
    members: list[Member] = []
    for seats in (job.first, job.second):
        batch = [seat_down(job.target, seat, rng) for seat in seats]
        await connect(job.target, batch)
        if job.text_bytes:
            for room in _rooms(seats, batch).values():
                writer = room.members[0]
                writer.client.send(writer.editor.paste("x" * job.text_bytes))
        members += batch
        await fall_silent(members, SETTLING_SECS)
        await asyncio.sleep(SETTLING_SECS / 2)  # what a garbage collector frees by itself in a quiet spell is not held
        levels.append(meters.memory_mb(job.target.pid))
    for member in members:
        member.client.close()
    return IdlingResult(len(job.second), (levels[1] - levels[0]) * 1024 / len(job.second), levels[1])


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()  # its pauses would look like the server's; a job ends before what it leaves matters
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(job))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
