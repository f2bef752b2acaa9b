"""``kill -9`` while people type, ten times over: what anyone was shown is there, once, and so are the figures."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pycrdt
import pytest
import websockets

from server.core.events import decode_event
from server.core.participation import Participation
from server.core.update import TextItem, decode_update
from server.errors import Malformed
from server.report.figures import build_report
from tests.stage import Classroom, Peer, Server, until
from tests.stock import StockPeer, Version, stock_peers

pytestmark = pytest.mark.live

KILLS = 10
SIGNS = 3_400
"""Every writer has so many signs of its own, from U+4E00 on, and types each once: a loss and a duplicate show."""
EVERY_SECS = 0.02
VERSIONS: tuple[Version, ...] = ("2.1", "3.0", "3.1")


@dataclass
class Typist:
    """A pycrdt client that types on and reconnects, whatever the server does."""

    classroom: Classroom
    room: str
    token: str
    signs: Iterator[str]
    rng: random.Random
    document: pycrdt.Doc[pycrdt.Text] = field(default_factory=pycrdt.Doc)
    typed: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    peer: Peer | None = None
    typing: bool = True

    @property
    def text(self) -> pycrdt.Text:
        return self.document.get("summary", type=pycrdt.Text)

    async def type(self) -> None:
        while self.typing:
            sign = next(self.signs)
            self.typed.append(sign)
            # pycrdt counts bytes: three for each of these signs.
            self.text.insert(3 * self.rng.randint(0, len(str(self.text))), sign)
            await asyncio.sleep(EVERY_SECS)

    async def stay_connected(self) -> None:
        while True:
            try:
                async with self.classroom.write(self.room, self.token, self.document) as peer:
                    self.received += peer.received
                    peer.received = self.received
                    self.peer = peer
                    await until(lambda peer=peer: peer.closed is not None, "the end", 600)  # type: ignore[misc]
            except (OSError, websockets.WebSocketException):
                await asyncio.sleep(EVERY_SECS)
            self.peer = None


def signs(writer: int) -> Iterator[str]:
    first = 0x4E00 + writer * SIGNS
    return map(chr, range(first, first + SIGNS))


def signs_of(update: bytes) -> dict[tuple[int, int], str]:
    """Give every sign of an update by its identifier."""
    decoded = decode_update(update)
    assert not isinstance(decoded, Malformed)
    return {
        (item.client, item.clock + index): sign
        for item in decoded.structs
        if isinstance(item, TextItem)
        for index, sign in enumerate(item.text)
    }


@pytest.mark.parametrize("seed", [20261122])
async def test_kill_nine_while_people_type(server: Server, seed: int) -> None:
    rng = random.Random(seed)
    lesson = await server.create_lesson(room_count=1)
    people = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan", "Eve", "Finn")]
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]

    typists = [
        Typist(lesson, room, person.token, signs(writer), random.Random(seed + writer))
        for writer, person in enumerate(people[:2])
    ]
    async with stock_peers() as stock:
        tabs: list[StockPeer] = [
            await stock.open(version, lesson, room, person.token)
            for version, person in zip(VERSIONS, people[2:5], strict=True)
        ]
        connections = [asyncio.create_task(typist.stay_connected()) for typist in typists]
        work = [asyncio.create_task(typist.type()) for typist in typists]
        for writer, tab in enumerate(tabs, len(typists)):
            await tab.ask("type", first=0x4E00 + writer * SIGNS, seed=seed + writer, every=1000 * EVERY_SECS)

        # One more each time, who dies with the server: nobody sends their text again, and what the others were shown of
        # it must be there all the same.
        lost: list[Typist] = []
        signs_of_the_lost = signs(5)
        for _ in range(KILLS):
            victim = Typist(lesson, room, people[5].token, signs_of_the_lost, random.Random(seed))
            dying = [asyncio.create_task(victim.stay_connected()), asyncio.create_task(victim.type())]
            lost.append(victim)
            # Some way into the typing: after a number of updates that came back, which is another one each time.
            wanted = [(typist, len(typist.received) + rng.randint(2, 25)) for typist in (*typists, victim)]
            await until(
                lambda wanted=wanted: all(len(typist.received) >= count for typist, count in wanted),  # type: ignore[misc]
                "typing to go on",
            )
            await server.kill()
            for task in dying:
                task.cancel()
            await server.start()

        for typist in typists:
            typist.typing = False
        await asyncio.gather(*work)
        last_signs = [0x4E00 + writer * SIGNS + int(await tab.ask("rest")) for writer, tab in enumerate(tabs, 2)]
        typed = "".join(itertools.chain(*(typist.typed for typist in typists)))
        for writer, last in enumerate(last_signs, 2):
            typed += "".join(map(chr, range(0x4E00 + writer * SIGNS, last)))
        assert len(typed) > 500
        typed_by_the_lost = {sign for victim in lost for sign in victim.typed}

        # Everything that was typed arrives everywhere, and every sign once.
        async with lesson.write(room, lesson.teacher_token) as visitor:
            await until(lambda: set(typed) <= set(str(visitor.text)), "all that was typed")
            text = str(visitor.text)
            assert len(text) == len(set(text))
            assert set(text) - set(typed) <= typed_by_the_lost
            assert set(text) & typed_by_the_lost, "some of them had been heard"
            for typist in typists:
                await until(lambda typist=typist: str(typist.text) == text, "the same text")  # type: ignore[misc]
            for tab in tabs:
                await tab.reads(text)
                assert not (await tab.look())["pending"]
            held = signs_of(visitor.document.get_update())
            histories = [typist.received for typist in (*typists, *lost)] + [await tab.history() for tab in tabs]
        for connection in connections:
            connection.cancel()

    # What each had been shown, before and after the crashes, is what the document holds, under the same identifiers.
    assert sorted(held.values()) == sorted(text)
    for history in histories:
        shown = {identifier: sign for update in history for identifier, sign in signs_of(update).items()}
        assert shown
        assert shown.items() <= held.items()

    await lesson.command("end")
    report = await lesson.report()
    assert report["rooms"][0]["text"] == text
    standing = {member["participant"]: member["standing"] for member in report["rooms"][0]["members"]}
    assert standing[people[0].participant] == len(typists[0].typed)
    assert sum(standing.values()) == len(text)
    await server.stop()
    fold = Participation(lesson.lesson)
    for entry in await server.journal(lesson.lesson):
        fold.apply(decode_event(entry.body), entry.at)
    assert json.loads(msgspec.json.encode(build_report(fold, 0))) == report
