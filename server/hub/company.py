"""When the people in a room are shown each other's cursors: with text that is on its way, else at the room's pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

from server.hub.awareness import RoomAwareness

_CROWD = 30
"""From so many sockets on, presence keeps to ``Limits.awareness_interval_secs`` also when text goes out."""


class Company:
    """The presence of one room, and its timers. All methods are synchronous."""

    def __init__(
        self,
        awareness: RoomAwareness,
        seats: Collection[object],
        interval_secs: float,
        send: Callable[[bytes], None],
        text_comes: Callable[[], bool],
    ) -> None:
        """``seats`` are the room's sockets, ``send`` sends to all of them; ``text_comes`` tells whether text will."""
        self._awareness = awareness
        self._seats = seats
        self._interval_secs = interval_secs
        self._send = send
        self._text_comes = text_comes
        self.tell: Callable[[], None] | None = None
        """Called before presence is sent, to tell other processes of it."""
        self._waits = False
        """It goes out with the text that is on its way."""
        self._waits_since = 0.0
        self._flush: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._hold: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Send presence soon: with text that is under way, else at once after a quiet spell or at the room's pace.

        Text may be long under way when storage is slow. Presence waits for it no longer than ``interval_secs``.
        """
        now = time.monotonic()
        wait = self._flushed_at + self._interval_secs - now
        if self._text_comes() and len(self._seats) <= _CROWD:
            if not self._waits:
                self._waits, self._waits_since = True, now
            wait = self._interval_secs
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(max(0.0, wait), self._send_changes)

    def take_with_text(self) -> bytes | None:
        """Give the presence that goes out with text.

        A table's may, more often than ``interval_secs``; a crowd's, which costs its square, keeps the pace.
        """
        if not self._waits:
            return None
        self._waits = False
        now = time.monotonic()
        if now - self._flushed_at < self._interval_secs * len(self._seats) / _CROWD:
            self.changed()
            return None
        self._flushed_at = now
        return self._take_changes()

    def text_failed(self) -> None:
        """Wait no more for the text that was on its way."""
        if self._waits:
            self._waits = False
            self.changed()

    def look_again(self) -> None:
        """Show who has come or gone for good, and look again when the next one's time to return is over."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        due = self._awareness.expire(time.monotonic())
        if due is not None:
            self._hold = asyncio.get_running_loop().call_later(due, self.look_again)
        self.changed()

    def stop(self) -> None:
        """Drop what is scheduled."""
        for timer in (self._flush, self._hold):
            if timer is not None:
                timer.cancel()

    def _send_changes(self) -> None:
        self._flush = None
        now = time.monotonic()
        left = self._waits_since + self._interval_secs - now
        if self._waits and left > 0.001:
            # Set for an earlier key, whose text has come: one timer serves all keys of this time.
            self._flush = asyncio.get_running_loop().call_later(left, self._send_changes)
            return
        self._waits = False
        self._flushed_at = now
        if presence := self._take_changes():
            self._send(presence)

    def _take_changes(self) -> bytes | None:
        if self.tell is not None:
            self.tell()
        return self._awareness.take_changes()
