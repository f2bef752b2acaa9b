"""One client that stops reading beside lively ones, and a whole school that comes at once."""

from __future__ import annotations

import asyncio
import socket as sockets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pycrdt
import pytest
import websockets

from server.core.wire import encode_sync_step1
from tests.stage import Classroom, Peer, Server, Student, gather, until

pytestmark = [pytest.mark.live, pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")]

MB = 1024 * 1024

# What the slow ones are sent: 5 MB each, several times what a socket's buffers and the outbox take.
WINDOWS = 8
TURNS = 90
CHARACTERS = 20_000
CHARACTER = "語"


@asynccontextmanager
async def reading_nothing(url: str) -> AsyncIterator[websockets.ClientConnection]:
    """Open a document socket whose client takes nothing off it until it is resumed; what fits between is small."""
    where = urlsplit(url)
    connection = sockets.socket()
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (where.hostname, where.port))
    # One message in the client's own queue, then it stops reading from the socket.
    async with websockets.connect(url, sock=connection, max_size=None, max_queue=1, ping_interval=None) as socket:
        try:
            yield socket
        finally:
            socket.transport.abort()  # a goodbye would wait for what is unread


async def round_trip_ms(writer: Peer, reader: Peer, sign: str) -> float:
    began = time.perf_counter()
    writer.text += sign
    await until(lambda: str(reader.text).endswith(sign), "a keystroke at the classmate's")
    return 1000 * (time.perf_counter() - began)


async def test_a_client_that_stops_reading(server: Server) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben, slow = [await lesson.join(name) for name in ("Ana", "Ben", "Slow")]
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    async with lesson.write(room, ana.token) as writer, lesson.write(room, ben.token) as reader:
        alone = [await round_trip_ms(writer, reader, sign) for sign in "acorns are food" * 4]
        async with AsyncExitStack() as stack:
            idle = [
                await stack.enter_async_context(reading_nothing(lesson.room_url(room, slow.token)))
                for _ in range(WINDOWS)
            ]
            for socket in idle:
                await socket.send(encode_sync_step1(b"\x00"))
            before = server.memory_bytes()
            beside = []
            seen = len(reader.received)
            for turn in range(TURNS):
                writer.text.insert(0, CHARACTER * CHARACTERS)
                del writer.text[: 3 * CHARACTERS]  # pycrdt counts bytes
                beside.append(await round_trip_ms(writer, reader, "za"[turn % 2]))
            grown = server.memory_bytes() - before
            metrics = (await server.request("GET", "/metrics")).text
            name = "roundtable_outbox_overflows_total "
            (overflows,) = (float(line.removeprefix(name)) for line in metrics.splitlines() if line.startswith(name))
            assert overflows >= WINDOWS, "the backlog of each was dropped"
            assert grown < WINDOWS * TURNS * 3 * CHARACTERS // 2
            # The middle of each: one hiccup of a shared machine is no finding.
            assert sorted(beside)[TURNS // 2] < 5 * sorted(alone)[len(alone) // 2] + 20

            # It reads again, and shows what the others show; it was never told to go.
            late = Peer(idle[0], pycrdt.Doc())
            task = asyncio.create_task(late.run())
            await late.sees(str(writer.text))
            assert len(late.received) < len(reader.received) - seen, "one resync stands for what was dropped"
            writer.text += " still here"
            await late.sees(str(writer.text))
            late.text += "!"
            await until(lambda: str(reader.text) == str(late.text) == str(writer.text), "what the slow one writes")
            assert late.closed is None
            task.cancel()
        assert (writer.closed, reader.closed) == (None, None)


async def join_all(lesson: Classroom, count: int) -> list[Student]:
    people: list[Student] = await gather(*(lesson.join(f"Pupil {number}") for number in range(count)))
    return people


async def test_a_school_that_joins_at_once(server: Server) -> None:
    lesson = await server.create_lesson(room_count=37)
    await lesson.command("open_rooms")
    before = server.memory_bytes()
    people = await join_all(lesson, 200)
    assert len({person.participant for person in people}) == 200
    assert len({person.name for person in people}) == 200
    sizes = Counter(person.room for person in people)
    assert None not in sizes
    assert len(sizes) == 37
    assert max(sizes.values()) - min(sizes.values()) <= 1

    # All at once at their texts, too; each room is shown its own. Nobody leaves before everyone has seen everything:
    # who has seen enough may not have been heard yet.
    content = 0

    async def write(person: Student) -> None:
        nonlocal content
        assert person.room is not None
        async with lesson.write(person.room, person.token) as peer:
            peer.text += person.participant + " "
            await until(lambda: len(str(peer.text).split()) == sizes[person.room], "everyone's words in the room")
            content += 1
            await until(lambda: content == len(people), "everyone to be content")

    await gather(*(write(person) for person in people))
    assert server.memory_bytes() - before < 64 * MB
    report = await lesson.report()
    for room in report["rooms"]:
        words = set(room["text"].split())
        assert words == {person.participant for person in people if person.room == room["room"]}


async def test_a_lobby_that_fills_at_once_is_grouped_evenly(server: Server) -> None:
    lesson = await server.create_lesson(room_count=37)
    people = await join_all(lesson, 200)
    assert {person.room for person in people} == {None}
    async with lesson.watch() as desk:
        await desk.sees(lambda state: len(state["people"]) == 200, "everyone")
        assert (await desk.send("open_rooms"))["type"] == "done"
        await desk.sees(lambda state: all("room" in person for person in state["people"].values()), "a seat for each")
        sizes = [len(room["members"]) for room in desk.state["rooms"].values()]
    assert sum(sizes) == 200
    assert max(sizes) - min(sizes) <= 1
