"""A websocket client that costs next to nothing: while students type it stamps and stores what arrives.

Everything is read and judged afterwards, so that the generator keeps its timetable on one core. Frames of the server
are unmasked and unfragmented (RFC 6455, section 5.2); pings are answered at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final, cast

from websockets.speedups import apply_mask

clock = time.perf_counter

_MASK: Final = b"\x5a\xc3\x17\x9e"
_FIN: Final = 0x80
_TEXT: Final = 1
_BINARY: Final = 2
_CLOSE: Final = 8
_PING: Final = 9
_PONG: Final = 10


def encode_frame(payload: bytes, opcode: int = _BINARY) -> bytes:
    """Give a client's frame. One mask serves for all: it protects proxies, of which there is none here."""
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((_FIN | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + _MASK + apply_mask(payload, _MASK)


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Give where the payload of the frame at ``at`` starts and ends; an end beyond the data when it is not whole."""
    if len(data) - at < 2:
        return at, len(data) + 1
    size = data[at + 1]
    if size < 126:
        return at + 2, at + 2 + size
    wide = 2 if size == 126 else 8
    start = at + 2 + wide
    if len(data) < start:
        return at, len(data) + 1
    return start, start + int.from_bytes(data[at + 2 : start], "big")


class Client(asyncio.Protocol):
    """One socket, as a Protocol of asyncio. ``listen``, when set, is given every message as it arrives."""

    __slots__ = (
        "_opened",
        "_path",
        "_rest",
        "_transport",
        "_upgraded",
        "bytes_received",
        "chunks",
        "closed",
        "listen",
        "times",
    )

    def __init__(self, path: str) -> None:
        self._path = path
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upgraded = False
        self._rest = b""
        self.times: list[float] = []
        self.chunks: list[bytes] = []
        """Whole frames that arrived together, at the time of the same index in ``times`` (`clock`)."""
        self.bytes_received = 0
        self.closed: int | None = None
        self.listen: Callable[[bytes], None] | None = None

    async def open(self, host: str, port: int) -> None:
        """Connect and shake hands. Raises ConnectionError when the server does not switch protocols."""
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        self.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await self._opened

    def write(self, data: bytes) -> None:
        """Send bytes that are frames already."""
        assert self._transport is not None
        self._transport.write(data)

    def send(self, payload: bytes) -> None:
        """Send one binary message."""
        self.write(encode_frame(payload))

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self._transport is not None and not self._transport.is_closing():
            self.write(encode_frame(b"\x03\xe8", _CLOSE))
            self._transport.close()

    def take_messages(self) -> Iterator[tuple[float, bytes]]:
        """Give what was recorded, with its time of arrival, and forget it."""
        times, chunks = self.times, self.chunks
        self.times, self.chunks = [], []
        for at, chunk in zip(times, chunks, strict=True):
            for payload in _payloads(chunk):
                yield at, payload

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.closed is None:
            self.closed = 1006
        if not self._opened.done():
            self._opened.set_exception(ConnectionError(f"{self._path} was closed in the handshake"))

    def data_received(self, data: bytes) -> None:
        now = clock()
        self.bytes_received += len(data)
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self._upgraded:
            data = self._upgrade(data)
        at, end = 0, len(data)
        while at < end:
            # The frames of a keystroke are short: read their header here, without a call.
            size = data[at + 1] if at + 1 < end else 255
            start, stop = (at + 2, at + 2 + size) if size < 126 else _header(data, at)
            if stop > end:
                break
            if data[at] & 8:
                self._control(data[at] & 15, data[start:stop])
            elif data[at] not in (_FIN | _BINARY, _FIN | _TEXT):
                raise ValueError("a fragmented frame")
            at = stop
        if at < end:
            self._rest = data[at:]
            data = data[:at]
        if data:
            self.times.append(now)
            self.chunks.append(data)
            if self.listen is not None:
                for payload in _payloads(data):
                    self.listen(payload)

    def _upgrade(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._rest = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._opened.set_exception(ConnectionError(head.split(b"\r\n")[0].decode(errors="replace")))
            return b""
        self._upgraded = True
        self._opened.set_result(None)
        return rest

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.write(encode_frame(payload, _PONG))
        elif opcode == _CLOSE:
            self.closed = int.from_bytes(payload[:2], "big") if payload else 1005


def _payloads(chunk: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(chunk):
        start, stop = _header(chunk, at)
        if not chunk[at] & 8:
            yield chunk[start:stop]
        at = stop
