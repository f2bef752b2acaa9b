"""How this process talks to Redis: links of one's own for what is frequent, shared ones for what is rare.

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
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from server.errors import SettingsError

FAILURES = (RedisError, OSError)
"""What talking to Redis raises when it is away, slow, or does not want to; a timeout is an OSError."""

Command = tuple[str | int | bytes, ...]
Reply = Any
"""What Redis answers: bytes, numbers, lists of them, None; an error is a ``ResponseError``, a value."""

OLDEST_VERSION = (7, 0)

_IDLE_SECS = 20.0
"""A shared link unused for longer is not trusted: Redis (``timeout``) or something on the way may have dropped it."""


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


class Links:
    """Links for whoever has something rare to ask; opened when needed, kept for the next."""

    def __init__(self, url: str, patience: Patience | None = None, most: int = 16) -> None:
        self._url = url
        self._patience = patience or Patience()
        self._idle: list[tuple[Link, float]] = []
        self._turns = asyncio.Semaphore(most)

    async def ask(self, *commands: Command) -> list[Reply]:
        """Send commands on one link, in one go; wait for all replies.

        Raises one of FAILURES, also when Redis answered one of the commands with an error: others may have been done.
        """
        async with self._turns:
            link = await self._take()
            try:
                replies = await link.ask(commands, self._patience.answer)
            except BaseException as error:
                await link.close()
                if isinstance(error, FAILURES):
                    await self.close()  # the others are no better
                raise
            self._idle.append((link, asyncio.get_running_loop().time()))
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    async def close(self) -> None:
        """Close what is kept. It may be used again, with new links: Redis went away, and these are dead."""
        idle, self._idle = self._idle, []
        for link, _ in idle:
            await link.close()

    async def _take(self) -> Link:
        while self._idle:
            link, used_at = self._idle.pop()
            if asyncio.get_running_loop().time() - used_at < _IDLE_SECS:
                return link
            await link.close()
        return await Link.open(self._url, self._patience)


def place(url: str) -> str:
    """Say where a Redis is, without the password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


async def require_safe(links: Links, url: str, patience: Patience, *, unsafe: bool) -> None:
    """Refuse a Redis that would lose lessons. Raises SettingsError, which says what to set."""
    at = f"The Redis at {place(url)}"
    deadline = asyncio.get_running_loop().time() + patience.start
    while True:
        try:
            (found,) = await links.ask(("INFO",))
            break
        except FAILURES as error:
            refused = isinstance(error, AuthenticationError | ResponseError)
            if not refused and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(patience.retry)
                continue
            raise SettingsError(
                f"{at} cannot be used ({error or type(error).__name__}). "
                "Start it, or set REDIS_URL to one that runs, such as redis://127.0.0.1:6379/0."
            ) from error
    info = dict(line.split(":", 1) for line in found.decode().splitlines() if ":" in line)
    if info.get("role") == "slave":
        raise SettingsError(f"{at} is a replica, which takes no writes. Set REDIS_URL to its primary.")
    if info.get("cluster_enabled") == "1":
        raise SettingsError(f"{at} is part of a Redis Cluster. Set REDIS_URL to one that is not.")
    if unsafe:
        return
    otherwise = "or set ROUNDTABLE_REDIS_UNSAFE to 1 if lessons may be lost."
    version = info.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise SettingsError(f"{at} is version {version}. Install Redis 7.0 or newer, {otherwise}")
    if info.get("aof_enabled") != "1":
        raise SettingsError(
            f"{at} keeps no append-only file, so a restart would lose lessons. Set `appendonly yes` in its "
            f"configuration (for now: `redis-cli config set appendonly yes`), {otherwise}"
        )
    if info.get("maxmemory_policy") != "noeviction":
        raise SettingsError(
            f"{at} throws data away when its memory is full (`maxmemory-policy {info.get('maxmemory_policy')}`). "
            f"Set `maxmemory-policy noeviction` in its configuration, {otherwise}"
        )


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
