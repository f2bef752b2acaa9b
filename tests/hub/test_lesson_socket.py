"""A lesson socket whose browser does not keep up."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
from starlette.websockets import WebSocket

from server.bus.memory import MemoryBus
from server.core.commands import Actor, AnyCommand
from server.errors import Unavailable
from server.hub.lesson_socket import LessonSocket
from server.hub.lessons import LiveLesson
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from tests.hub.test_document_socket import Line


def heard(line: Line) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame[frame.index(b"{") :]) for frame in line.written]


async def test_who_missed_the_good_news_of_storage_has_it_with_the_whole_state(journal: SqliteJournal) -> None:
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
