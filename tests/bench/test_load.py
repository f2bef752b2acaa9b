"""The load generator counts what happened: all of it with a server that loses nothing, and what a lossy one lost."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.jobs import Seat, Stage, Target, Typing, TypingResult
from bench.load import run_typing
from bench.meters import DiskProbe
from bench.servers import Roundtable
from tests.stage import Server

pytestmark = pytest.mark.live

ROOM = 5
STAGE = Stage(rate=4.0, secs=2.0)
KEYS_EACH = 8
GIVE_UP_SECS = 3.0


def target_of(server: Server, port: int | None = None) -> Target:
    assert server.process is not None
    return Target("127.0.0.1", port or server.port, server.process.pid)


async def ten_students(server: Server) -> list[Seat]:
    return await asyncio.to_thread(Roundtable(target_of(server)).seats, 2 * ROOM, ROOM)


async def test_everything_arrives_and_is_counted(server: Server) -> None:
    seats = await ten_students(server)
    result = await run_typing(Typing(target_of(server), seats, [STAGE, STAGE]))
    assert [stage.keys for stage in result.stages] == [10 * KEYS_EACH] * 2
    assert [stage.deliveries for stage in result.stages] == [10 * KEYS_EACH * ROOM] * 2
    assert [stage.cursors for stage in result.stages] == [10 * KEYS_EACH * ROOM] * 2
    assert [(stage.lost, stage.stale_cursors) for stage in result.stages] == [(0, 0)] * 2
    assert (result.texts_differ, result.closed) == (0, [])
    for stage in result.stages:
        assert 0 < stage.p50_ms <= stage.p99_ms <= stage.max_ms < 2000
        assert stage.server_cpu > 0
        assert stage.rss_mb > 10


async def test_the_teachers_dashboard_is_timed(server: Server) -> None:
    lesson = await asyncio.to_thread(Roundtable(target_of(server)).lesson, ROOM, ROOM, pages=True)
    result = await run_typing(Typing(target_of(server), lesson.seats, [STAGE], dashboard=lesson.dashboard))
    assert result.dashboard is not None
    assert result.dashboard.bytes_each_second > 0
    assert 0 < result.dashboard.keys_seen <= ROOM * KEYS_EACH
    assert 0 < result.dashboard.p50_ms < 3000


async def test_updates_that_never_reach_one_student_are_lost(server: Server) -> None:
    result = await through_a_relay(server, lambda payload: payload[:2] == b"\x00\x02")
    (stage,) = result.stages
    assert stage.lost == (ROOM - 1) * KEYS_EACH
    assert stage.deliveries == (10 * ROOM - ROOM) * KEYS_EACH
    assert result.texts_differ == 1
    assert stage.p99_ms == GIVE_UP_SECS * 1000  # what never came is not left out of the latencies


async def test_cursors_that_never_reach_one_student_are_stale(server: Server) -> None:
    result = await through_a_relay(server, lambda payload: payload[:1] == b"\x01")
    (stage,) = result.stages
    assert (stage.lost, stage.stale_cursors, result.texts_differ) == (0, ROOM - 1, 0)


async def through_a_relay(server: Server, drops: Callable[[bytes], bool]) -> TypingResult:
    """Let ten students type, the first of them behind a relay that loses some of what the server sends."""
    seats = await ten_students(server)
    async with relay(server.port, seats[0].path, drops) as port:
        return await run_typing(Typing(target_of(server, port), seats, [STAGE], give_up_secs=GIVE_UP_SECS))


@asynccontextmanager
async def relay(upstream: int, path: str, drops: Callable[[bytes], bool]) -> AsyncIterator[int]:
    """Pass everything on, but drop frames on the first connection to ``path``; gives the port."""
    lossy = [path]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked = request.split()[1].decode()
        loses = asked in lossy
        if loses:
            lossy.remove(asked)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", upstream)
        server_writer.write(request)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(copy(reader, server_writer))
            if loses:
                tasks.create_task(copy_frames(server_reader, writer, drops))
            else:
                tasks.create_task(copy(server_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1]


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def copy_frames(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drops: Callable[[bytes], bool]
) -> None:
    writer.write(await reader.readuntil(b"\r\n\r\n"))
    try:
        while True:
            head = await reader.readexactly(2)
            size = head[1]
            if size == 126:
                wide = await reader.readexactly(2)
                head, size = head + wide, int.from_bytes(wide, "big")
            payload = await reader.readexactly(size)
            if head[0] & 8 or not drops(payload):
                writer.write(head + payload)
    except asyncio.IncompleteReadError:
        writer.close()


def test_a_disk_that_stands_still_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = threading.Event()

    def stall(file: int) -> None:
        time.sleep(0.05)
        synced.set()

    monkeypatch.setattr(os, "fdatasync", stall)
    with DiskProbe(tmp_path) as disk:
        assert synced.wait(10)
    assert disk.late_secs > 0.04
