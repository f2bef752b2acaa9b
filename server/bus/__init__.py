"""The bus: what may be lost without harm, on its way between processes.

Presence and the moderator's frames travel here. Documents and events never do: they have the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Receive = Callable[[bytes], None]
"""Called on the event loop, synchronously, with one published payload."""


class Subscription(Protocol):
    """A standing interest in one topic."""

    def close(self) -> None:
        """Stop receiving; nothing arrives after this returns."""
        ...


class Bus(Protocol):
    """Publish and subscribe by topic; at most once, in order for one publisher."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to whoever is subscribed now. Never blocks and never raises for an absent receiver."""
        ...

    def subscribe(self, topic: str, receive: Receive) -> Subscription:
        """Receive what is published on a topic from now on."""
        ...
