"""When the people in a room are shown each other's cursors: with text that is on its way, else at the room's pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

from server.hub.awareness import RoomAwareness

_CROWD = 30
"""From so many sockets on, presence keeps to ``Limits.awareness_interval_secs`` also when text goes out."""

_SLACK_SECS = 0.001
"""A timer may be this early."""


class Pace:
    """One clock for the presence of many rooms, which ticks while it waits anywhere.

    A timer a room fired nearly as often as there were keys: 5 µs of the 80 that a key then took (2026-11).
    """

    def __init__(self, interval_secs: float) -> None:
        """No room's presence goes out more often than once in ``interval_secs``, unless text takes it along."""
        self.interval_secs = interval_secs
        self._waiting: set[Company] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, company: Company) -> None:
        """Have a room send its presence when that is due."""
        self._waiting.add(company)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval_secs / 2, self._tick)

    def discard(self, company: Company) -> None:
        """Wait no more for this room."""
        self._waiting.discard(company)

    def _tick(self) -> None:
        self._timer = None
        due = time.monotonic() - self.interval_secs + _SLACK_SECS
        for company in tuple(self._waiting):
            if company.waits_since <= due:
                company.send_changes()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self.interval_secs / 2, self._tick)


class Company:
    """The presence of one room, and when it is sent. All methods are synchronous."""

    def __init__(
        self,
        awareness: RoomAwareness,
        seats: Collection[object],
        pace: Pace,
        send: Callable[[bytes], None],
        text_comes: Callable[[], bool],
    ) -> None:
        """``seats`` are the room's sockets, ``send`` sends to all of them; ``text_comes`` tells whether text will."""
        self._awareness = awareness
        self._seats = seats
        self._pace = pace
        self._send = send
        self._text_comes = text_comes
        self.tell: Callable[[], None] | None = None
        """Called before presence is sent, to tell other processes of it."""
        self._waits = False
        self.waits_since = 0.0
        """While it waits for text or for its turn: since when the pace counts."""
        self._flushed_at = 0.0
        self._soon: asyncio.Handle | None = None
        self._hold: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Send presence soon: with text that is under way, else at once after a quiet spell or at the room's pace.

        Text may be long under way when storage is slow. Presence waits for it no longer than the pace's interval.
        """
        if self._waits or self._soon is not None:
            return
        now = time.monotonic()
        if self._text_comes() and len(self._seats) <= _CROWD:
            self._wait(now)
        elif now - self._flushed_at < self._pace.interval_secs:
            self._wait(self._flushed_at)
        else:
            self._soon = asyncio.get_running_loop().call_soon(self.send_changes)

    def take_with_text(self) -> bytes | None:
        """Give the presence that goes out with text.

        A table's may, more often than the pace; a crowd's, which costs its square, keeps it.
        """
        if not self._waits:
            return None
        now = time.monotonic()
        if now - self._flushed_at < self._pace.interval_secs * (len(self._seats) / _CROWD) ** 2:
            return None
        return self._take_changes(now)

    def text_failed(self) -> None:
        """Wait no more for the text that was on its way."""
        if self._waits:
            self.waits_since = self._flushed_at

    def look_again(self) -> None:
        """Show who has come or gone for good, and look again when the next one's time to return is over."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        due = self._awareness.expire(time.monotonic())
        if due is not None:
            self._hold = asyncio.get_running_loop().call_later(due, self.look_again)
        self.changed()

    def send_changes(self) -> None:
        """Send what has changed, now."""
        if presence := self._take_changes(time.monotonic()):
            self._send(presence)

    def stop(self) -> None:
        """Drop what is scheduled."""
        self._pace.discard(self)
        for timer in (self._soon, self._hold):
            if timer is not None:
                timer.cancel()

    def _wait(self, since: float) -> None:
        self._waits, self.waits_since = True, since
        self._pace.add(self)

    def _take_changes(self, now: float) -> bytes | None:
        if self._waits:
            self._waits = False
            self._pace.discard(self)
        self._soon = None
        self._flushed_at = now
        if self.tell is not None:
            self.tell()
        return self._awareness.take_changes()
