"""Presence between processes: one list of who is in a room, whichever process each of them is connected to.

A process tells what changed about its own people, once for a room and flush, and shows the others' as they are told.
Nothing is repaired message by message: presence renews itself every 15 s, and what is not renewed goes.

Behind a proxy that keeps a lesson on one process there is nobody to tell: then it only asks, now and then. Telling all
the same was a third of the commands that a lesson cost Redis (`bench.redis_cost`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec
import structlog

from server.bus import Bus, Subscription
from server.hub.awareness import Told
from server.hub.rooms import LiveRoom

log = structlog.get_logger(__name__)

_ASK_AGAIN_SECS = 5.0
"""A process that knows of no other asks this often, while somebody moves: an answer may have been lost."""


def presence_topic(lesson: str) -> str:
    """Name the bus topic on which the processes that hold a lesson tell each other who is there."""
    return f"presence:{lesson}"


class _Message(msgspec.Struct, array_like=True, tag=True):
    node: str


class _Tell(_Message, array_like=True, tag=True):
    """What changed about this node's people in a room; of no room: the node is there."""

    room: str
    states: list[Told]


class _Ask(_Message, array_like=True, tag=True):
    """Somebody here has to be shown everyone anew: in one room, or in all."""

    room: str | None


class _Leave(_Message, array_like=True, tag=True):
    """The node lets go of the lesson."""


_decoder = msgspec.msgpack.Decoder(_Tell | _Ask | _Leave)


class PresenceBus:
    """One process's end, for one lesson. ``open`` it before use and ``close`` it after.

    ``room`` gives a room that exists, or None.
    """

    def __init__(
        self, bus: Bus, lesson: str, node: str, room: Callable[[str], LiveRoom | None], rooms: Mapping[str, LiveRoom]
    ) -> None:
        self._bus = bus
        self._topic = presence_topic(lesson)
        self._node = node
        self._room = room
        self._rooms = rooms
        self._subscription: Subscription | None = None
        self._asked_at = 0.0
        self.others: set[str] = set()
        """The processes that hold this lesson, as far as was heard."""

    def open(self) -> None:
        """Begin to listen, and ask who is there."""
        self._subscription = self._bus.subscribe(self._topic, self._receive)
        self._ask()

    def close(self) -> None:
        """Say goodbye: the others hold this node's people a little while for their return."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
            self._publish(_Leave(self._node))

    def tell(self, name: str, room: LiveRoom) -> None:
        """Tell the others what changed in a room and is about to be sent to its own sockets."""
        if not self.others:
            if time.monotonic() - self._asked_at >= _ASK_AGAIN_SECS:
                self._ask()
            return
        if room.awareness.take_need():
            self._publish(_Ask(self._node, name))
        if states := room.awareness.own_changes():
            self._publish(_Tell(self._node, name, states))

    def nodes(self) -> set[str]:
        """Name the other processes that people are shown of."""
        return set().union(*(room.awareness.nodes() for room in self._rooms.values()))

    def lose(self, node: str) -> None:
        """Remove a process's people: it has ended."""
        self.others.discard(node)
        self._release(node, 0.0)

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        self._publish(_Ask(self._node, None))

    def _publish(self, message: _Tell | _Ask | _Leave) -> None:
        self._bus.publish(self._topic, msgspec.msgpack.encode(message))

    def _receive(self, payload: bytes) -> None:
        try:
            message = _decoder.decode(payload)
        except msgspec.DecodeError:
            log.warning("presence.not_understood")  # of another version's process
            return
        if message.node == self._node:
            return
        if message.node not in self.others and not isinstance(message, _Leave):
            self.others.add(message.node)
            self._renew(None)  # nothing was told to it yet
        match message:
            case _Tell(node=node, room=name, states=states):
                room = self._room(name)
                if room is not None and room.awareness.hear(node, states, time.monotonic()):
                    room.company.look_again()
            case _Ask(room=name):
                if name is None:
                    # Also from a process of nobody but readers, who are shown people and are not shown.
                    self._publish(_Tell(self._node, "", []))
                self._renew(name)
            case _Leave(node=node):
                self.others.discard(node)
                self._release(node, time.monotonic())

    def _renew(self, name: str | None) -> None:
        for each, room in self._rooms.items():
            if name in (None, each) and room.awareness.renew_own():
                room.company.changed()

    def _release(self, node: str, gone_at: float) -> None:
        for room in self._rooms.values():
            if room.awareness.release_node(node, gone_at):
                room.company.look_again()
