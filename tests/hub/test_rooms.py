from __future__ import annotations

import asyncio
from dataclasses import replace

import pycrdt
import pytest

from server.core.commands import TEACHER
from server.core.update import Id, TextItem, Update, encode_contents, encode_insert
from server.core.wire import SyncStep2, decode_message
from server.errors import Refused, Unavailable
from server.hub.company import Pace
from server.hub.lessons import LiveLesson
from server.hub.rooms import EMPTY_STATE_VECTOR, LiveRoom
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
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
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
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


class Onlooker:
    """Somebody with a page open, who is shown what is new in the lesson."""

    actor = TEACHER

    def __init__(self) -> None:
        self.shown = 0

    def show(self) -> None:
        self.shown += 1

    def show_storage(self, ok: bool) -> None: ...

    def dismiss(self, code: str, why: Refused) -> None: ...

    def close(self, code: int, reason: str = "") -> None: ...


async def test_a_client_id_that_writes_for_the_first_time_is_news_for_every_page(journal: SqliteJournal) -> None:
    live = LiveLesson("lesson", journal, replace(Limits(), view_interval_secs=0.0), Metrics())
    await live.open()
    page = Onlooker()
    live.audience.watchers.add(page)
    for clock in range(3):
        typed = encode_insert(7, "o", clock) if clock == 0 else typed_on(7, clock)
        live.admit("oaks", typed, "ann", None, lambda refused: None)
        await until(lambda clock=clock: live.room("oaks").text == "o" * (clock + 1), "the key")  # type: ignore[misc]
        await asyncio.sleep(0.01)  # a timer of no time
        assert page.shown == 1, "and what it writes later is not"
    live.close()


def typed_on(client: int, clock: int) -> bytes:
    return encode_contents(Update((TextItem(client, clock, 1, "o", Id(client, clock - 1)),), ()))
