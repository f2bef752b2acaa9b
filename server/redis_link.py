"""How this process talks to one Redis: by links. Which Redis has what is for ``redis_shards``.

redis-py connects, signs in and parses. Its pipelines cost 20 µs a command on the loop, a link 5 µs (20 commands at
once, measured on two shared cores), so links go around them, and replies are Redis's own, not what redis-py makes of
them. No timeout of redis-py's is set: one deadline stands around each ``ask``. Nothing is ever tried twice: only who
asked knows whether that is harmless.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
from hiredis import pack_command
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, RedisError, ResponseError, TryAgainError

FAILURES = (RedisError, OSError)
"""What talking to Redis raises when it is away, slow, or does not want to; a timeout is an OSError."""

ELSEWHERE = (AskError, TryAgainError)
"""What a Redis of a cluster answers when it does not have a key, or not quite any more (MOVED is an ``AskError``, too);
it has done nothing then."""

Command = tuple[str | int | bytes, ...]
Reply = Any
"""What Redis answers: bytes, numbers, lists of them, None; an error is a ``ResponseError``, a value."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for Redis, in seconds; tests are less patient."""

    start: float = 5.0
    """For a Redis that is being started together with this process."""
    connect: float = 2.0
    answer: float = 4.0
    """Longer than a healthy Redis ever takes: an append-only file on a busy disk holds up writes for two seconds."""
    retry: float = 0.05
    """Before the first new attempt to connect; doubled each time."""
    retry_most: float = 1.0
    poll: float = 1.0
    """How long one blocking read lasts, and how often a deletion elsewhere is looked for."""
    keep: float = 5.0
    """How long entries are kept that Redis may lose by dying: with ``appendfsync everysec`` those of two seconds."""
    rewrite: float = 10.0
    """After a deletion, before the append-only file is written anew: a purge deletes many lessons."""
    traces: float = 300.0
    """How often a process looks for deletions after which another could not have files written anew."""


class Link:
    """One connection: commands go out together, replies come back in their order."""

    def __init__(self, connection: redis.asyncio.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str, patience: Patience) -> Link:
        """Connect and sign in. You must ``close``. Raises one of FAILURES."""
        pool = redis.asyncio.ConnectionPool.from_url(
            url, protocol=2, socket_timeout=None, socket_connect_timeout=patience.connect, retry=Retry(NoBackoff(), 0)
        )
        link = cls(pool.make_connection())  # type: ignore[no-untyped-call]
        try:
            async with _deadline(patience.connect):
                await link._connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Drop it at once: over TLS a goodbye would wait half a minute for one of a frozen Redis."""
        if (writer := self._connection._writer) is not None:
            writer.transport.abort()
        with suppress(*FAILURES):
            await self._connection.disconnect(nowait=True)

    async def ask(
        self, commands: Sequence[Command], secs: float, sent: Callable[[], None] | None = None
    ) -> list[Reply]:
        """Send commands, call ``sent``, wait for all replies. Raises one of FAILURES; the link is of no use then."""
        async with _deadline(secs):
            await self.send(commands)
            if sent is not None:
                sent()
            return [await self.receive() for _ in commands]

    async def send(self, commands: Sequence[Command]) -> None:
        """Send without waiting. You must ``receive`` as many replies."""
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
        await self._connection.send_packed_command(packed, check_health=False)

    async def receive(self) -> Reply:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error


@asynccontextmanager
async def _deadline(secs: float) -> AsyncIterator[None]:
    """Like ``asyncio.timeout``, by a clock that stands still with the loop.

    A process that was frozen, or busy for seconds, finds the answer waiting and the time over; whichever asyncio looks
    at first must not decide. Of eight ticks at most one passes meanwhile.
    """
    loop = asyncio.get_running_loop()
    left = 8
    timer = loop.call_later(secs / 8, lambda: tick())

    def tick() -> None:
        nonlocal left, timer
        left -= 1
        if left:
            timer = loop.call_later(secs / 8, tick)
        else:
            limit.reschedule(loop.time())

    try:
        async with asyncio.timeout(None) as limit:
            yield
    finally:
        timer.cancel()


def place(url: str) -> str:
    """Say where a Redis is, without the password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def told(info: bytes) -> dict[str, str]:
    """Take apart what a Redis says of itself."""
    return dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)


def kinds(group: BaseExceptionGroup[Exception]) -> str:
    """Say what went wrong by kind and place, never by message: an error of Redis may quote what it was sent."""
    found = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found.append(kinds(error))
        else:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            found.append(f"{type(error).__name__} at {frame.filename}:{frame.lineno}")
    return ", ".join(found)
