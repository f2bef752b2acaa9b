"""What a hub has folded of a lesson, kept so that the next one need not read 100,000 entries to open it.

A snapshot never stands for entries: it may be lost, of another version or damaged, and then the journal is folded from
the beginning. Holdings are kept as they are and not made from the document: it forgets where characters stood that are
deleted, and whether an entry counts may depend on that, in every process alike.
"""

from __future__ import annotations

from array import array

import msgspec
import structlog

from server.core.admission import Holdings, Ranges
from server.journal import Journal

log = structlog.get_logger(__name__)

SNAPSHOT = "hub"
"""The name under which the journal keeps it."""
SNAPSHOT_ENTRIES = 5_000
"""From so many new entries on a snapshot is made; they are folded in a tenth of a second."""
_VERSION = 1

_Ranges = dict[int, tuple[bytes, bytes]]


class FrozenHoldings(msgspec.Struct, array_like=True, frozen=True):
    """``Holdings``, field by field; arrays as their bytes."""

    clocks: dict[int, int]
    owners: dict[int, str]
    deleted: _Ranges
    collected: _Ranges
    second_halves: dict[int, bytes]
    history_units: int
    deleted_units: int


class FrozenRoom(msgspec.Struct, array_like=True, frozen=True):
    """One room's document as one update, and what is known of it."""

    update: bytes
    holdings: FrozenHoldings


class FrozenLesson(msgspec.Struct, array_like=True, frozen=True):
    """Everything up to one entry: the entries that are no text ``(at, body)``, and each room's text."""

    version: int
    entries: list[tuple[int, bytes]]
    rooms: dict[str, FrozenRoom]


class _Head(msgspec.Struct, array_like=True, frozen=True):
    version: int


def freeze_lesson(entries: list[tuple[int, bytes]], rooms: dict[str, FrozenRoom]) -> FrozenLesson:
    """Put a snapshot together. What is given must not change while it is encoded, which may be in another thread."""
    return FrozenLesson(_VERSION, entries, rooms)


def freeze_holdings(holdings: Holdings) -> FrozenHoldings:
    """Copy holdings."""
    return FrozenHoldings(
        dict(holdings.clocks),
        dict(holdings.owners),
        _freeze_ranges(holdings.deleted),
        _freeze_ranges(holdings.collected),
        {client: clocks.tobytes() for client, clocks in holdings.second_halves.items()},
        holdings.history_units,
        holdings.deleted_units,
    )


def thaw_holdings(frozen: FrozenHoldings) -> Holdings:
    """Make the holdings anew. Raises ValueError for bytes that are not whole."""
    return Holdings(
        frozen.clocks,
        frozen.owners,
        _thaw_ranges(frozen.deleted),
        _thaw_ranges(frozen.collected),
        {client: _thaw_array(clocks) for client, clocks in frozen.second_halves.items()},
        frozen.history_units,
        frozen.deleted_units,
    )


async def load_snapshot(journal: Journal, lesson: str) -> tuple[int, FrozenLesson] | None:
    """Read the snapshot of a lesson and the seq it goes up to; None when there is none that can be used.

    Raises NotFound and Unavailable.
    """
    snapshot = await journal.snapshot(lesson, SNAPSHOT)
    if snapshot is None or snapshot.seq > await journal.latest(lesson):
        return None
    try:
        if msgspec.msgpack.decode(snapshot.data, type=_Head).version != _VERSION:
            return None
        return snapshot.seq, msgspec.msgpack.decode(snapshot.data, type=FrozenLesson)
    except msgspec.DecodeError:
        log.warning("snapshot.unreadable", lesson=lesson)
        return None


def _freeze_ranges(ranges: dict[int, Ranges]) -> _Ranges:
    return {client: (each.starts.tobytes(), each.ends.tobytes()) for client, each in ranges.items()}


def _thaw_ranges(ranges: _Ranges) -> dict[int, Ranges]:
    return {client: Ranges(_thaw_array(starts), _thaw_array(ends)) for client, (starts, ends) in ranges.items()}


def _thaw_array(data: bytes) -> array[int]:
    numbers = array("I")
    numbers.frombytes(data)
    return numbers
