"""One websocket: a bounded outbox, one writer, one reader."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from server.errors import Malformed, Refused, TooFast, TooLarge
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)

Frame = bytes | str
Receive = Callable[[Frame], None]


class RateLimit:
    """A token bucket: ``rate`` a second sustained, ``burst`` at once."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True


class Connection:
    """A websocket that anyone may send to, at once and without waiting.

    Frames go into an outbox of at most ``limits.outbox_bytes``; one writer empties it. A client that does not keep up
    loses its whole backlog and later gets what ``catch_up`` gives in its place, so what it shows is right again. One
    that takes nothing at all for ``limits.send_timeout_secs`` is closed.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        kind: str,
        limits: Limits,
        metrics: Metrics,
        catch_up: Callable[[], Iterable[Frame]],
        message_rate: tuple[float, float],
    ) -> None:
        self._websocket = websocket
        self._kind = kind
        self._limits = limits
        self._metrics = metrics
        self._catch_up = catch_up
        self._rate = RateLimit(*message_rate, time.monotonic())
        self._outbox: deque[Frame] = deque()
        self._outbox_bytes = 0
        self._behind = False
        self._closing: tuple[int, str] | None = None
        self._wake = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be sent."""
        return self._closing is not None

    def send(self, frame: Frame) -> None:
        """Queue one frame. Never blocks; after ``close`` it does nothing."""
        if self._closing is not None or self._behind:
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > self._limits.outbox_bytes and len(self._outbox) > 1:
            self._metrics.outbox_overflows.inc()
            self._outbox.clear()
            self._outbox_bytes = 0
            self._behind = True
        self._wake.set()

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued has gone out. The first call decides code and reason."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake.set()

    def refuse(self, refused: Refused) -> None:
        """Close because of what the client sent."""
        self._metrics.refusals.labels(refused.reason).inc()
        self.close(refused.close_code, refused.message)

    async def serve(self, receive: Receive) -> None:
        """Read and write until either side closes. ``receive`` may raise Refused: that closes this connection alone."""
        gauge = self._metrics.connections.labels(self._kind)
        gauge.inc()
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read(receive))
                await self._write()
                reader.cancel()
        finally:
            gauge.dec()

    async def _read(self, receive: Receive) -> None:
        websocket = self._websocket
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self._closing = (1000, "")  # the peer is gone: nothing of the outbox can reach it
                    self._outbox.clear()
                    break
                data: Frame | None = message.get("bytes")
                if data is None:
                    data = message.get("text")
                if not data:
                    raise Malformed("An empty message.", reason="empty_frame")
                if len(data) > self._limits.frame_bytes:
                    raise TooLarge("A message is too large.", reason="frame_size")
                if not self._rate.take(time.monotonic()):
                    raise TooFast("Too many messages at once.", reason="message_rate")
                receive(data)
                if self._closing is not None:
                    break
        except Refused as refused:
            self.refuse(refused)
        except (WebSocketDisconnect, RuntimeError):
            self._closing = (1000, "")
        except Exception:
            # A defect of ours must not take the classmates' connections with it.
            log.exception("connection.failed", kind=self._kind)
            self.close(1011, "The server made a mistake.")
        finally:
            if self._closing is None:
                self._closing = (1000, "")
            self._wake.set()

    async def _write(self) -> None:
        websocket = self._websocket
        outbox = self._outbox
        try:
            while True:
                while outbox:
                    frame = outbox.popleft()
                    self._outbox_bytes -= len(frame)
                    async with asyncio.timeout(self._limits.send_timeout_secs):
                        if isinstance(frame, bytes):
                            await websocket.send_bytes(frame)
                        else:
                            await websocket.send_text(frame)
                if self._behind:
                    self._behind = False
                    for frame in self._catch_up():
                        outbox.append(frame)
                        self._outbox_bytes += len(frame)
                    continue
                if self._closing is not None:
                    break
                self._wake.clear()
                await self._wake.wait()
        except TimeoutError:
            self._closing = (1013, "This browser did not keep up.")
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._closing = (1000, "")
        await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        code, reason = self._closing or (1000, "")
        if self._websocket.application_state is WebSocketState.CONNECTED:
            try:
                async with asyncio.timeout(self._limits.send_timeout_secs):
                    # A close frame carries at most 123 bytes of reason (RFC 6455, section 5.5).
                    await self._websocket.close(code, reason.encode()[:120].decode(errors="ignore"))
            except (RuntimeError, OSError, WebSocketDisconnect, TimeoutError):
                pass
