"""The text of one room with the author of every character: a replica of the Yjs text ``summary``.

Runs stand in document order in a linked list, each a stretch of units that one client wrote one after another. They are
integrated as Yjs does it (the YATA algorithm), so that every replica of a room has the same text in the same order,
whatever the order in which updates came. Only updates that ``admission`` let in come here: what they build on is known.

A run's author is whose words they are, which need not be who put them there (P5).

Source: yjs 13.6, ``src/structs/Item.js``, ``ContentString.js``; Nicolaescu et al., "Near Real-Time Peer-to-Peer Shared
Editing on Extensible Data Types" (GROUP 2016).
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from server.core.update import DeletedItem, Id, Struct, TextItem, utf16_length

Passage = list[tuple[str, str]]
"""A piece of text as (author, text) pairs in document order."""


class Run:
    """``length`` UTF-16 units that ``client`` wrote from ``clock`` on. A deleted run keeps its place, not its text."""

    __slots__ = (
        "author", "client", "clock", "collected", "deleted", "left", "length", "origin", "right", "right_origin",
        "text",
    )  # fmt: skip

    def __init__(
        self, client: int, clock: int, length: int, text: str, author: str, origin: Id | None, right_origin: Id | None
    ) -> None:
        self.client = client
        self.clock = clock
        self.length = length
        self.text = text
        self.author = author
        self.deleted = not text
        self.collected = False
        self.origin = origin
        self.right_origin = right_origin
        self.left: Run | None = None
        self.right: Run | None = None

    @property
    def end(self) -> int:
        """The clock after the last unit."""
        return self.clock + self.length

    def holds(self, unit: Id) -> bool:
        return self.client == unit.client and self.clock <= unit.clock < self.clock + self.length


class _Written:
    """The runs of one client by clock, without a gap; ``clocks`` are their first clocks."""

    __slots__ = ("client", "clocks", "next", "runs")

    def __init__(self, client: int) -> None:
        self.client = client
        self.clocks: list[int] = []
        self.runs: list[Run] = []
        self.next = 0

    def index(self, clock: int) -> int:
        return bisect_right(self.clocks, clock) - 1


class Replica:
    """One flat text, integrated from the structs and deletions of admitted updates, in any order admission allows."""

    __slots__ = ("_clients", "_last", "first", "standing")

    def __init__(self) -> None:
        self._clients: dict[int, _Written] = {}
        self.first: Run | None = None
        """Where the text begins; follow ``Run.right``, past runs that are deleted."""
        self._last: Run | None = None
        self.standing: Counter[str] = Counter()
        """UTF-16 units in the text by author (P8); an author whose last unit was deleted stays, with 0."""

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def runs(self) -> Iterator[Run]:
        """Give the runs that stand, in document order."""
        run = self.first
        while run is not None:
            if not run.deleted:
                yield run
            run = run.right

    def passage(self) -> Passage:
        """Give the whole text by author; neighbours always differ in author."""
        passage: Passage = []
        author, texts = "", [""]
        run = self.first
        while run is not None:  # written out: of all reading, this walk is what costs
            if run.text:
                if run.author != author:
                    passage.append((author, "".join(texts)))
                    author, texts = run.author, []
                texts.append(run.text)
            run = run.right
        passage.append((author, "".join(texts)))
        return passage[1:]

    def ending(self, characters: int) -> Passage:
        """Give the last ``characters`` of the text by author."""
        pieces: Passage = []
        run = self._last
        while run is not None and characters > 0:
            if not run.deleted:
                text = run.text[-characters:]
                characters -= len(text)
                if pieces and pieces[-1][0] == run.author:
                    text += pieces.pop()[1]
                pieces.append((run.author, text))
            run = run.left
        return pieces[::-1]

    def text(self) -> str:
        return "".join([run.text for run in self.runs()])

    def known(self, client: int) -> int:
        """Give the client's next clock: every unit before it is here."""
        written = self._clients.get(client)
        return written.next if written is not None else 0

    def ready(self, structs: Sequence[Struct]) -> Iterator[Struct]:
        """Give an update's structs in an order in which what each is written beside is here; take each before the next.

        Sections come by client, and one client's text may lean on another's in the same update.
        """
        if len(structs) == 1:
            yield structs[0]
            return
        sections: dict[int, deque[Struct]] = {}
        for struct in structs:
            sections.setdefault(struct.client, deque()).append(struct)
        waiting = len(structs) + 1
        while waiting > (waiting := sum(map(len, sections.values()))):
            for section in sections.values():
                while section and self._has_neighbours(section[0]):
                    yield section.popleft()

    def _has_neighbours(self, struct: Struct) -> bool:
        if not isinstance(struct, TextItem | DeletedItem):
            return True
        return all(
            near is None or near.clock < self.known(near.client) or near.client == struct.client
            for near in (struct.origin, struct.right_origin)
        )

    def unit_before(self, origin: Id | None) -> tuple[str, str] | None:
        """Give author and character of the unit ``origin`` names or, when it is deleted, of the next on its left."""
        if origin is None:
            return None
        run: Run | None = self._find(origin)
        if run is not None and not run.deleted:
            last = origin.clock + 1 == run.end
            return run.author, run.text[-1] if last else cut(run.text, origin.clock + 1 - run.clock)[0][-1]
        while run is not None and run.deleted:
            run = run.left
        return (run.author, run.text[-1]) if run is not None else None

    def author_after(self, right_origin: Id | None) -> str | None:
        """Give the author of the unit that ``right_origin`` names or, when it is deleted, of the next on its right."""
        run = self._find(right_origin) if right_origin is not None else None
        while run is not None and run.deleted:
            run = run.right
        return run.author if run is not None else None

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def type_on(self, item: TextItem, author: str) -> bool:
        """Take text that goes on where its client wrote last, as nearly all does; False leaves it to `insert`.

        What goes on a run and has the run's right origin is placed right behind it, unless somebody else has written
        behind the same unit at the same time: then, and only then, does `_place` look any further.
        """
        written = self._clients.get(item.client)
        if written is None:
            return False
        clock, origin, run = item.clock, item.origin, written.runs[-1]
        if clock != written.next or origin is None or origin.clock != clock - 1 or origin.client != item.client:
            return False
        if run.deleted or run.author != author or run.right_origin != item.right_origin:
            return False
        right = run.right
        if right is not None and right.origin == origin:
            return False
        length = item.length
        run.text += item.text
        run.length += length
        written.next = clock + length
        self.standing[author] += length
        return True

    def insert(self, item: TextItem | DeletedItem, author: str) -> int:
        """Put an item in its place; give the number of units that were new: what is known already is passed over."""
        written = self._written(item.client)
        new = item.clock + item.length - written.next
        if new <= 0:
            return 0
        text = item.text if isinstance(item, TextItem) else ""
        origin = item.origin
        if item.clock < written.next:
            text = cut(text, item.length - new)[1] if text else ""
            origin = Id(item.client, written.next - 1)
        if any(near is not None and self._find(near).collected for near in (origin, item.right_origin)):
            self.collect(item.client, item.clock, item.length)
            return 0
        # Every update brings its own copies of its author and its clients: one of each is kept, of a third of a run.
        author = sys.intern(author)
        run = Run(written.client, written.next, new, text, author, self._kept(origin), self._kept(item.right_origin))
        left = self._ending_at(origin) if origin is not None else None
        right = self._starting_at(item.right_origin) if item.right_origin is not None else None
        self._link(run, self._place(run, left, right))
        written.clocks.append(run.clock)
        written.runs.append(run)
        written.next += new
        if text:
            self.standing[author] += new
        return new

    def collect(self, client: int, clock: int, length: int) -> None:
        """Take units of which only the numbers remain; what claims a place beside them has none either, as in Yjs."""
        written = self._written(client)
        new = clock + length - written.next
        if new > 0:
            written.clocks.append(written.next)
            run = Run(client, written.next, new, "", "", None, None)
            run.collected = True
            written.runs.append(run)
            written.next += new

    def delete(self, client: int, clock: int, length: int) -> list[tuple[Run, str]]:
        """Delete units; give the runs that stood until now with their text, by clock."""
        gone = []
        for run in self.stretch(client, clock, length):
            gone.append((run, run.text))
            self.standing[run.author] -= run.length
            run.deleted = True
            run.text = ""
        return gone

    def stretch(self, client: int, clock: int, length: int) -> list[Run]:
        """Give the runs that stand and hold just these units, by clock; runs that reach over an end are split there."""
        written = self._clients.get(client)
        if written is None:
            return []
        found = []
        end = min(clock + length, written.next)
        while clock < end:
            index = written.index(clock)
            run = written.runs[index]
            if not run.deleted:
                if run.clock < clock:
                    run = self._split(written, index, clock - run.clock)
                    index += 1
                if run.end > end:
                    self._split(written, index, end - run.clock)
                found.append(run)
            clock = run.end
        return found

    def ascribe(self, runs: list[Run], passage: Passage) -> None:
        """Say whose words these runs, in order, are: ``passage`` is the same text with its authors."""
        pieces = deque(passage)
        for first in runs:
            run: Run | None = first
            while run is not None:
                author, text = pieces.popleft()
                rest = None
                if len(text) < len(run.text):
                    written = self._clients[run.client]
                    rest = self._split(written, written.index(run.clock), utf16_length(text))
                elif len(text) > len(run.text):
                    pieces.appendleft((author, text[len(run.text) :]))
                self.standing[run.author] -= run.length
                self.standing[author] += run.length
                run.author = author
                run = rest

    def close_up(self, deleted: Iterable[Run]) -> None:
        """Make one run of those that are deleted, stand side by side and follow one another, as Yjs does.

        Call it with what `delete` gave when that is no longer needed: of what a held key deletes one run is left.
        """
        for run in deleted:
            if run.left is not None and _continues(run.left, run):
                run = self._join(run.left, run)
            if run.right is not None and _continues(run, run.right):
                self._join(run, run.right)

    # ── The linked list ─────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, unit: Id) -> Run:
        written = self._clients[unit.client]
        return written.runs[written.index(unit.clock)]

    def _ending_at(self, unit: Id) -> Run:
        """Give the run whose last unit this is, after a split if need be."""
        written = self._clients[unit.client]
        index = written.index(unit.clock)
        run = written.runs[index]
        if unit.clock + 1 < run.end:
            self._split(written, index, unit.clock + 1 - run.clock)
        return run

    def _starting_at(self, unit: Id) -> Run:
        written = self._clients[unit.client]
        index = written.index(unit.clock)
        run = written.runs[index]
        return self._split(written, index, unit.clock - run.clock) if run.clock < unit.clock else run

    def _split(self, written: _Written, index: int, units: int) -> Run:
        """Split the run at ``index`` after so many units; give the second part."""
        run = written.runs[index]
        text, rest = cut(run.text, units) if run.text else ("", "")
        clock = run.clock + units
        second = Run(
            run.client, clock, run.length - units, rest, run.author, Id(run.client, clock - 1), run.right_origin
        )
        run.length, run.text = units, text
        self._link(second, run)
        written.clocks.insert(index + 1, clock)
        written.runs.insert(index + 1, second)
        return second

    def _join(self, run: Run, second: Run) -> Run:
        run.length += second.length
        run.right = second.right
        if second.right is None:
            self._last = run
        else:
            second.right.left = run
        second.left = second.right = None
        written = self._clients[run.client]
        index = written.index(second.clock)
        del written.clocks[index], written.runs[index]
        return run

    def _written(self, client: int) -> _Written:
        written = self._clients.get(client)
        if written is None:
            written = self._clients[client] = _Written(client)
        return written

    def _kept(self, unit: Id | None) -> Id | None:
        return None if unit is None else Id(self._clients[unit.client].client, unit.clock)

    def _link(self, run: Run, left: Run | None) -> None:
        run.left = left
        run.right = self.first if left is None else left.right
        if left is None:
            self.first = run
        else:
            left.right = run
        if run.right is None:
            self._last = run
        else:
            run.right.left = run

    def _place(self, run: Run, left: Run | None, right: Run | None) -> Run | None:
        """Find what a new run stands right of: among those that others wrote at the same place, the order is by client.

        The names and the steps are those of ``Item.integrate`` in Yjs.
        """
        other = self.first if left is None else left.right
        if other is None or other is right or other.origin != run.origin:
            return left
        conflicting: set[Run] = set()
        before_origin: set[Run] = set()
        while other is not None and other is not right:
            before_origin.add(other)
            conflicting.add(other)
            if other.origin == run.origin:
                if other.client < run.client:
                    left = other
                    conflicting.clear()
                elif other.right_origin == run.right_origin:
                    break
            elif other.origin is not None and (source := self._find(other.origin)) in before_origin:
                if source not in conflicting:
                    left = other
                    conflicting.clear()
            else:
                break
            other = other.right
        return left


def _continues(run: Run, second: Run) -> bool:
    """Tell whether two neighbours, both deleted, can be one run."""
    return (
        run.deleted
        and second.deleted
        and second.client == run.client
        and second.clock == run.end
        and second.right_origin == run.right_origin
        and second.origin == Id(run.client, run.end - 1)
    )


def stretches(runs: Iterable[Run]) -> list[list[Run]]:
    """Group runs between which nothing else stands, each group in document order."""
    waiting = dict.fromkeys(runs)
    groups = []
    while waiting:
        run = next(iter(waiting))
        del waiting[run]
        group = deque([run])
        if waiting:
            other = run.left
            while other is not None and (other.deleted or other in waiting):
                if other in waiting:
                    del waiting[other]
                    group.appendleft(other)
                other = other.left
            other = run.right
            while other is not None and (other.deleted or other in waiting):
                if other in waiting:
                    del waiting[other]
                    group.append(other)
                other = other.right
        groups.append(list(group))
    return groups


def cut(text: str, units: int) -> tuple[str, str]:
    """Cut a text after so many UTF-16 units; a surrogate pair that is parted leaves U+FFFD on both sides, as in Yjs."""
    if text.isascii():
        return text[:units], text[units:]
    data = text.encode("utf-16-le", "surrogatepass")
    first, second = data[: 2 * units], data[2 * units :]
    if 0xD8 <= first[-1] <= 0xDB:
        first, second = first[:-2] + b"\xfd\xff", b"\xfd\xff" + second[2:]
    return first.decode("utf-16-le", "surrogatepass"), second.decode("utf-16-le", "surrogatepass")
