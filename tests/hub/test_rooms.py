from __future__ import annotations

import asyncio
from pathlib import Path

import pycrdt
import pytest

from server.core.events import encode_event
from server.core.update import encode_insert
from server.core.wire import SyncStep2, decode_message
from server.errors import Unavailable
from server.hub.company import Pace
from server.hub.lessons import LiveLesson
from server.hub.rooms import EMPTY_STATE_VECTOR, LiveRoom
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from tests.hub.test_several_processes import opening
from tests.stage import until


class Joiner:
    """Somebody who has nothing yet."""

    def __init__(self, room: LiveRoom) -> None:
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self.text = self.doc.get("summary", type=pycrdt.Text)
        answer = decode_message(room.update_since(EMPTY_STATE_VECTOR))
        assert isinstance(answer, SyncStep2)
        self.doc.apply_update(answer.update)


@pytest.mark.parametrize("characters", [10, 100_000])
def test_whoever_joins_gets_everything_that_is_there_by_then(characters: int) -> None:
    room = LiveRoom(Limits(), Metrics(), Pace(1.0), lambda: None)
    writer: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=7)
    text = writer.get("summary", type=pycrdt.Text)
    for piece in ("a" * characters, "b", "c"):
        before = writer.get_state()
        text += piece
        room.apply([("mia", writer.get_update(before))])
        for _ in range(3):
            assert str(Joiner(room).text) == str(text)
        assert room.text == str(text)


class PanicException(BaseException):
    """As pyo3 raises it out of a Rust panic."""


async def test_a_document_that_panicked_is_dropped_and_its_lesson_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("lesson", "ABC234", 1, [encode_event(event) for event in opening()])
    lost = asyncio.Event()
    live = LiveLesson("lesson", journal, Limits(), Metrics(), lost=lost.set)
    await live.open()
    room = live.room("oaks")
    live.admit("oaks", encode_insert(7, "an acorn"), "ann", None, lambda refused: None)
    await until(lambda: 7 in room.owners, "the entry")

    def panic(update: bytes) -> None:
        raise PanicException

    broken = room._document
    monkeypatch.setattr(broken, "apply_update", panic)
    with pytest.raises(Unavailable):
        room.update_since(EMPTY_STATE_VECTOR)
    assert room._document is not broken, "one more call to it could end the process"
    await asyncio.wait_for(lost.wait(), 5)
    live.close()
    again = LiveLesson("lesson", journal, Limits(), Metrics())
    await again.open()
    assert again.room("oaks").text == "an acorn"
    again.close()
    await journal.close()
