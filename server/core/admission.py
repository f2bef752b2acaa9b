"""May this update enter this document?

The server's document engine would take much that harms others: an update that waits for ever for one that does not
exist, a root of another name, a forged author, an endless text. So each update is judged first, against what the
document already holds, and is admitted or refused whole. What is admitted integrates at once, in every peer, with
nothing left pending; the fuzz tests hold it to that.

One forgery passes: neighbours that both exist and never stood side by side. No length, owner or deletion becomes wrong
by it, but peers that receive the updates in different portions may show that text in different places (67 of 6,203
fuzzed rooms in stock Yjs, none of 1,500 honest ones). To find it takes the document's order and every writer's view.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

import msgspec

from server.core.update import GC, MAX_CLOCK, DeletedItem, Deletion, Id, Skip, Struct, TextItem, Update, decode_update
from server.core.wire import encode_state_vector, refusal
from server.errors import Forbidden, Malformed, Refused, TooLarge

ROOT: Final = "summary"
"""The one text of a document. Items with an origin are in it because the first item was."""

_MANY: Final = 16
"""From so many ranges on, merging two lists once is cheaper than inserting one by one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may hold; units are UTF-16 code units."""

    max_update_bytes: int
    max_document_units: int
    """Units in the text now."""
    max_history_units: int
    """Units ever written, deleted ones too: the engine keeps their places for ever."""
    max_clients: int = 4096
    """Client ids ever used. A page has a new one each time it is loaded, so this is a class reloading all day; without
    a limit an update of a megabyte could name 150,000."""


UNLIMITED: Final = Limits(max_update_bytes=2**53, max_document_units=2**32, max_history_units=2**32, max_clients=2**53)
"""For what is durable: it was admitted once, and must be again after someone has lowered a limit."""


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """The update is in the holdings from now on. The caller's next duty is to make it durable if it ``is_new``.

    One that is not new repeats what is held, which is ordinary after a reconnect; nobody needs to receive it.
    """

    update: Update
    is_new: bool


@dataclass(slots=True)
class Ranges:
    """A set of clocks as ranges: sorted, apart from each other, half-open."""

    # Arrays, not lists of tuples: 8 bytes a range against 120, for someone deletes every other character.
    starts: array[int] = field(default_factory=lambda: array("I"))
    ends: array[int] = field(default_factory=lambda: array("I"))

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Ranges:
        """Make a set of ranges in any order, overlapping or not."""
        starts, ends = array("I"), array("I")
        for start, end in sorted(ranges):
            if ends and start <= ends[-1]:
                ends[-1] = max(end, ends[-1])
            else:
                starts.append(start)
                ends.append(end)
        return cls(starts, ends)

    def overlap(self, start: int, end: int) -> int:
        """Count the clocks of a range that are in the set."""
        units = 0
        for i in range(bisect_right(self.ends, start), bisect_left(self.starts, end)):
            units += min(end, self.ends[i]) - max(start, self.starts[i])
        return units

    def difference(self, ranges: Ranges) -> tuple[int, list[tuple[int, int]]]:
        """Count the clocks of ``ranges`` that are not in the set, and name the ranges they are in."""
        units = 0
        lacking = []
        for start, end in ranges:
            new = end - start - self.overlap(start, end)
            if new:
                units += new
                lacking.append((start, end))
        return units, lacking

    def update(self, ranges: list[tuple[int, int]]) -> None:
        if len(ranges) < _MANY:
            for start, end in ranges:
                self.add(start, end)
        else:
            merged = Ranges.of([*self, *ranges])
            self.starts, self.ends = merged.starts, merged.ends

    def add(self, start: int, end: int) -> int:
        """Put a range into the set; count the clocks that were not in it."""
        starts, ends = self.starts, self.ends
        first = bisect_left(ends, start)
        last = bisect_right(starts, end)
        new = end - start
        if first == last:
            starts.insert(first, start)
            ends.insert(first, end)
        elif first + 1 == last:  # as under a held key
            new -= max(0, min(end, ends[first]) - max(start, starts[first]))
            if start < starts[first]:
                starts[first] = start
            if end > ends[first]:
                ends[first] = end
        else:
            new -= self.overlap(start, end)
            start, end = min(start, starts[first]), max(end, ends[last - 1])
            starts[first:last] = array("I", (start,))
            ends[first:last] = array("I", (end,))
        return new

    def __contains__(self, clock: int) -> bool:
        return self.overlap(clock, clock + 1) == 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, self.ends, strict=True)


@dataclass(slots=True)
class _Addition:
    """What an update would add to the holdings."""

    clocks: dict[int, int] = field(default_factory=dict)
    deleted: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    collected: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    second_halves: dict[int, array[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Holdings:
    """What one document holds, known from its admitted updates alone."""

    clocks: dict[int, int] = field(default_factory=dict)
    """The next clock of every client."""
    owners: dict[int, str] = field(default_factory=dict)
    """Whose each client id is: the author of the first update that brought a unit of it."""
    deleted: dict[int, Ranges] = field(default_factory=dict)
    """Units that are no longer in the text, by client."""
    collected: dict[int, Ranges] = field(default_factory=dict)
    """Units that came as GC. What is written beside one has no parent to inherit and would vanish."""
    second_halves: dict[int, array[int]] = field(default_factory=dict)
    """The clocks, ascending, at which the second half of a surrogate pair stands (😀 is two units).

    Nothing may part the halves: Yjs would replace each by U+FFFD, but the server's engine keeps the character in the
    first and still counts the second (pycrdt 0.14.13), so that it sends a late joiner another text than the room's.
    """
    history_units: int = 0
    """All units ever written."""
    deleted_units: int = 0

    @property
    def standing_units(self) -> int:
        """The length of the text."""
        return self.history_units - self.deleted_units

    def state_vector(self) -> bytes:
        return encode_state_vector(self.clocks)

    @classmethod
    def restore(cls, update: bytes, owners: Mapping[int, str], limits: Limits) -> Holdings:
        """Make the holdings of a document anew from all it holds, as one update, and the author of each client id.

        Raises Refused for an update that is not whole.
        """
        decoded = decode_update(update)
        if isinstance(decoded, Malformed):
            raise decoded
        holdings = cls(owners=dict(owners))
        holdings._admit_any(decoded, None, limits)
        return holdings

    def part(self, update: bytes, owners: Mapping[int, str]) -> Holdings:
        """Give the holdings as they were when the document held no more than ``update``, which is a part of all this.

        The same as from the beginning again, also in what a document forgets: where characters stood that are deleted.
        """
        part = Holdings.restore(update, owners, UNLIMITED)
        part.second_halves = {
            client: clocks
            for client, all_clocks in self.second_halves.items()
            if (clocks := all_clocks[: bisect_left(all_clocks, part.clocks.get(client, 0))])
        }
        return part

    def admit(self, update: bytes, author: str, limits: Limits, *, writable: bool = True) -> Admitted | Refused:
        """Take an update by ``author`` (a participant's id) into the holdings, or refuse it and change nothing.

        The holdings advance at once, so that the same client's next update is admitted before this one is durable;
        if it never becomes durable, drop the holdings and make them anew from the journal.

        Where the document is not ``writable`` now, only what repeats it is admitted: every reconnect does that.

        A keystroke takes 2.5 µs with its decoding, a backspace 3.5 (2026-11-22, Python 3.11, 2 shared cores).
        """
        if len(update) > limits.max_update_bytes:
            return TooLarge("This change is too large; paste it in smaller parts.", reason="update")
        decoded = decode_update(update)
        if isinstance(decoded, Malformed):
            return decoded
        if writable and self._admit_keystroke(decoded, author, limits):
            return Admitted(decoded, True)
        try:
            return Admitted(decoded, self._admit_any(decoded, author, limits, writable=writable))
        except Refused as error:
            return refusal(error)

    def count(self, update: Update, author: str) -> bool:
        """Take a durable update into the holdings, and tell whether it counts; one that does not changes nothing.

        Several processes admit to one journal, each by what it has received so far: two may let in the same client id
        for two authors. So an entry counts if what the entries before it made can admit it, for everyone who reads it.
        """
        if self._admit_keystroke(update, author, UNLIMITED):
            return True
        try:
            self._admit_any(update, author, UNLIMITED)
        except Refused:
            return False
        return True

    def _admit_keystroke(self, update: Update, author: str, limits: Limits) -> bool:
        """Take what one key does, by someone known beside something held; False leaves everything to `_admit_any`."""
        structs, deletions = update.structs, update.deletions
        if len(structs) + len(deletions) != 1:
            return False
        if deletions:
            return self._admit_backspace(deletions[0])
        item = structs[0]
        if not isinstance(item, TextItem) or item.root is not None or item.length != len(item.text):
            return False
        client, clocks = item.client, self.clocks
        if self.owners.get(client) != author or clocks.get(client) != item.clock:
            return False
        origin, right = item.origin, item.right_origin
        if origin is not None and origin.clock >= clocks.get(origin.client, 0):
            return False
        if right is not None and right.clock >= clocks.get(right.client, 0):
            return False
        if self.collected or (self.second_halves and _splits(self.second_halves, item)):
            return False
        history = self.history_units + item.length
        if history > limits.max_history_units or history - self.deleted_units > limits.max_document_units:
            return False
        clocks[client] += item.length
        self.history_units = history
        return True

    def _admit_backspace(self, deletion: Deletion) -> bool:
        """Take the deletion of one stretch of which something stood."""
        client, start, end = deletion.client, deletion.clock, deletion.clock + deletion.length
        if end > self.clocks.get(client, 0):
            return False
        halves = self.second_halves.get(client)
        if halves is not None and (_holds(halves, start) or _holds(halves, end)):
            return False
        ranges = self.deleted.get(client)
        if ranges is None:
            ranges = self.deleted[client] = Ranges()
        units = ranges.add(start, end)
        self.deleted_units += units
        return units > 0

    def _admit_any(self, update: Update, author: str | None, limits: Limits, *, writable: bool = True) -> bool:
        """Take an update, and tell whether it is new; raise what it is refused for, and change nothing."""
        addition = self._measure(update, author)
        self._require_order(update)
        self._require_neighbours(update, addition)
        self._require_deletions(update, addition)

        history = self.history_units + sum(end - self.clocks.get(c, 0) for c, end in addition.clocks.items())
        deleted_units = self.deleted_units
        deleted: dict[int, list[tuple[int, int]]] = {}
        for client, ranges in addition.deleted.items():
            units, deleted[client] = (self.deleted.get(client) or Ranges()).difference(Ranges.of(ranges))
            deleted_units += units
        if self.history_units < history > limits.max_history_units:
            raise TooLarge("This document has been changed too often; go on in a new one.", reason="history")
        if self.standing_units < history - deleted_units > limits.max_document_units:
            raise TooLarge("This document is full; shorten it first.", reason="document")
        if len(addition.clocks.keys() | self.clocks.keys()) > max(limits.max_clients, len(self.clocks)):
            raise TooLarge("Too many devices have written in this document; go on in a new one.", reason="clients")

        is_new = history > self.history_units or deleted_units > self.deleted_units
        if is_new and not writable:
            raise Forbidden("This text is closed for writing just now.", reason="locked")
        self.history_units = history
        self.deleted_units = deleted_units
        for client, end in addition.clocks.items():
            self.clocks[client] = end
            if author is not None:
                self.owners.setdefault(client, author)
        for client, clocks in addition.second_halves.items():
            self.second_halves.setdefault(client, array("I")).extend(clocks)
        for mine, theirs in ((self.deleted, deleted), (self.collected, addition.collected)):
            for client, ranges in theirs.items():
                mine.setdefault(client, Ranges()).update(ranges)
        return is_new

    def _measure(self, update: Update, author: str | None) -> _Addition:
        """Find the units that are new, and require that they follow those held and are the author's."""
        addition = _Addition()
        for struct in update.structs:
            client = struct.client
            held = addition.clocks.get(client, self.clocks.get(client, 0))
            if isinstance(struct, Skip) or struct.clock > held:
                raise Malformed("An earlier change is missing; open the document again.", reason="gap")
            if isinstance(struct, TextItem | DeletedItem) and struct.root not in (None, ROOT):
                raise Malformed("The text of a document is its root '{root}'; write there.", reason="root", root=ROOT)
            end = struct.clock + struct.length
            if end <= held:
                continue
            if author is not None and self.owners.get(client, author) != author:
                raise foreign_client()
            addition.clocks[client] = end
            if struct.clock < held and not isinstance(struct, GC) and held - 1 in self.collected.get(client, ()):
                raise _nothing_there()  # the part that is new goes beside the part that is held
            match struct:
                case TextItem():
                    if struct.length != len(struct.text):
                        halves = array("I", _second_halves(struct))
                        if held in halves:
                            raise _split_character()
                        addition.second_halves.setdefault(client, array("I")).extend(h for h in halves if h > held)
                case DeletedItem():
                    addition.deleted.setdefault(client, []).append((held, end))
                case GC():
                    addition.deleted.setdefault(client, []).append((held, end))
                    addition.collected.setdefault(client, []).append((held, end))
                case _:
                    assert_never(struct)
        return addition

    def _require_order(self, update: Update) -> None:
        """Require that every item can be put beside its neighbours: that they are held, or integrated before it.

        This walks the sections as a receiving document does: when an item needs one from another section, that section
        goes first, as far as needed. Each struct is passed once, so the time is linear in the update's size. Clocks
        alone would not do: two new items that each claim to follow the other would wait for ever.
        """
        rest: dict[int, list[Struct]] = {}
        for struct in reversed(update.structs):
            rest.setdefault(struct.client, []).append(struct)
        reached: dict[int, int] = {}
        for first in rest:
            path = [(first, MAX_CLOCK)]
            entered = {first}
            while path:
                client, wanted = path[-1]
                needed = None
                while rest[client] and needed is None and reached.get(client, 0) <= wanted:
                    struct = rest[client][-1]
                    needed = self._needed(struct, reached)
                    if needed is None:
                        reached[client] = struct.clock + struct.length
                        rest[client].pop()
                if needed is None:
                    path.pop()
                    entered.discard(client)
                elif needed.client in entered or not rest.get(needed.client):
                    raise _nothing_there()
                else:
                    path.append((needed.client, needed.clock))
                    entered.add(needed.client)

    def _needed(self, struct: Struct, reached: Mapping[int, int]) -> Id | None:
        """Find a neighbour that is neither held nor ``reached``."""
        for neighbour in _neighbours(struct):
            if neighbour.client == struct.client and neighbour.clock >= struct.clock:
                return neighbour
            if neighbour.clock >= max(reached.get(neighbour.client, 0), self.clocks.get(neighbour.client, 0)):
                return neighbour
        return None

    def _require_neighbours(self, update: Update, addition: _Addition) -> None:
        """Require that no item stands beside a collected unit or between the halves of a character."""
        collected = {client: Ranges.of(ranges) for client, ranges in addition.collected.items()}
        if not (self.collected or collected or self.second_halves or addition.second_halves):
            return
        for struct in update.structs:
            for neighbour in _neighbours(struct):
                for known in (self.collected.get(neighbour.client), collected.get(neighbour.client)):
                    if known is not None and neighbour.clock in known:
                        raise _nothing_there()
            if isinstance(struct, TextItem | DeletedItem) and (
                _splits(self.second_halves, struct) or _splits(addition.second_halves, struct)
            ):
                raise _split_character()

    def _require_deletions(self, update: Update, addition: _Addition) -> None:
        for deletion in update.deletions:
            client, start, end = deletion.client, deletion.clock, deletion.clock + deletion.length
            if end > addition.clocks.get(client, self.clocks.get(client, 0)):
                raise Malformed("This change deletes text that is not there; open it again.", reason="unknown_deletion")
            for halves in (self.second_halves.get(client), addition.second_halves.get(client)):
                if _holds(halves, start) or _holds(halves, end):
                    raise _split_character()
            addition.deleted.setdefault(client, []).append((start, end))


def stands_apart(update: Update, beginnings: Mapping[int, int]) -> bool:
    """Tell whether an update has nothing to do with units that begin, by client, at these clocks.

    Then it counts or does not count whether they are held or not; and so do they, whether it is held or not.
    """
    for struct in update.structs:
        beginning = beginnings.get(struct.client)
        if beginning is not None and struct.clock + struct.length > beginning:
            return False
        for neighbour in _neighbours(struct):
            beginning = beginnings.get(neighbour.client)
            if beginning is not None and neighbour.clock >= beginning:
                return False
    for deletion in update.deletions:
        beginning = beginnings.get(deletion.client)
        if beginning is not None and deletion.clock + deletion.length > beginning:
            return False
    return True


def _neighbours(struct: Struct) -> tuple[Id, ...]:
    if not isinstance(struct, TextItem | DeletedItem):
        return ()
    return tuple(neighbour for neighbour in (struct.origin, struct.right_origin) if neighbour is not None)


def _second_halves(item: TextItem) -> Iterator[int]:
    clock = item.clock
    for character in item.text:
        clock += 1
        if character > "\uffff":
            yield clock
            clock += 1


def _splits(second_halves: Mapping[int, array[int]], item: TextItem | DeletedItem) -> bool:
    """Tell whether an item stands between the two halves of a character."""
    origin, right_origin = item.origin, item.right_origin
    if origin is not None and _holds(second_halves.get(origin.client), origin.clock + 1):
        return True
    return right_origin is not None and _holds(second_halves.get(right_origin.client), right_origin.clock)


def _holds(clocks: array[int] | None, clock: int) -> bool:
    if clocks is None:
        return False
    i = bisect_left(clocks, clock)
    return i < len(clocks) and clocks[i] == clock


def foreign_client() -> Forbidden:
    return Forbidden("This client id is another participant's; use a new one.", reason="foreign_client")


def _nothing_there() -> Malformed:
    return Malformed("This change builds on text that is not there; open it again.", reason="unknown_origin")


def _split_character() -> Malformed:
    return Malformed("This change splits a character in two; insert or delete it whole.", reason="split_character")
