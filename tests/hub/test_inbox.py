"""The inbox: in order, the first at once, together when much arrives, and nothing left behind."""

from __future__ import annotations

import asyncio

import pytest

from server.hub.inbox import MAX_GATHER_SECS, Inbox


async def test_the_first_frame_after_a_quiet_spell_waits_for_nothing() -> None:
    inbox = Inbox()
    heard: list[object] = []
    inbox.post(heard.append, b"one")
    assert heard == [], "who posts is never called back in the middle"
    await asyncio.sleep(0)
    assert heard == [b"one"]


async def test_frames_are_dealt_with_in_order_whoever_sent_them() -> None:
    inbox = Inbox()
    heard: list[tuple[str, object]] = []
    for number in range(6):
        inbox.post(lambda payload, number=number: heard.append((f"{number % 2}", payload)), str(number))  # type: ignore[misc]
    await asyncio.sleep(0)
    assert heard == [(f"{number % 2}", str(number)) for number in range(6)]


async def test_a_cursor_comes_after_all_text_that_gathered_with_it() -> None:
    inbox = Inbox()
    heard: list[object] = []
    for frame in (b"\x01 one", b"\x00 two", "three", b"\x01 four", b"\x00 five"):
        inbox.post(heard.append, frame)
    await asyncio.sleep(0)
    assert heard == [b"\x00 two", "three", b"\x00 five", b"\x01 one", b"\x01 four"]


@pytest.mark.alone
async def test_when_much_arrives_it_is_dealt_with_together() -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    turns: list[float] = []
    finished = asyncio.Event()

    def take(payload: object) -> None:
        if not turns or loop.time() - turns[-1] > 0.001:
            turns.append(loop.time())
        if payload == b"last":
            finished.set()

    began = loop.time()
    while loop.time() - began < 0.3:
        for _ in range(100):  # so many that the rate calls for the longest wait, on a slow machine too
            inbox.post(take, b"key")
        await asyncio.sleep(0.001)
    inbox.post(take, b"last")
    await asyncio.wait_for(finished.wait(), 5)
    assert len(turns) < 0.3 / MAX_GATHER_SECS * 3, "a few dozen turns for hundreds of frames"


@pytest.mark.parametrize("waits", [True, False])
async def test_what_waits_is_dealt_with_at_once_when_asked_for(waits: bool) -> None:
    inbox = Inbox()
    heard: list[object] = []
    if waits:
        inbox.post(heard.append, b"goodbye")
    inbox.empty()
    assert heard == ([b"goodbye"] if waits else [])
    await asyncio.sleep(0)
    assert len(heard) == waits, "once"
