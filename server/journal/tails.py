"""What journals have in common: appends on their way, tails, and the errors with their sentences."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from server.errors import NotFound, Refused, Unavailable
from server.journal import Done, Ended, Entry, Receive

BUFFER_ENTRIES = 10_000
"""What a tail keeps of the present while it reads history; beyond it reads that from the store as well."""

APPEND_BYTES = 200
"""What an append weighs besides its bodies, so that empty ones are bounded too."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Append(msgspec.Struct, eq=False):
    """One call of ``append``. Once written, ``seq`` is its last entry's, or ``outrun`` what an exclusive one missed."""

    lesson: str
    at: int
    bodies: Sequence[bytes]
    done: Done | None
    after: int | None = None
    size: int = APPEND_BYTES
    seq: int = 0
    outrun: int = 0
    answered: Callable[[Append], None] | None = None
    """Called before ``done``: the store's own books."""

    def __post_init__(self) -> None:
        for body in self.bodies:
            self.size += len(body)

    def answer(self, error: Unavailable | None) -> None:
        """Call ``done``; you must do so once."""
        if self.answered is not None:
            self.answered(self)
        if self.done is not None:
            guarded(self.lesson, self.done, error)


class LiveTail:
    """One receiver: reading history while ``_buffer`` is a list, live once it is None."""

    __slots__ = ("_buffer", "_closed", "_ended", "_gone", "_lost", "_receive", "_siblings", "history", "seq")

    def __init__(
        self,
        siblings: list[LiveTail],
        receive: Receive,
        after: int,
        history: int,
        lost: Ended | None,
        gone: Ended | None,
    ) -> None:
        self._siblings = siblings
        self._receive = receive
        self._lost = lost
        self._gone = gone
        self._buffer: list[Entry] | None = []
        self._closed = False
        self._ended: Refused | None = None
        self.seq = after
        """The last entry received: what the store gave already is not given again."""
        self.history = history
        """Up to here the store is read; everything after it is in the buffer."""
        siblings.append(self)

    def give(self, lesson: str, entries: list[Entry]) -> None:
        if self._closed:
            return
        if self._buffer is not None:
            self._buffer += entries
            if len(self._buffer) > BUFFER_ENTRIES:
                self.history = entries[-1].seq
                self._buffer.clear()
            return
        if entries[0].seq <= self.seq:
            entries = [entry for entry in entries if entry.seq > self.seq]
            if not entries:
                return
        self.seq = entries[-1].seq
        guarded(lesson, self._receive, entries)

    def give_history(self, entries: list[Entry]) -> None:
        """Give what was read from the store. Raises what ended the tail meanwhile."""
        if self._ended is not None:
            raise self._ended
        if not entries:
            raise lost_something()
        self.seq = entries[-1].seq
        self._receive(entries)

    def go_live(self) -> None:
        """Give what came while history was read. Raises what ended the tail meanwhile."""
        if self._ended is not None:
            raise self._ended
        buffer = [entry for entry in self._buffer or () if entry.seq > self.seq]
        self._buffer = None
        if buffer:
            self.seq = buffer[-1].seq
            self._receive(buffer)

    def end(self, lesson: str, *, gone: bool) -> None:
        """Close the tail and say why; while history is read, ``follow`` says it."""
        if self._closed:
            return
        self.close()
        self._ended = not_found() if gone else lost_something()
        call = self._gone if gone else self._lost
        if call is not None and self._buffer is None:
            guarded(lesson, lambda _: call(), None)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._siblings.remove(self)


def guarded(lesson: str, call: Callable[[_T], None], value: _T) -> None:
    """Call a receiver whose failure is its own."""
    try:
        call(value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # asyncio's own rule for callbacks; a panic in pycrdt is a BaseException
        # Where and what kind, never the message: it may hold what a child wrote.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        _log.error("journal: receiver failed: lesson=%s %s at %s:%s", lesson, kind, frame.filename, frame.lineno)


def settling(durable: asyncio.Future[None]) -> Done:
    """Make the ``done`` that settles a future; the future may be cancelled before."""

    def done(error: Unavailable | None) -> None:
        if durable.done():
            return
        if error is None:
            durable.set_result(None)
        else:
            durable.set_exception(error)

    return done


def unavailable(cause: BaseException) -> Unavailable:
    error = Unavailable("Storage cannot take it now. Try again in a moment.", reason="storage")
    error.__cause__ = cause
    return error


def away() -> Unavailable:
    return unavailable(ConnectionError("Redis is away"))


def lost_something() -> Unavailable:
    return Unavailable("Storage has lost something. Try again in a moment.", reason="storage")


def behind() -> Unavailable:
    return Unavailable("Storage is behind. Try again in a moment.", reason="behind")


def closed() -> Unavailable:
    return Unavailable("The server is stopping. Try again in a moment.", reason="closed")


def no_lesson() -> Unavailable:
    return Unavailable(
        "There is no such lesson. Check the link, or ask for the code of the lesson.", reason="no_lesson"
    )


def not_found() -> NotFound:
    return NotFound("There is no such lesson. Check the link, or ask for the code of the lesson.")
