"""Whether what happens in a lesson is being stored, and what is done about it while it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.errors import Unavailable

_FINAL = frozenset({"closed", "no_lesson"})
"""Reasons with which the journal turns an entry down for good: the server is stopping, or the lesson was deleted."""


class StorageHealth:
    """Good until a write fails; good again when one succeeds, or when nothing waits to be written any more.

    While it is bad, ``retry`` is called every ``retry_secs``: it writes again what can be, and tells whether anything
    still waits. ``tell`` is called with each change.
    """

    def __init__(self, retry_secs: float, tell: Callable[[bool], None], retry: Callable[[], bool]) -> None:
        self._retry_secs = retry_secs
        self._tell = tell
        self._retry = retry
        self._timer: asyncio.TimerHandle | None = None
        self.good = True

    def note(self, error: Unavailable | None) -> None:
        """Take the outcome of one write into account."""
        if error is None:
            self._recover()
        elif self.good and error.reason not in _FINAL:
            self.good = False
            self._tell(False)
            self._schedule()

    def stop(self) -> None:
        """Drop what is scheduled."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _recover(self) -> None:
        if not self.good:
            self.good = True
            self.stop()
            self._tell(True)
            # What failed besides is made up for now, not after a pause; if that is refused at once, all is bad again.
            self._retry()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._retry_secs, self._run)

    def _run(self) -> None:
        if self._retry():
            self._schedule()
        else:
            self._recover()
