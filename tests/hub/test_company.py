"""Presence goes with text that is on its way, and not much later without it."""

from __future__ import annotations

import asyncio

import pytest

from server.core.wire import AwarenessState
from server.hub.awareness import Face, RoomAwareness
from server.hub.company import Company, Pace

pytestmark = pytest.mark.alone

INTERVAL_SECS = 0.03


class Table:
    """A room's presence, and what was sent of it."""

    def __init__(self, *, text_comes: bool, pace: Pace | None = None) -> None:
        self.awareness = RoomAwareness(5.0, 4096)
        self.sent: list[bytes] = []
        self.sent_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.company = Company(self.awareness, [object()], pace or Pace(INTERVAL_SECS), self._send, lambda: text_comes)
        self.clock = 0

    def _send(self, frame: bytes) -> None:
        self.sent.append(frame)
        if not self.sent_at.done():
            self.sent_at.set_result(asyncio.get_running_loop().time())

    def move_cursor(self) -> None:
        self.clock += 1
        state = AwarenessState(7, self.clock, f'{{"cursor":{self.clock}}}')
        assert self.awareness.receive(self, state, lambda: Face("ann", "Ann", 1))
        self.company.changed()


async def test_text_takes_presence_along_once() -> None:
    table = Table(text_comes=True)
    table.move_cursor()
    assert table.company.take_with_text() is not None
    assert table.company.take_with_text() is None
    await asyncio.sleep(2 * INTERVAL_SECS)  # past the moment when it would have gone without text
    assert table.sent == []


async def test_text_that_does_not_come_holds_presence_up_no_longer_than_its_pace() -> None:
    table = Table(text_comes=True)
    began = asyncio.get_running_loop().time()
    table.move_cursor()
    assert table.sent == []
    assert await asyncio.wait_for(table.sent_at, 5) - began >= INTERVAL_SECS * 0.9
    assert len(table.sent) == 1
    assert table.company.take_with_text() is None, "and the text has nothing to take along any more"


async def test_a_timer_of_an_earlier_key_does_not_part_a_later_cursor_from_its_text() -> None:
    table = Table(text_comes=True)
    table.move_cursor()
    assert table.company.take_with_text() is not None
    await asyncio.sleep(INTERVAL_SECS * 0.8)
    table.move_cursor()
    await asyncio.sleep(INTERVAL_SECS * 0.5)  # the first key's timer is over
    assert table.sent == []
    assert table.company.take_with_text() is not None
    table.company.stop()


async def test_without_text_presence_goes_at_once_after_a_quiet_spell() -> None:
    table = Table(text_comes=False)
    began = asyncio.get_running_loop().time()
    table.move_cursor()
    assert await asyncio.wait_for(table.sent_at, 5) - began < INTERVAL_SECS


async def test_without_text_presence_keeps_its_pace() -> None:
    table = Table(text_comes=False)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + 8 * INTERVAL_SECS:
        table.move_cursor()
        await asyncio.sleep(INTERVAL_SECS / 10)
    sent = len(table.sent)
    assert sent <= (loop.time() - began) / INTERVAL_SECS + 1
    assert sent >= 3, "and is not held up for long"
    table.company.stop()


async def test_rooms_that_wait_share_one_timer() -> None:
    pace = Pace(INTERVAL_SECS)
    rooms = [Table(text_comes=True, pace=pace) for _ in range(3)]
    for room in rooms:
        room.move_cursor()
    rooms[1].company.stop()
    for room in (rooms[0], rooms[2]):
        await asyncio.wait_for(room.sent_at, 5)
    assert rooms[1].sent == []
