"""Uvicorn's websocket protocol with a short way in and out.

The library keeps handshake, parsing, masking, limits, pings and closing. A message that has arrived is handed over by
a call, without a queue and without pausing the socket for each; a frame is serialised once for a room and written
straight to each transport. A connection that asks for neither is an ordinary ASGI websocket.
"""

from __future__ import annotations

from typing import Any, Protocol

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

Payload = bytes | str

_EXTENSION = "roundtable.direct"


def prepare(payload: Payload) -> bytes:
    """Serialise a message as one unmasked frame, ready for any number of ``write`` calls."""
    if isinstance(payload, bytes):
        return Frame(Opcode.BINARY, payload).serialize(mask=False)
    return Frame(Opcode.TEXT, payload.encode()).serialize(mask=False)


class Owner(Protocol):
    """Who takes over a websocket after its handshake. All calls come from the event loop."""

    def receive(self, payload: Payload) -> None:
        """Take one whole message."""
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

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"][_EXTENSION] = {"protocol": self}

    def attach(self, owner: Owner, high_water_bytes: int) -> None:
        """Hand all further messages to ``owner``, those that have arrived already first."""
        self._owner = owner
        self.transport.set_write_buffer_limits(high=high_water_bytes)
        while not self.queue.empty() and self._owner is owner:
            message: Any = self.queue.get_nowait()
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
        """Go back to the ordinary way."""
        self._owner = None

    def write(self, prepared: bytes) -> None:
        """Write a frame made by ``prepare``. After a close it does nothing."""
        if not self.disconnected and not self.close_sent:
            self.transport.write(prepared)

    def abort(self) -> None:
        """End the connection at once, with whatever is unsent."""
        self.transport.abort()

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
        super().pause_writing()
        if self._owner is not None:
            self._owner.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._owner is not None:
            self._owner.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._owner is not None:
            self._owner.lose()


def protocol_of(websocket: WebSocket) -> DirectProtocol:
    """Give the protocol under an accepted websocket. Raises KeyError under any other server than ours."""
    protocol: DirectProtocol = websocket.scope["extensions"][_EXTENSION]["protocol"]
    return protocol
