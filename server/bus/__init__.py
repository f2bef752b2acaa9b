"""The bus: what may be lost without harm, on its way between processes.

Presence and the moderator's frames travel here. Documents and events never do: they have the journal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

Receive = Callable[[bytes], None]
"""Called on the event loop, synchronously, with one published payload."""


_log = logging.getLogger(__name__)


def deliver(receive: Receive, payload: bytes) -> None:
    """Hand over one payload; a receiver's failure is its own."""
    try:
        receive(payload)
    except Exception as error:
        # What kind, never the message: it may hold what a child wrote.
        _log.error("bus: receiver failed: %s", type(error).__name__)


class Subscription(Protocol):
    """A standing interest in one topic."""

    def close(self) -> None:
        """Stop receiving; nothing arrives after this returns."""
        ...


class Bus(Protocol):
    """Publish and subscribe by topic; at most once, in order for one publisher.

    Both may be called before ``open``; what is published then may be lost.
    """

    async def open(self) -> None:
        """Connect, and stay connected. Opening twice is allowed."""
        ...

    async def close(self) -> None:
        """Let go of the connection; nothing arrives any more. Closing twice is allowed."""
        ...

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to whoever is subscribed now. Never blocks and never raises for an absent receiver."""
        ...

    def subscribe(self, topic: str, receive: Receive) -> Subscription:
        """Receive what is published on a topic from now on.

        In another process, from a moment later on. A receiver that raises harms nobody else.
        """
        ...

    def wanted(self, topic: str) -> bool:
        """Say whether somebody may be listening: False spares making what nobody would receive."""
        ...
