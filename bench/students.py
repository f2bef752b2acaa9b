"""Students at their keyboards: they connect, synchronise and type by a timetable."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from bench.client import Client, clock
from bench.editor import Editor, hocuspocus_prefix
from bench.jobs import Seat, Stage, Target
from bench.judge import Member
from server.core.wire import AwarenessUpdate, decode_message, encode_awareness

CONNECTING_AT_ONCE = 50
ANSWER_SECS = 30.0
QUIET_SECS = 0.5
TICK_SECS = 0.001
"""The loop's timers know no less; asking for less would make it spin."""


def seat_down(target: Target, seat: Seat, rng: random.Random) -> Member:
    """Give a student who has not connected yet, with a fresh client id of 32 bits."""
    prefix = hocuspocus_prefix(seat.room) if target.dialect == "hocuspocus" else b""
    return Member(Client(seat.path), Editor(rng.getrandbits(32), f"Pupil {rng.randrange(1000):03}", prefix))


async def connect(target: Target, members: Sequence[Member]) -> None:
    """Open the sockets, some at a time, each until the server has answered its step 1."""
    for first in range(0, len(members), CONNECTING_AT_ONCE):
        await asyncio.gather(*(synchronise(target, each) for each in members[first : first + CONNECTING_AT_ONCE]))


async def synchronise(target: Target, member: Member) -> float:
    """Open one socket; give the moment (`clock`) when the whole document had arrived. Raises TimeoutError."""
    arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    skip = len(member.editor.prefix)

    def listen(payload: bytes) -> None:
        # Sync, or Hocuspocus's answer to it, and in it step 2.
        if payload[skip : skip + 2] in (b"\x00\x01", b"\x04\x01") and not arrived.done():
            arrived.set_result(clock())

    member.client.listen = listen
    async with asyncio.timeout(ANSWER_SECS):
        await member.client.open(target.host, target.port)
        member.say_hello()
        at = await arrived
    member.client.listen = None
    return at


def return_cursors(member: Member) -> Callable[[bytes], None]:
    """Give a listener that sends each newer cursor of a classmate back to the server, as the stock provider does."""
    known: dict[int, int] = {}
    skip = len(member.editor.prefix)

    def listen(payload: bytes) -> None:
        if payload[skip] != 1:
            return
        message = decode_message(payload[skip:])
        if isinstance(message, AwarenessUpdate):
            newer = [
                state
                for state in message.states
                if state.client != member.editor.client and state.clock > known.get(state.client, 0)
            ]
            if newer:
                known.update((state.client, state.clock) for state in newer)
                member.client.send(member.editor.prefix + encode_awareness(newer))

    return listen


async def type_keys(members: Sequence[Member], stage: Stage, rng: random.Random) -> list[float]:
    """Let everybody type; give how late (seconds) each key was.

    Everyone keeps one rhythm with a phase of their own, so that keys fall as densely and as unevenly as in a class.
    """
    order = list(members)
    rng.shuffle(order)
    phases = sorted(rng.random() for _ in order)
    keys = round(len(order) * stage.rate * stage.secs)
    lateness: list[float] = []
    start = clock() + 0.01
    key = 0
    while key < keys:
        due = start + (key // len(order) + phases[key % len(order)]) / stage.rate
        now = clock()
        if now < due:
            await asyncio.sleep(max(due - now, TICK_SECS))
            continue
        lateness.append(now - due)
        order[key % len(order)].press_key()
        key += 1
        if key % 64 == 0:
            await asyncio.sleep(0)  # behind the timetable: still read what has arrived
    return lateness


async def fall_silent(members: Sequence[Member], give_up_secs: float) -> None:
    """Wait until nothing has arrived for a while."""
    until = clock() + give_up_secs
    received = -1
    while clock() < until:
        now = sum(member.client.bytes_received for member in members)
        if now == received:
            return
        received = now
        await asyncio.sleep(QUIET_SECS)
