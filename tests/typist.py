"""A pycrdt client that types signs of its own, each once, so that a loss and a duplicate show."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pycrdt
import websockets

from server.core.update import TextItem, decode_update
from server.errors import Malformed
from tests.stage import Classroom, Peer, until

FIRST_SIGN = 0x4E00
SIGNS = 3_400
"""Every writer of a room has so many signs of its own, one writer's behind another's."""
EVERY_SECS = 0.02


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
    first = FIRST_SIGN + writer * SIGNS
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
