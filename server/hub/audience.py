"""Everyone connected to a lesson on this process, and what is said to all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from server.core.commands import Actor
from server.errors import Forbidden, Refused


class Watcher(Protocol):
    """A lesson socket, as the lesson sees it."""

    actor: Actor

    def show(self) -> None:
        """Send what has changed in this person's view of the lesson."""
        ...

    def dismiss(self, code: str, why: Refused) -> None:
        """Say goodbye for good and close."""
        ...

    def show_storage(self, ok: bool) -> None:
        """Say whether writing to the journal works."""
        ...

    def close(self, code: int, reason: str = "") -> None: ...


class DocumentSeat(Protocol):
    """A document socket, as the lesson sees it."""

    actor: Actor
    author: str
    room: str

    @property
    def unsaved(self) -> bool:
        """Whether this person has text that could not be stored and has not arrived again."""
        ...

    def send(self, frame: bytes) -> None: ...

    @property
    def write(self) -> Callable[[bytes], object]: ...

    def close(self, code: int, reason: str = "") -> None: ...


class Audience:
    """One lesson's sockets."""

    def __init__(self, view_interval_secs: float) -> None:
        self.watchers: set[Watcher] = set()
        self.seats: set[DocumentSeat] = set()
        self._view_interval_secs = view_interval_secs
        self._timer: asyncio.TimerHandle | None = None
        self._viewed_at = 0.0

    @property
    def empty(self) -> bool:
        """Whether nobody is connected."""
        return not self.watchers and not self.seats

    def count(self, participant: str) -> int:
        """Count a person's lesson sockets."""
        return sum(watcher.actor.participant == participant for watcher in self.watchers)

    def participants(self) -> set[str]:
        """Name who is here."""
        return {watcher.actor.participant or "" for watcher in self.watchers}

    def changed(self) -> None:
        """Show everyone what is new: at once after a quiet spell, else at the views' pace."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = self._viewed_at + self._view_interval_secs - loop.time()
            self._timer = loop.call_later(max(0.0, wait), self._show)

    def _show(self) -> None:
        self._timer = None
        self._viewed_at = asyncio.get_running_loop().time()
        for watcher in tuple(self.watchers):
            watcher.show()

    def show_storage(self, ok: bool) -> None:
        """Tell everyone whether writing to the journal works."""
        for watcher in self.watchers:
            watcher.show_storage(ok)

    def recheck(self, participant: str | None, may_read: Callable[[Actor, str], Refused | None]) -> None:
        """Close one person's document sockets where they may no longer read: revoking cuts the connection.

        None stands for the pages that are nobody's, such as projectors. Others are left alone, for they may have moved
        a moment ago and have a grace of their own.
        """
        for seat in tuple(self.seats):
            if seat.actor.participant == participant and (refused := may_read(seat.actor, seat.room)) is not None:
                seat.close(refused.close_code, refused.message)

    def dismiss(self, participant: str, code: str, why: Refused) -> None:
        """Close one person's sockets for good; ``code`` is what their pages are told."""
        for seat in tuple(self.seats):
            if seat.actor.participant == participant:
                seat.close(Forbidden.close_code, why.message)
        for watcher in tuple(self.watchers):
            if watcher.actor.participant == participant:
                watcher.dismiss(code, why)

    def send_away(self, farewell: str | None, why: Refused, close_code: int) -> None:
        """Close every socket; pages that are told ``farewell`` do not come back."""
        for watcher in tuple(self.watchers):
            if farewell is not None:
                watcher.dismiss(farewell, why)
            else:
                watcher.close(close_code, why.message)
        for seat in tuple(self.seats):
            seat.close(close_code, why.message)

    def stop(self) -> None:
        """Drop what is scheduled."""
        if self._timer is not None:
            self._timer.cancel()
