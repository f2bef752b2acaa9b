"""The bus between processes: Redis' publish and subscribe.

Whatever waits goes out in one go as soon as the last has been answered; while Redis is away the newest of it waits,
within a bound. Subscriptions are made anew with each connection; what others published meanwhile is lost. A Redis
Cluster carries what is published at one of its Redis to all of them, so each process uses whichever is there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict, deque
from contextlib import AsyncExitStack, suppress

from redis.exceptions import ReadOnlyError, ResponseError

from server.bus import Receive, deliver
from server.redis_link import Command, Link, Patience, kinds
from server.redis_shards import Shards

MAX_QUEUED_BYTES = 4 * 1024 * 1024
"""What may wait for Redis; beyond it the oldest is dropped. A busy school's presence of some seconds."""

_PAYLOAD_BYTES = 200
"""What a payload weighs besides itself."""

_PREFIX = b"roundtable:bus:"

_log = logging.getLogger(__name__)


class RedisSubscription:
    def __init__(self, bus: RedisBus, channel: bytes, receive: Receive) -> None:
        self._bus = bus
        self._channel = channel
        self.receive = receive

    def close(self) -> None:
        self._bus.unsubscribe(self._channel, self)


class RedisBus:
    """See ``server.bus.Bus``. Payloads arrive later, by way of Redis, in the publishing process, too."""

    def __init__(self, url: str, *, patience: Patience | None = None, max_queued_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._patience = patience or Patience()
        self._shards = Shards(url, self._patience)
        self._max_queued_bytes = max_queued_bytes
        self._queue: deque[tuple[bytes, bytes]] = deque()
        self._queued_bytes = 0
        self._subscriptions: defaultdict[bytes, list[RedisSubscription]] = defaultdict(list)
        self._asked: set[bytes] = set()
        """The channels this connection has asked for."""
        self._silent = 0
        """How often this connection was asked for a sign of life since the last one came."""
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._confirmed = asyncio.Event()
        self._unconfirmed: set[bytes] = set()
        self._session: asyncio.Task[None] | None = None

    async def open(self) -> None:
        if self._session is None:
            self._session = asyncio.create_task(self._keep_session(), name="bus-session")

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            session.cancel()
            with suppress(asyncio.CancelledError):
                await session

    def publish(self, topic: str, payload: bytes) -> None:
        self._queue.append((_PREFIX + topic.encode(), payload))
        self._queued_bytes += len(payload) + _PAYLOAD_BYTES
        while self._queued_bytes > self._max_queued_bytes:
            _, oldest = self._queue.popleft()
            self._queued_bytes -= len(oldest) + _PAYLOAD_BYTES
        self._wake.set()

    def subscribe(self, topic: str, receive: Receive) -> RedisSubscription:
        channel = _PREFIX + topic.encode()
        subscription = RedisSubscription(self, channel, receive)
        self._subscriptions[channel].append(subscription)
        self._changed.set()
        return subscription

    def wanted(self, topic: str) -> bool:
        return True  # other processes do not say

    def unsubscribe(self, channel: bytes, subscription: RedisSubscription) -> None:
        found = self._subscriptions.get(channel)
        if found and subscription in found:
            found.remove(subscription)
            if not found:
                del self._subscriptions[channel]
                self._changed.set()

    async def _keep_session(self) -> None:
        wait = self._patience.retry
        away = False
        # Not for ever: before Python 3.13 a TaskGroup that fails just then swallows a cancellation.
        while self._session is asyncio.current_task():
            try:
                async with AsyncExitStack() as links:
                    await self._shards.known()
                    url = random.choice(self._shards.primaries)  # whichever: a cluster's tell each other
                    publisher = await Link.open(url, self._patience)
                    links.push_async_callback(publisher.close)
                    subscriber = await Link.open(url, self._patience)
                    links.push_async_callback(subscriber.close)
                    wait, away = self._patience.retry, False
                    self._asked.clear()
                    self._unconfirmed.clear()
                    self._changed.set()
                    self._silent = 0
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._publish(publisher), name="bus-publisher")
                        tasks.create_task(self._subscribe(subscriber), name="bus-subscriber")
                        tasks.create_task(self._receive(subscriber), name="bus-receiver")
            except* Exception as group:
                if not away:  # once, not for each attempt
                    _log.warning("bus: no connection to Redis: %s", kinds(group))
                away = True
            self._shards.doubt()
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(2 * wait, self._patience.retry_most)

    async def _publish(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        looked_at = 0.0
        while True:
            await _signalled(self._wake, self._patience.poll)
            # Whoever subscribed before this was published here is to receive it.
            while self._changed.is_set() or self._unconfirmed:
                self._confirmed.clear()
                await _signalled(self._confirmed, self._patience.poll)
            commands: list[Command] = [("PUBLISH", channel, payload) for channel, payload in self._queue]
            self._queue.clear()
            self._queued_bytes = 0
            if not commands or loop.time() - looked_at >= self._patience.poll:
                commands.append(("INFO", "replication"))
                looked_at = loop.time()
            for reply in await link.ask(commands, self._patience.answer):
                if isinstance(reply, ResponseError):
                    raise reply
                # It would take what is published, and tell nobody at the Redis that took its place.
                if isinstance(reply, bytes) and b"role:slave" in reply and not self._shards.several:
                    raise ReadOnlyError("it is a replica by now")

    async def _subscribe(self, link: Link) -> None:
        """Ask for the channels that are wanted now, and see that the connection lives."""
        while True:
            changed = await _signalled(self._changed, self._patience.poll)
            wanted = self._subscriptions.keys()
            more, less = tuple(wanted - self._asked), tuple(self._asked - wanted)
            self._asked = set(wanted)
            self._unconfirmed |= set(more)
            if more:
                await link.send([("SUBSCRIBE", *more)])
            if less:
                self._unconfirmed -= set(less)
                await link.send([("UNSUBSCRIBE", *less)])
            if not self._unconfirmed:
                self._confirmed.set()
            if not changed:
                # Counted, not timed: a process that was frozen finds the answer waiting.
                self._silent += 1
                if self._silent * self._patience.poll > self._patience.answer:
                    raise TimeoutError
                await link.send([("PING",)])

    async def _receive(self, link: Link) -> None:
        while True:
            reply = await link.receive()
            self._silent = 0
            if isinstance(reply, ResponseError):
                raise reply
            kind, channel, *rest = reply
            if kind == b"message":
                for subscription in tuple(self._subscriptions.get(channel, ())):
                    deliver(subscription.receive, rest[0])
            elif kind == b"subscribe":
                self._unconfirmed.discard(channel)
                if not self._unconfirmed:
                    self._confirmed.set()


async def _signalled(event: asyncio.Event, secs: float) -> bool:
    """Wait for an event, not for ever; clear it and return whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(secs):
            await event.wait()
    came = event.is_set()
    event.clear()
    return came
