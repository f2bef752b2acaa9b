"""One websocket: what arrives is handed on, what is sent is bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog
from starlette.websockets import WebSocket

from server.errors import Malformed, Refused, TooFast, TooLarge
from server.hub.inbox import Inbox
from server.hub.transport import Payload, prepare, protocol_of
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)

Receive = Callable[[Payload], None]


class RateLimit:
    """A token bucket: ``rate`` a second sustained, ``burst`` at once.

    Kept as the moment at which the bucket will be full again, which is all there is to know of it (the "virtual
    scheduling" of ITU-T I.371, annex A): it is asked three times for every key.
    """

    __slots__ = ("_full_at", "_gap", "_span")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._gap = 1.0 / rate
        self._span = burst / rate + 1e-6  # for rounding
        self._full_at = now

    def take(self, now: float, tokens: int = 1) -> bool:
        """Take a token, or several; False when there are not so many."""
        full_at = (self._full_at if self._full_at > now else now) + self._gap * tokens
        if full_at - now > self._span:
            return False
        self._full_at = full_at
        return True


def _nothing(*_: object) -> None: ...


def _too_many() -> TooFast:
    return TooFast("Too many messages at once.", reason="message_rate")


class Connection:
    """A websocket that anyone may send to, at once and without waiting.

    While the peer keeps up, a frame goes straight to its transport. While it does not, frames wait in an outbox of at
    most ``limits.outbox_bytes``; beyond that the whole backlog is dropped, and when the peer takes again it gets what
    ``catch_up`` gives in its place, so that what it shows is right again. One that takes nothing at all for
    ``limits.send_timeout_secs`` is cut off.

    No task belongs to it: the endpoint that accepted the websocket returns after ``start``, and the connection lives on
    by the calls of its transport. (A task with the frames of every layer it waits in took 12 kB a client, 2026-11.)
    """

    __slots__ = (
        "_behind",
        "_catch_up",
        "_closing",
        "_ended",
        "_finished",
        "_inbox",
        "_kind",
        "_limits",
        "_lost",
        "_metrics",
        "_outbox",
        "_outbox_bytes",
        "_patience",
        "_paused",
        "_protocol",
        "_rate",
        "_receive",
        "_rewired",
        "_write",
        "write",
    )

    def __init__(
        self,
        websocket: WebSocket,
        *,
        kind: str,
        limits: Limits,
        metrics: Metrics,
        catch_up: Callable[[], Iterable[Payload]],
        message_rate: tuple[float, float],
        inbox: Inbox | None = None,
        rewired: Callable[[], None] | None = None,
    ) -> None:
        """With an ``inbox`` what arrives waits in it for its turn; ``rewired`` is called when ``write`` changes."""
        self._inbox = inbox
        self._rewired = rewired or _nothing
        self._protocol = protocol_of(websocket)
        self._kind = kind
        self._limits = limits
        self._metrics = metrics
        self._catch_up = catch_up
        self._rate = RateLimit(*message_rate, time.monotonic())
        self._receive: Receive | None = None
        self._ended: Callable[[], None] | None = None
        self._write = self._protocol.transport.write
        self.write: Callable[[bytes], object] = self._hold if self._protocol.disconnected else self._write
        """Sends one frame made by ``transport.prepare``; never blocks.

        The transport's own method while the peer keeps up: who sends to many keeps theirs in a list, and what lies
        between is gone through only when one of them changes: 1.6 % of the processor when 400 people type (2026-11).
        """
        self._paused = False
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._behind = False
        self._patience: asyncio.TimerHandle | None = None
        self._closing: tuple[int, str] | None = None
        self._lost = False
        self._finished = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will be sent."""
        return self._closing is not None or self._lost

    def start(self, receive: Receive, ended: Callable[[], None]) -> None:
        """Hand on what arrives until either side closes; then, from the event loop and once, call ``ended``.

        ``receive`` may raise Refused: that closes this connection.
        """
        self._receive = receive
        self._ended = ended
        self._metrics.connections.labels(self._kind).inc()
        self._protocol.attach(self, high_water_bytes=self._limits.outbox_bytes // 4)
        if self._closing is not None:
            self._finish_soon()

    # ── out ──

    def send(self, payload: Payload) -> None:
        """Send one message. Never blocks; after ``close`` it does nothing."""
        self.write(prepare(payload))

    def _hold(self, frame: bytes) -> None:
        if self._closing is None and not self._behind:
            self._queue(frame)

    def _rewire(self, write: Callable[[bytes], object]) -> None:
        self.write = write
        self._rewired()

    def _queue(self, frame: bytes) -> None:
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > self._limits.outbox_bytes:
            self._metrics.outbox_overflows.inc()
            self._outbox.clear()
            self._outbox_bytes = 0
            self._behind = True

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued has gone out. The first call decides code and reason."""
        if self._closing is None:
            self._closing = (code, reason)
            self._rewire(self._hold)
            if not self._paused:
                self._finish_soon()

    def refuse(self, refused: Refused) -> None:
        """Close because of what the client sent."""
        self._metrics.refusals.labels(refused.reason).inc()
        self.close(refused.close_code, refused.message)

    def _finish_soon(self) -> None:
        # Not at once: who closes may be in the middle of going through everyone who is here.
        if self._ended is not None:
            asyncio.get_running_loop().call_soon(self._finish)

    def _finish(self) -> None:
        if self._finished or self._ended is None:
            return
        self._finished = True
        self._metrics.connections.labels(self._kind).dec()
        if self._patience is not None:
            self._patience.cancel()
        self._protocol.detach()
        if not self._lost and self._closing is not None:
            self._protocol.close(*self._closing)
        ended, self._ended, self._receive, self._catch_up = self._ended, None, None, tuple
        self.write = self._rewired = _nothing
        # With these calls gone no circle keeps the connection and its owner until a collection of all garbage, which is
        # rare by design: a day of 200 lessons had left 40 MB of them.
        ended()

    # ── what the transport calls ──

    def receive(self, payload: Payload) -> None:
        """Take one message from the peer."""
        if self._inbox is not None:
            self._inbox.post(self.take, payload)
        else:
            self.take(payload)

    def count(self) -> bool:
        """Count a frame that brings no message among those that do; False when it is one too many."""
        if self._rate.take(time.monotonic()):
            return True
        self.refuse(_too_many())
        return False

    def take(self, payload: Payload) -> None:
        """Deal with one message that has come."""
        if self._closing is not None or self._receive is None:
            return
        try:
            if not payload:
                raise Malformed("An empty message.", reason="empty_frame")
            if len(payload) > self._limits.frame_bytes:
                raise TooLarge("A message is too large.", reason="frame_size")
            if not self._rate.take(time.monotonic()):
                raise _too_many()
            self._receive(payload)
        except Refused as refused:
            self.refuse(refused)
        except Exception:
            # A defect of ours must not take the classmates' connections with it.
            log.exception("connection.failed", kind=self._kind)
            self.close(1011, "The server made a mistake.")

    def pause(self) -> None:
        """Begin to queue: the peer does not keep up."""
        self._paused = True
        self._rewire(self._hold)
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._limits.send_timeout_secs, self._protocol.abort)

    def resume(self) -> None:
        """Send what has waited, as far as the peer takes it."""
        self._paused = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        waiting, self._outbox, self._outbox_bytes = self._outbox, [], 0
        for frame in waiting:
            if self._paused:
                self._queue(frame)
            else:
                self._write(frame)
        if self._paused:
            return
        if self._closing is not None:
            self._finish_soon()
            return
        self._rewire(self._write)
        if self._behind:
            self._behind = False
            for payload in self._catch_up():
                self.send(payload)

    def lose(self) -> None:
        """Let go: the peer is gone."""
        if self._inbox is not None:
            self._inbox.empty()  # what it said before it went
        self._lost = True
        self._rewire(self._hold)
        self._closing = self._closing or (1000, "")
        self._outbox.clear()
        self._finish_soon()
