"""The journal: everything that happened in a lesson, in order and durable.

::

    hub: admit ──► append ──► durable ──► tails, in order ──► hub applies and sends
                                     └──────────────────────► moderator folds

Whoever follows a lesson is given entries only once they are durable, so what anyone has seen is never lost.
The journal knows lessons, codes and bytes; what the bytes say is for ``core.events``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from server.errors import Unavailable

READ_ENTRIES = 500
"""How many entries one ``read``, and one batch of history, holds: a few milliseconds of folding on the loop."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened.

    ``seq`` counts 1, 2, 3 … within one lesson, without gaps. ``at`` is in milliseconds since the epoch by the
    server's clock and never decreases within a lesson. ``body`` is one encoded event, opaque here.
    """

    seq: int
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What somebody folded from a lesson's entries up to ``seq``, to begin from there; opaque here."""

    seq: int
    data: bytes


class Conflict(Unavailable):
    """An exclusive commit came too late: another one, at ``seq``, has been made that its maker had not seen.

    Nothing was written. Wait until your tail has received ``seq``, decide again, commit again.
    """

    def __init__(self, seq: int) -> None:
        super().__init__("Somebody else was quicker. Try again in a moment.", reason="conflict")
        self.seq = seq


@dataclass(frozen=True, slots=True)
class LessonRow:
    """What the journal knows of a lesson without reading its entries; times in milliseconds since the epoch.

    ``last_at`` is when its last entry was made (``created_at`` while there is none).
    """

    lesson: str
    code: str
    created_at: int
    last_at: int
    ended_at: int | None


Receive = Callable[[Sequence[Entry]], None]
"""Takes entries, at least one, in order. Called on the event loop; must not keep or change the sequence."""

Done = Callable[[Unavailable | None], None]
"""Called exactly once, on the event loop: with None when the entries are durable and every tail here has received
them, with an error when they are not known to be durable."""

Ended = Callable[[], None]
"""Called at most once, on the event loop, when a tail has come to its end; the tail is closed by then."""


class Tail(Protocol):
    """A lesson being followed."""

    def close(self) -> None:
        """Stop following; nothing is received from this moment on. Closing twice is allowed."""


class Journal(Protocol):
    """An append-only record of every lesson.

    All methods are called on the event loop that called ``open``. Before ``open`` and after ``close`` all of
    them refuse with ``Unavailable``.
    """

    async def open(self) -> None:
        """Make the store ready; everything acknowledged before is there. Opening twice is allowed.

        Raises:
            SettingsError: the store cannot be used; the sentence says what to set.
        """

    async def close(self) -> None:
        """Make durable what was appended, answer it, then refuse everything. Closing twice is allowed."""

    async def check(self) -> None:
        """See that lessons can be read, at least some of them where they are kept in several places. Raises
        ``Unavailable``."""

    async def create(self, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> bool:
        """Begin a lesson with its first entries; durable on return.

        Returns False, with nothing written, when the code (or the lesson's id) is taken. Raises ``Unavailable``.
        """

    async def find(self, code: str) -> str | None:
        """Return the id of the lesson that has this code."""

    def append(self, lesson: str, at: int, bodies: Sequence[bytes], done: Done | None = None) -> None:
        """Add entries to a lesson, all or none; cheap enough to be called for every keystroke.

        ``bodies`` must not be changed afterwards. Within a lesson entries become durable, and ``done`` is called, in
        the order of the calls; an error may come sooner. When storage fails, everything not yet durable fails with it,
        for every lesson kept there: it was admitted on top of what is now lost. The next ``append`` is tried afresh.

        ``done`` may be called before ``append`` returns, with an error: when too much is waiting ("storage is
        behind"), storage is away, the lesson does not exist or the journal is closed. An error in the embedded journal
        says that nobody was or will be given the entries, with one exception: after a crash before the next entry is
        durable, they may be there. Over a network an error can only say "not known to be durable": when the
        connection is lost before the answer came, the entries may be in the journal, and tails may still receive them,
        after entries that were appended later, too. Whoever appends them again must skip what is not new.
        """

    async def commit(self, lesson: str, at: int, bodies: Sequence[bytes], *, after: int | None = None) -> int:
        """Append and wait until every tail here has received it; return the last ``seq`` (of the lesson, when
        ``bodies`` is empty). A cancelled commit may still become durable.

        With ``after``, the last ``seq`` your tail has received, the commit is *exclusive*: decided on what was
        true then, and refused when another exclusive commit, by whatever process, came after that.
        Appends and commits without ``after`` neither conflict nor cause conflicts.

        Raises:
            Conflict: see there.
            Unavailable: not known to be durable, as in ``append``.
        """

    async def latest(self, lesson: str) -> int:
        """Return the last durable ``seq``, whichever process wrote it: once your tail has it, it has everything that
        was durable when you called. Raises as ``follow``."""

    async def follow(
        self,
        lesson: str,
        receive: Receive,
        after: int = 0,
        *,
        lost: Ended | None = None,
        gone: Ended | None = None,
    ) -> Tail:
        """Receive every entry with a ``seq`` above ``after``, without gap or duplicate.

        History comes first, in batches between which the loop runs, and has been received on return; then each
        commit's entries in one call. You must close the tail. An exception of ``receive`` ends ``follow`` while
        history is read; later it is logged, harms no other tail, and the next entries still come.

        ``gone`` is called when the lesson was deleted, by whatever process, within some two seconds. ``lost`` is called
        when the store came back without entries this tail has received, and could not be given them again: forget what
        you folded and begin again from what is there. Neither is called while history is read: ``follow`` raises then.

        Raises:
            NotFound: there is no such lesson.
            Unavailable: the store cannot be read.
        """

    async def read(self, lesson: str, after: int = 0, limit: int = READ_ENTRIES) -> list[Entry]:
        """Return at most ``limit`` durable entries with a ``seq`` above ``after``. Raises as ``follow``."""

    async def save_snapshot(self, lesson: str, name: str, seq: int, data: bytes) -> None:
        """Keep what was folded up to ``seq`` under a name, in place of an older one; a newer one stays.

        It goes with the lesson, and never stands for entries: they are kept. Raises ``NotFound`` or ``Unavailable``.
        """

    async def snapshot(self, lesson: str, name: str) -> Snapshot | None:
        """Return what was kept under this name. Raises ``NotFound`` or ``Unavailable``."""

    async def lessons(self) -> list[LessonRow]:
        """Return all lessons, for start-up, retention and purge."""

    async def end(self, lesson: str, at: int) -> None:
        """Note that the lesson ended, for retention. Raises ``NotFound`` or ``Unavailable``."""

    async def compact(self, lesson: str) -> None:
        """Store a lesson that ended in far less space; its entries stay exactly what they were.

        Entries are packed and compressed, never merged: joining updates, say to one per participant, room and
        second, would move words between slots and so change the figures a replay gives. Entries appended
        later are stored as usual, and packed by the next ``compact``. Raises ``NotFound`` or ``Unavailable``.
        """

    async def delete(self, lesson: str) -> None:
        """Forget the lesson: no byte of it is left in the store, and its code is free.

        From the call on nothing of the lesson can be read or appended here; its tails receive nothing more and are told
        that it is ``gone``. No error when
        there is no such lesson. After ``Unavailable`` call again: traces may be left until it returns.
        """
