"""The slots in which someone worked on a text (P2): a set of indexes that nearly always grows at its end."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Set


class Slots(Set[int]):
    """A sorted array: an hour of work takes 1.5 kB where a ``set`` takes 28, and a window of it is counted at once."""

    __slots__ = ("_indexes",)

    def __init__(self, indexes: Iterable[int] = ()) -> None:
        self._indexes = array("i")
        for index in indexes:
            self.add(index)

    def add(self, index: int) -> None:
        indexes = self._indexes
        if not indexes or index > indexes[-1]:
            indexes.append(index)
        elif index != indexes[-1]:
            place = bisect_left(indexes, index)
            if indexes[place] != index:
                indexes.insert(place, index)

    def count(self, window: range) -> int:
        """Count those in a window."""
        return bisect_left(self._indexes, window.stop) - bisect_left(self._indexes, window.start)

    def __contains__(self, index: object) -> bool:
        return index in self._indexes

    def __iter__(self) -> Iterator[int]:
        return iter(self._indexes)

    def __len__(self) -> int:
        return len(self._indexes)

    def __repr__(self) -> str:
        return f"Slots({list(self)})"
