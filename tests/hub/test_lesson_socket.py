"""A lesson socket whose browser does not keep up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
from starlette.websockets import WebSocket

from server.bus.memory import MemoryBus
from server.core.commands import Actor, AnyCommand
from server.core.events import encode_event
from server.errors import Unavailable
from server.hub.lesson_socket import LessonSocket
from server.hub.lessons import LiveLesson
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from tests.hub.test_document_socket import Line
from tests.hub.test_several_processes import opening


def heard(line: Line) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame[frame.index(b"{") :]) for frame in line.written]


async def test_who_missed_the_good_news_of_storage_has_it_with_the_whole_state(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("lesson", "ABC234", 1, [encode_event(event) for event in opening()])
    live = LiveLesson("lesson", journal, Limits(), Metrics())
    await live.open()
    line = Line()

    async def execute(lesson: str, command: AnyCommand, actor: Actor) -> None: ...

    LessonSocket(
        cast(WebSocket, line),
        live,
        Actor("participant", "ann"),
        limits=Limits(),
        metrics=Metrics(),
        bus=MemoryBus(),
        execute=execute,
        extend=lambda lesson, actor, view: None,
        say=lambda refused: refused.message,
        figures=lambda lesson: None,
    ).start(lambda: None)

    live._written(Unavailable("Storage cannot take it now.", reason="storage"))
    line.connection.pause()
    for _ in range(2):
        line.connection.send(bytes(Limits().outbox_bytes))  # the backlog is dropped, and the good news with it
    live._written(None)
    before = len(line.written)
    line.connection.resume()
    state, storage = heard(line)[before:]
    assert state["type"] == "state"
    assert storage == {"type": "storage", "ok": True}
    live.close()
    await asyncio.sleep(0)
    await journal.close()
