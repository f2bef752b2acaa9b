"""The short way in gives what the library would have given, however the bytes are cut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from server.hub.transport import DirectProtocol, Payload, prepare, protocol_of
from tests.stage import until

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MAX_BYTES = 100_000


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Listener:
    """An owner that keeps what it is given."""

    def __init__(self) -> None:
        self.heard: list[Payload] = []
        self.lost = False
        self.paused = False

    def receive(self, payload: Payload) -> None:
        assert not self.lost
        self.heard.append(bytes(payload) if isinstance(payload, (bytes, bytearray)) else payload)

    def count(self) -> bool:
        return True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def lose(self) -> None:
        self.lost = True


async def connect(listener: Listener, wire: Wire, early: bytes = b"", *, slow: bool = False) -> DirectProtocol:
    """Shake hands, with ``early`` behind it in the same breath; one who is ``slow`` has not taken the answer yet."""
    accepted = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        protocol: DirectProtocol = scope["extensions"]["roundtable.direct"]["protocol"]
        if slow:
            protocol.pause_writing()
        protocol.attach(listener, 1024)
        accepted.set()

    config = Config(app, ws_max_size=MAX_BYTES, ws_ping_interval=None, ws_per_message_deflate=False, log_config=None)
    config.load()
    protocol = DirectProtocol(config, ServerState(), {})
    protocol.connection_made(wire)
    protocol.data_received(HANDSHAKE + early)
    await asyncio.wait_for(accepted.wait(), 5)
    return protocol


async def hear(pieces: Sequence[bytes], early: bytes = b"") -> tuple[Listener, Wire]:
    """Shake hands, then send the pieces."""
    listener, wire = Listener(), Wire()
    protocol = await connect(listener, wire, early)
    for piece in pieces:
        protocol.data_received(piece)
    protocol.connection_lost(None)
    return listener, wire


def masked(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


sizes = st.one_of(st.integers(0, 200), st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]))


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[Payload], bytes]:
    """What is to be heard, and the bytes that say it: whole messages and fragments, pings in between."""
    heard: list[Payload] = []
    said = b""
    for _ in range(draw(st.integers(1, 6))):
        body = (draw(st.binary(min_size=1, max_size=8)) * 20_000)[: draw(sizes)]
        opcode = draw(st.sampled_from([Opcode.BINARY, Opcode.BINARY, Opcode.TEXT]))
        if opcode is Opcode.TEXT:
            body = body.hex().encode()[: len(body)]
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=2)))
        parts = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        for index, part in enumerate(parts):
            said += masked(opcode if index == 0 else Opcode.CONT, part, index == len(parts) - 1)
            if draw(st.booleans()):
                said += masked(Opcode.PING, b"still there?")
        heard.append(body if opcode is Opcode.BINARY else body.decode())
    return heard, said


@settings(max_examples=150)
@given(messages(), st.lists(st.integers(0, 1_000), max_size=8), st.booleans())
def test_any_cut_gives_the_same_messages(message: tuple[list[Payload], bytes], cuts: list[int], at_once: bool) -> None:
    heard, said = message
    edges = [0, *sorted(cut * len(said) // 1_000 for cut in cuts), len(said)]
    pieces = [said[start:stop] for start, stop in pairwise(edges) if start < stop]
    if at_once:
        listener, _ = asyncio.run(hear(pieces[1:], early=pieces[0]))
    else:
        listener, _ = asyncio.run(hear(pieces))
    assert listener.heard == heard


async def test_one_byte_at_a_time() -> None:
    said = b"".join(masked(Opcode.BINARY, bytes(size)) for size in (1, 125, 126, 300))
    listener, _ = await hear([bytes([byte]) for byte in said])
    assert listener.heard == [bytes(size) for size in (1, 125, 126, 300)]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Frame(Opcode.BINARY, b"not masked at all").serialize(mask=False), 1002),
        (bytes([0xC2]) + masked(Opcode.BINARY, b"compressed, it says")[1:], 1002),
        (bytes([0x83]) + masked(Opcode.BINARY, b"a kind that there is not")[1:], 1002),
        (masked(Opcode.CONT, b"the rest of nothing"), 1002),
        (masked(Opcode.BINARY, b"begun", False) + masked(Opcode.BINARY, b"and begun again"), 1002),
        (masked(Opcode.BINARY, bytes(MAX_BYTES + 1)), 1009),
        (masked(Opcode.TEXT, b"\xff\xfe\xfd"), None),
    ],
    # Masks are drawn by chance, and two processes of one test run must name the tests alike.
    ids=["unmasked", "compressed", "kind", "continued", "begun twice", "too large", "not UTF-8"],
)
async def test_what_the_library_refuses_is_refused(said: bytes, code: int | None) -> None:
    listener, wire = await hear([said, masked(Opcode.BINARY, b"too late")])
    if code is None:
        assert listener.heard[0] == "\ufffd\ufffd\ufffd", "the owner says what is wrong with it"
        return
    assert listener.heard == []
    assert listener.lost
    assert code.to_bytes(2, "big") in wire.written


async def test_after_a_close_nothing_is_heard() -> None:
    listener, wire = await hear([masked(Opcode.CLOSE, b"\x03\xe8"), masked(Opcode.BINARY, b"too late")])
    assert listener.heard == []
    assert listener.lost
    assert wire.closing


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_prepared_frame_is_the_librarys(size: int) -> None:
    assert prepare(bytes(size)) == Frame(Opcode.BINARY, bytes(size)).serialize(mask=False)
    assert prepare("é" * (size // 2)) == Frame(Opcode.TEXT, ("é" * (size // 2)).encode()).serialize(mask=False)


def test_another_server_has_no_short_way() -> None:
    class Elsewhere:
        scope: dict[str, dict[str, object]] = {"extensions": {}}  # noqa: RUF012

    with pytest.raises(KeyError):
        protocol_of(Elsewhere())  # type: ignore[arg-type]


async def test_who_is_slow_from_the_beginning_is_written_to_no_further() -> None:
    listener = Listener()
    protocol = await connect(listener, Wire(), slow=True)
    assert listener.paused
    protocol.resume_writing()
    assert not listener.paused


@pytest.mark.parametrize("ending", ["the server's", "both sides'", "the peer's", "a mistake", "silence"])
async def test_who_takes_nothing_keeps_no_socket_when_all_is_said(ending: str) -> None:
    wire = Wire()
    protocol = await connect(Listener(), wire)
    protocol.close_timeout = 0.01
    if ending in ("the server's", "both sides'"):
        protocol.detach()
        protocol.close(4400, "")
    if ending in ("the peer's", "both sides'"):
        protocol.data_received(masked(Opcode.CLOSE, b"\x03\xe8"))
    if ending == "a mistake":
        protocol.data_received(masked(Opcode.CONT, b"the rest of nothing"))
    if ending == "silence":
        protocol.keepalive_timeout()
    await until(lambda: wire.aborted, "the end of the transport, which still has something to send")
    protocol.connection_lost(None)
