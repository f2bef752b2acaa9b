"""A document socket at a process that has not received yet what another one made durable."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket

from server.core import events
from server.core.commands import Actor
from server.core.update import Id, TextItem, Update, encode_contents, encode_insert
from server.core.wire import encode_sync_step1, encode_sync_step2, encode_update
from server.hub.document_socket import DocumentSocket
from server.hub.inbox import Inbox
from server.hub.lessons import LiveLesson
from server.hub.rooms import EMPTY_STATE_VECTOR
from server.hub.transport import _EXTENSION
from server.journal import Entry
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from tests.stage import until

pytestmark = pytest.mark.timeout(30)


class Late(LiveLesson):
    """A lesson whose tail stands still until it is let go on: a network that takes its time."""

    waiting: list[Entry] | None = None

    def _receive(self, entries: Sequence[Entry]) -> None:
        if self.waiting is not None:
            self.waiting += entries
        else:
            super()._receive(entries)

    def go_on(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting:
            self._receive(waiting)


class Line:
    """A browser's end of a websocket, in place of the server's protocol object."""

    def __init__(self) -> None:
        self.scope = {"extensions": {_EXTENSION: {"protocol": self}}}
        self.transport = self
        self.disconnected = False
        self.closed: int | None = None
        self.connection: Any = None
        self.written: list[bytes] = []

    def attach(self, owner: Any, high_water_bytes: int) -> None:
        self.connection = owner

    def detach(self) -> None: ...
    def abort(self) -> None: ...

    def write(self, frame: bytes) -> None:
        self.written.append(frame)

    def close(self, code: int, reason: str = "") -> None:
        self.closed = code

    def asked(self) -> int:
        """How often the server has asked for what it lacks."""
        return sum(frame[2:4] == b"\x00\x00" for frame in self.written)  # behind the two bytes of a short frame


def after(client: int, clock: int, text: str) -> bytes:
    return encode_contents(Update((TextItem(client, clock, len(text), text, Id(client, clock - 1)),), ()))


def full(rows: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def open_text(lesson: LiveLesson, line: Line, limits: Limits | None = None) -> DocumentSocket:
    """Let Ann open her room's text."""
    ann = Actor("participant", "ann")
    limits = limits or Limits()
    socket = DocumentSocket(cast(WebSocket, line), lesson, "oaks", ann, limits=limits, metrics=Metrics(), inbox=Inbox())
    socket.start()
    return socket


async def test_text_that_builds_on_another_processs_waits_for_it_and_what_builds_on_nothing_is_refused(
    journal: SqliteJournal,
) -> None:
    here = Late("lesson", journal, Limits(), Metrics(), node="a")
    there = LiveLesson("lesson", journal, Limits(), Metrics(), node="b")
    await here.open()
    await there.open()
    line = Line()
    open_text(here, line)

    here.waiting = []
    there.admit("oaks", encode_insert(7, "An acorn"), "ann", None, lambda refused: None)
    await until(lambda: there.room("oaks").text == "An acorn", "the other process has it")
    line.connection.receive(encode_update(after(7, 8, " falls")))
    line.connection.receive(encode_update(after(7, 14, ".")))
    await asyncio.sleep(0)
    assert line.closed is None
    assert here.room("oaks").text == ""
    here.go_on()
    for live in (here, there):
        await until(lambda live=live: live.room("oaks").text == "An acorn falls.", "everyone has all of it")  # type: ignore[misc]

    line.connection.receive(encode_update(after(7, 99, "?")))
    await until(lambda: line.closed is not None, "it is refused")
    assert line.closed == 4400
    here.close()
    there.close()


async def test_a_peer_that_returns_while_storage_is_away_types_on_and_is_asked_again(journal: SqliteJournal) -> None:
    here = LiveLesson("lesson", journal, Limits(), Metrics())
    await here.open()
    line = Line()
    socket = open_text(here, line)

    await journal.close()  # from now on it refuses at once, as Redis' does while there is no connection
    line.connection.receive(encode_sync_step1(EMPTY_STATE_VECTOR))
    line.connection.receive(encode_update(after(7, 8, " falls")))  # typed before the answer that it builds on
    line.connection.receive(encode_sync_step2(encode_insert(7, "An acorn")))
    line.connection.receive(encode_update(after(7, 14, ".")))
    await until(lambda: socket.unsaved, "the server knows that it owes an answer")
    await asyncio.gather(*(here._tasks))  # one that waits for what is durable would be refused
    assert line.closed is None
    here.close()


async def test_a_peer_that_was_too_slow_to_be_asked_for_its_text_is_asked_when_it_reads_again(
    journal: SqliteJournal,
) -> None:
    here = LiveLesson("lesson", journal, Limits(), Metrics())
    await here.open()
    line = Line()
    open_text(here, line)

    line.connection.pause()
    line.connection.receive(encode_sync_step1(EMPTY_STATE_VECTOR))
    await asyncio.sleep(0)
    for _ in range(2):
        here.room("oaks").send(bytes(Limits().outbox_bytes))  # the room is lively, and the backlog is dropped
    assert line.asked() == 0
    line.connection.resume()
    assert line.asked() == 1
    line.connection.receive(encode_sync_step2(encode_insert(7, "written on the bus")))
    await until(lambda: here.room("oaks").text == "written on the bus", "the text written offline")
    here.close()


async def test_who_came_back_while_it_was_stored_is_asked_for_what_was_not(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(Limits(), storage_retry_secs=0.1)
    here = LiveLesson("lesson", journal, limits, Metrics())
    await here.open()
    old, new = Line(), Line()
    open_text(here, old, limits)

    monkeypatch.setattr(journal._store, "write", full)
    old.connection.receive(encode_update(encode_insert(7, "An acorn")))
    socket = open_text(here, new, limits)
    new.connection.receive(encode_sync_step1(EMPTY_STATE_VECTOR))
    new.connection.receive(encode_sync_step2(encode_insert(7, "An acorn")))  # the same page, which has not heard of it
    await until(lambda: socket.unsaved, "the failure")
    monkeypatch.undo()
    new.connection.receive(encode_update(after(7, 8, " falls")))
    await until(lambda: new.asked() == 2, "the question")
    new.connection.receive(encode_sync_step2(encode_insert(7, "An acorn falls")))
    await until(lambda: here.room("oaks").text == "An acorn falls", "all of it")
    assert new.closed is None
    here.close()


async def test_p6_text_that_was_not_stored_was_written_offline_since_then_and_not_since_the_page_opened(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ann joined in 1970, and has had no text open since.
    limits = replace(Limits(), storage_retry_secs=0.1)
    here = LiveLesson("lesson", journal, limits, Metrics())
    await here.open()
    line = Line()
    socket = open_text(here, line, limits)
    text = "An acorn falls."

    async def fails(frame: bytes) -> None:
        asked = line.asked()
        monkeypatch.setattr(journal._store, "write", full)
        line.connection.receive(frame)
        await until(lambda: socket.unsaved, "the failure")
        monkeypatch.undo()
        await until(lambda: line.asked() == asked + 1, "the question")

    await fails(encode_sync_step2(encode_insert(7, text[:5])))
    line.connection.receive(encode_sync_step2(encode_insert(7, text[:5])))
    await until(lambda: here.room("oaks").text == text[:5], "what she came with")
    await fails(encode_update(after(7, 5, text[5:9])))
    line.connection.receive(encode_sync_step2(encode_insert(7, text)))
    await until(lambda: here.room("oaks").text == text, "all of it")
    came, failed = [
        event.away_secs
        for entry in await journal.read("lesson")
        if isinstance(event := events.decode_event(entry.body), events.DocumentUpdated)
    ]
    assert came is not None
    assert came > 1_000_000
    assert failed is not None
    assert failed < 60
    here.close()
