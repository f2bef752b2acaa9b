"""The bus of one process: a call."""

from __future__ import annotations

from collections import defaultdict

from server.bus import Receive, deliver


class MemorySubscription:
    def __init__(self, bus: MemoryBus, topic: str, receive: Receive) -> None:
        self._bus = bus
        self._topic = topic
        self.receive = receive

    def close(self) -> None:
        self._bus.unsubscribe(self._topic, self)


class MemoryBus:
    """See ``server.bus.Bus``. Payloads arrive before ``publish`` returns."""

    def __init__(self) -> None:
        self._subscriptions: defaultdict[str, list[MemorySubscription]] = defaultdict(list)

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        self._subscriptions.clear()

    def publish(self, topic: str, payload: bytes) -> None:
        for subscription in tuple(self._subscriptions.get(topic, ())):
            deliver(subscription.receive, payload)

    def subscribe(self, topic: str, receive: Receive) -> MemorySubscription:
        subscription = MemorySubscription(self, topic, receive)
        self._subscriptions[topic].append(subscription)
        return subscription

    def wanted(self, topic: str) -> bool:
        return topic in self._subscriptions

    def unsubscribe(self, topic: str, subscription: MemorySubscription) -> None:
        found = self._subscriptions.get(topic)
        if found and subscription in found:
            found.remove(subscription)
            if not found:
                del self._subscriptions[topic]
