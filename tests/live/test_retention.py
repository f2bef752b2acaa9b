"""P23: what is deleted leaves no byte in the store, whoever deletes it: the teacher, the operator, or time."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from server.app import JOURNAL_FILE
from server.clock import now_ms
from server.core.events import (
    AnyEvent,
    DocumentUpdated,
    LessonCreated,
    MessageSent,
    ParticipantJoined,
    RoomAdded,
    encode_event,
)
from server.core.update import encode_insert
from server.journal.sqlite import SqliteJournal
from tests.stage import Classroom, Server, until

pytestmark = pytest.mark.live

DAY_MS = 24 * 60 * 60 * 1000
TEXT = "Squirrels forget 4711 acorns."
NAME = "Zebulon-0815"
TITLE = "Oaks-2718"
NUDGE = "Perhaps-3141"


def traces(data: Path, *words: str) -> set[str]:
    """Give those of some words whose bytes are anywhere in the store, write-ahead log included."""
    store = b"".join(path.read_bytes() for path in data.iterdir() if path.name.startswith(JOURNAL_FILE))
    assert store
    return {word for word in words if word.encode() in store}


async def hold_lesson(server: Server) -> tuple[Classroom, set[str]]:
    """Hold a short lesson; give it and the words it leaves in the store."""
    lesson = await server.create_lesson(title=TITLE, room_count=1)
    student = await lesson.join(NAME)
    await lesson.command("open_rooms")
    async with lesson.watch() as desk:
        (room,) = desk.state["rooms"]
    async with lesson.write(room, student.token) as writer:
        writer.text += TEXT
        await until(lambda: any(TEXT.encode() in update for update in writer.received), "the receipt")
    await lesson.command("nudge", room=room, text=NUDGE)
    await lesson.command("end")
    words = {TEXT, NAME, TITLE, NUDGE, lesson.code, lesson.lesson}
    assert traces(server.data, *words) == words
    return lesson, words


async def purge(server: Server, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        "purge",
        *arguments,
        env={**os.environ, "ROUNDTABLE_DATA": str(server.data)},
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_p23_delete_leaves_nothing(server: Server) -> None:
    lesson, words = await hold_lesson(server)
    kept = await server.create_lesson(title="Kept-1618")
    answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token)
    assert answer.status_code == 204
    assert traces(server.data, *words) == set()
    assert traces(server.data, "Kept-1618", kept.code) == {"Kept-1618", kept.code}
    await server.stop()
    assert traces(server.data, *words) == set()


@pytest.mark.parametrize("everything", [False, True], ids=["one lesson", "all lessons"])
async def test_p23_purge_leaves_nothing(server: Server, everything: bool) -> None:
    lesson, words = await hold_lesson(server)
    await server.stop()
    assert await purge(server, "--all" if everything else lesson.lesson) == "Deleted 1 lesson.\n"
    assert traces(server.data, *words) == set()


async def write_old_lesson(data: Path, days: int) -> None:
    journal = SqliteJournal(data / JOURNAL_FILE)
    await journal.open()
    happened: list[AnyEvent] = [
        LessonCreated(TITLE, "QRSTUV"),
        RoomAdded("r", "Table 1"),
        ParticipantJoined("p", NAME),
        MessageSent("m", NUDGE, room="r"),
        DocumentUpdated("r", "p", encode_insert(100, TEXT)),
    ]
    at = now_ms() - days * DAY_MS - 60_000
    assert await journal.create("old-lesson-1", "QRSTUV", at, [encode_event(event) for event in happened])
    await journal.close()


OLD = {TEXT, NAME, TITLE, NUDGE, "QRSTUV", "old-lesson-1"}


async def test_p23_purge_takes_what_is_past_its_time_and_leaves_the_rest(tmp_path: Path) -> None:
    server = Server(tmp_path)
    await write_old_lesson(server.data, days=29)
    assert await purge(server) == "Deleted 0 lessons.\n"
    assert traces(server.data, *OLD) == OLD
    await purge(server, "--all")
    await write_old_lesson(server.data, days=30)
    assert await purge(server) == "Deleted 1 lesson.\n"
    assert traces(server.data, *OLD) == set()


async def test_p23_time_deletes_by_itself(tmp_path: Path) -> None:
    server = Server(tmp_path, {"ROUNDTABLE_RETENTION_DAYS": "7"})
    await write_old_lesson(server.data, days=7)
    assert traces(server.data, *OLD) == OLD
    await server.start()
    try:
        await until(lambda: traces(server.data, *OLD) == set(), "the old lesson's end")
        answer = await server.request("POST", "/api/join", json={"code": "QRSTUV", "name": "Ada"})
        assert answer.status_code == 404
        assert await server.stop() == 0
        assert traces(server.data, *OLD) == set(), "closing the store writes nothing back"
    finally:
        await server.kill()


async def test_p23_time_leaves_what_it_should(tmp_path: Path) -> None:
    server = Server(tmp_path, {"ROUNDTABLE_RETENTION_DAYS": "7"})
    await write_old_lesson(server.data, days=6)
    await server.start()
    try:
        answer = await server.request("POST", "/api/join", json={"code": "QRSTUV", "name": "Ada"})
        assert answer.status_code == 201
        assert traces(server.data, *OLD) == OLD
    finally:
        await server.kill()
