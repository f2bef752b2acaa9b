"""Uvicorn's websocket protocol with a short way in and out.

The library keeps handshake, limits, pings, closing, and every frame that is not plain. A plain frame (one whole binary
message, short, and all there) is read here and handed over by a call, without a queue and without pausing the socket
for each: 2 µs against 17 µs through the library's parser, events and handlers (one core, 2026-11). A frame that goes to
many is serialised once and written straight to each transport. A connection that asks for neither is an ordinary ASGI
websocket.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from starlette.websockets import WebSocket
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, WebSocketScope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

try:
    from websockets.speedups import apply_mask
except ImportError:  # where no wheel fits
    from websockets.utils import apply_mask

Payload = bytes | str

_EXTENSION = "roundtable.direct"

# The first bytes of a frame, and of its length (RFC 6455, section 5.2).
_FIN, _TEXT, _BINARY, _CONTROL = 0x80, 0x01, 0x02, 0x08
_MASKED, _TWO_BYTES, _EIGHT_BYTES = 0x80, 126, 127


def prepare(payload: Payload) -> bytes:
    """Serialise a message as one unmasked frame, ready for any number of ``write`` calls."""
    kind = _FIN | _BINARY
    if isinstance(payload, str):
        kind, payload = _FIN | _TEXT, payload.encode()
    size = len(payload)
    if size < _TWO_BYTES:
        return bytes((kind, size)) + payload
    if size < 65_536:
        return bytes((kind, _TWO_BYTES, size >> 8, size & 0xFF)) + payload
    return bytes((kind, _EIGHT_BYTES)) + size.to_bytes(8, "big") + payload


class _Nowhere:
    """In place of an application's queue and events, which take 3 kB a connection, when there is none any more."""

    def put_nowait(self, item: object) -> None: ...

    def set(self) -> None: ...

    def clear(self) -> None: ...


_NOWHERE = _Nowhere()


class Owner(Protocol):
    """Who takes over a websocket after its handshake. All calls come from the event loop."""

    def receive(self, payload: Payload) -> None:
        """Take one whole message."""
        ...

    def count(self) -> bool:
        """Count a frame that brings no message: a ping, a part of one. False for one too many: nothing more is read."""
        ...

    def pause(self) -> None:
        """Stop writing: the peer does not keep up."""
        ...

    def resume(self) -> None:
        """Go on writing."""
        ...

    def lose(self) -> None:
        """Let go: the connection is gone, and nothing of it comes any more."""
        ...


class DirectProtocol(WebSocketsSansIOProtocol):
    """One websocket connection; pass the class to uvicorn as ``ws``."""

    _owner: Owner | None = None
    _aligned = False  # whether the library stands between two frames whenever it is given bytes
    _owed = 0  # bytes of a frame under way that are the library's
    _rest = b""  # the beginning of a frame's header
    _in_fragments = False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"][_EXTENSION] = {"protocol": self}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        # Else each refusal is logged as an error: https://github.com/Kludex/uvicorn/pull/3138
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def attach(self, owner: Owner, high_water_bytes: int) -> None:
        """Hand all further messages to ``owner``, those that have arrived already first.

        From now on the websocket is the owner's, and not the ASGI application's, which should return: the connection
        stays open, and what only the application needed is let go of.
        """
        self._owner = owner
        self.transport.set_write_buffer_limits(high=high_water_bytes)
        queue, self.queue = self.queue, cast("asyncio.Queue[ASGIReceiveEvent]", _NOWHERE)
        if not self.writable.is_set():
            owner.pause()  # what was sent before is more than the peer takes
        self.writable = cast(asyncio.Event, _NOWHERE)
        self.scope = cast(WebSocketScope, {})
        # While it is set, the transport is not closed when the application returns.
        self.close_timer = self.loop.call_later(0, _NOWHERE.set)
        while not queue.empty() and self._owner is owner:
            message: Any = queue.get_nowait()
            if message["type"] == "websocket.disconnect":
                owner.lose()
                return
            payload = message.get("bytes")
            owner.receive(payload if payload is not None else message.get("text", ""))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.disconnected:
            owner.lose()

    def detach(self) -> None:
        """Hand on nothing more."""
        self._owner = None

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; the transport closes when the peer has answered and taken the rest, or after a while."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        # A close frame carries at most 123 bytes of reason (RFC 6455, section 5.5).
        self.conn.send_close(code, reason.encode()[:120].decode(errors="ignore"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def abort(self) -> None:
        """End the connection at once, with whatever is unsent."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._aligned:
            # Nobody sends frames before the answer to the handshake; who did would stay with the library.
            super().data_received(data)
            self._aligned = self.handshake_initiated and data.endswith(b"\r\n\r\n")
            return
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end = min(self._owed, len(data)), len(data)
        if at:
            self._owed -= at
            super().data_received(data[:at])
        while at < end:
            size = data[at + 1] - _MASKED if end - at > 8 else -1
            owner = self._owner
            if data[at] == _FIN | _BINARY and owner is not None and 0 <= size <= _TWO_BYTES:
                start = at + 6
                if size == _TWO_BYTES:
                    size = data[at + 2] << 8 | data[at + 3]
                    start = at + 8
                stop = start + size
                if stop <= end and not self._in_fragments and not self.close_sent:
                    owner.receive(apply_mask(data[start:stop], data[start - 4 : start]))
                    at = stop
                    continue
            at = self._give_library(data, at)

    def _give_library(self, data: bytes, at: int) -> int:
        """Give the library what there is of the frame at ``at``; give where it ends."""
        kind, size = data[at], data[at + 1] & ~_MASKED if len(data) > at + 1 else _EIGHT_BYTES
        wide = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(size, 0)
        head = at + 2 + wide
        if len(data) < head:
            self._rest = data[at:]
            return len(data)
        if wide:
            size = int.from_bytes(data[at + 2 : head], "big")
        owner = self._owner
        if owner is not None and (kind & _CONTROL or not kind & _FIN) and not owner.count():
            self.transport.pause_reading()
            return len(data)
        stop = head + (4 if data[at + 1] & _MASKED else 0) + size
        if not kind & _CONTROL:
            self._in_fragments = not kind & _FIN
        self._owed = max(0, stop - len(data))
        stop -= self._owed
        super().data_received(data[at:stop])
        return stop

    def send_receive_event_to_app(self) -> None:
        owner = self._owner
        if owner is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            owner.receive(data)
        else:
            owner.receive(bytes(data).decode(errors="replace"))

    def pause_writing(self) -> None:
        if self._owner is not None:
            self._owner.pause()
        else:
            super().pause_writing()

    def resume_writing(self) -> None:
        if self._owner is not None:
            self._owner.resume()
        else:
            super().resume_writing()

    # However it ends, nothing may be written behind the close frame.

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._lose()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._lose()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lose()
        self.conn.parser.close()  # the library's generator and its protocol hold each other

    def _lose(self) -> None:
        if not self.disconnected:
            # The transport closes when all is sent; who takes nothing would keep the socket for ever.
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.lose()


def protocol_of(websocket: WebSocket) -> DirectProtocol:
    """Give the protocol under an accepted websocket. Raises KeyError under any other server than ours."""
    protocol: DirectProtocol = websocket.scope["extensions"][_EXTENSION]["protocol"]
    return protocol
