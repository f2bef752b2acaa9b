from __future__ import annotations

import pycrdt
import pytest

from server.core.wire import SyncStep2, decode_message
from server.hub.rooms import EMPTY_STATE_VECTOR, LiveRoom
from server.metrics import Metrics
from server.settings import Limits


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
    room = LiveRoom(Limits(), Metrics())
    writer: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=7)
    text = writer.get("summary", type=pycrdt.Text)
    for piece in ("a" * characters, "b", "c"):
        before = writer.get_state()
        text += piece
        room.apply([("mia", writer.get_update(before))])
        for _ in range(3):
            assert str(Joiner(room).text) == str(text)
        assert room.text == str(text)
