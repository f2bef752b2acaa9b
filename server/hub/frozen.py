"""The form in which what a hub has folded of a lesson is kept.

Holdings are kept as they are and not made from the document: it forgets where characters stood that are deleted, and
whether an entry counts may depend on that, in every process alike.
"""

from __future__ import annotations

from array import array

import msgspec

from server.core.admission import Holdings, Ranges

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


def _freeze_ranges(ranges: dict[int, Ranges]) -> _Ranges:
    return {client: (each.starts.tobytes(), each.ends.tobytes()) for client, each in ranges.items()}


def _thaw_ranges(ranges: _Ranges) -> dict[int, Ranges]:
    return {client: Ranges(_thaw_array(starts), _thaw_array(ends)) for client, (starts, ends) in ranges.items()}


def _thaw_array(data: bytes) -> array[int]:
    numbers = array("I")
    numbers.frombytes(data)
    return numbers
