"""Whose words stand in a room's text, when each person worked on it, and who built on whom.

Fold every admitted update of a room through `Authorship.take`. Rules P1 to P6, P8 and P9 of measuring participation.

- Amounts of text are UTF-16 units, as Yjs counts them; amounts of work are slots of ten seconds (P2).
- Items of one update that stand side by side count as one inserted run for P4 and P5: when the deletion of a sentence
  that several people wrote is undone, Yjs writes one item for each piece.
- The units of P6 are those that the update inserted, restored text aside, and those it deleted.
- A paragraph is a line. An insertion that begins with a line break starts a new one and so builds on nobody (P9).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from operator import attrgetter
from typing import Final, Literal, assert_never

import msgspec

from server.core.events import SYSTEM_AUTHOR, TEACHER_AUTHOR
from server.core.replica import Passage, Replica, Run, stretches
from server.core.slots import Slots
from server.core.update import GC, DeletedItem, Deletion, Id, Skip, TextItem, Update, utf16_length

SLOT_SECS: Final = 10
ONE_GO_UNITS: Final = 15
REMEMBERED_SECS: Final = 600
OFFLINE_UNITS_PER_SLOT: Final = 20
EVIDENCE_KEPT: Final = 500
DELETED_KEPT: Final = 200  # passages of ONE_GO_UNITS or more; a room deletes one every few seconds at most
BURST_REACH_RUNS: Final = 50  # tombstones passed over to see whether two deletions were side by side

Label = Literal["added in one go", "moved", "restored", "written offline"]


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """A labelled stretch of text (P4 to P6): ``length`` units of ``client`` from ``clock`` on, at ``at`` (ms)."""

    participant: str
    at: int
    kind: Label
    client: int
    clock: int
    length: int


@dataclass(slots=True)
class Contribution:
    """What one person did in one room."""

    slots: Slots = field(default_factory=Slots)
    """Indexes of the ten-second slots in which they worked on the text (P2); the count is ``x``."""
    inserted: int = 0
    """UTF-16 units written, restored ones aside."""
    deleted: int = 0
    """UTF-16 units deleted, whosever they were."""
    builds_on: dict[str, Slots] = field(default_factory=dict)
    """The slots in which they built on or edited somebody else (P9)."""
    added_in_one_go: int = 0
    restored: int = 0
    offline: int = 0
    """How often each label was earned."""


@dataclass(slots=True)
class _Deleted:
    """A passage that one person deleted, at once or bit by bit; ``head`` and ``tail`` are its first and last unit."""

    at: int
    head: Id
    tail: Id
    passage: Passage
    units: int


@dataclass(slots=True)
class _Written:
    """An item of which the last ``new`` units were new, and whom it builds on or edits."""

    item: TextItem
    new: int
    touched: set[str]
    restored: bool = False

    @property
    def start(self) -> int:
        """The clock of its first new unit."""
        return self.item.clock + self.item.length - self.new

    @property
    def end(self) -> int:
        return self.item.clock + self.item.length


@dataclass(slots=True)
class _Operation:
    """What an update did to the text, before it is known what of it counts."""

    written: list[_Written] = field(default_factory=list)
    gone: list[tuple[Run, str]] = field(default_factory=list)


class Authorship:
    """The text of one room, and everyone's part in it."""

    __slots__ = ("_bursts", "_deleted", "_started_at", "contributions", "evidence", "last_at", "replica")

    def __init__(self, started_at: int) -> None:
        """``started_at`` is the beginning of the lesson in ms: slot 0 begins then."""
        self._started_at = started_at
        self._bursts: dict[str, _Deleted] = {}
        self._deleted: list[_Deleted] = []
        self.replica = Replica()
        self.contributions: dict[str, Contribution] = {}
        self.evidence: list[Evidence] = []
        self.last_at: int | None = None
        """When anyone last earned a unit, in ms."""

    def take(self, update: Update, author: str, at: int, away_secs: float | None = None) -> None:
        """Fold one admitted update; ``away_secs`` is set for what was written while disconnected (P6)."""
        structs, deletions = update.structs, update.deletions
        if away_secs is not None or len(structs) + len(deletions) != 1:
            self._take_any(update, author, at, away_secs)
        elif deletions:
            self._take_backspace(deletions[0], author, at)
        elif isinstance(item := structs[0], TextItem) and item.length < ONE_GO_UNITS:
            self._take_key(item, author, at)
        else:
            self._take_any(update, author, at, away_secs)

    def _take_key(self, item: TextItem, author: str, at: int) -> None:
        """Fold a short insertion: neither moved nor restored nor added in one go, and most often typed on."""
        if self.replica.type_on(item, author):
            self._score(author, at, item.length, 0, (), None)
        else:
            touched = self._neighbours(item, author)
            self._score(author, at, self.replica.insert(item, author), 0, touched, None)

    def _take_backspace(self, deletion: Deletion, author: str, at: int) -> None:
        gone = self.replica.delete(deletion.client, deletion.clock, deletion.length)
        if gone:
            self._remember(author, gone, at)
            deleted = sum([run.length for run, _ in gone])
            self._score(author, at, 0, deleted, {run.author for run, _ in gone}, None)
            self.replica.close_up(run for run, _ in gone)

    def _take_any(self, update: Update, author: str, at: int, away_secs: float | None) -> None:
        large = sum([s.length for s in update.structs if isinstance(s, TextItem)]) >= ONE_GO_UNITS
        # The only walk through a whole text: 0.03 ms for a page of it, 2 ms for 100,000 characters.
        standing = self.replica.passage() if large else []
        operation = self._integrate(update, author)
        if operation.gone:
            self._remember(author, operation.gone, at)

        if large or away_secs is not None:
            self._label(operation.written, standing, author, at, away_secs is not None)
        fresh = [written for written in operation.written if not written.restored]
        # What a move deletes is part of the move, and that scores nothing (P5).
        gone = operation.gone if len(fresh) == len(operation.written) else []
        edited = {run.author for run, _ in gone}.union(*(written.touched for written in fresh))
        inserted, deleted = sum(written.new for written in fresh), sum(run.length for run, _ in gone)
        self._score(author, at, inserted, deleted, edited, away_secs)
        self.replica.close_up(run for run, _ in operation.gone)

    def _integrate(self, update: Update, author: str) -> _Operation:
        replica = self.replica
        operation = _Operation()
        known = {struct.client: replica.known(struct.client) for struct in update.structs}
        for struct in replica.ready(update.structs):
            match struct:
                case TextItem():
                    touched = self._neighbours(struct, author)
                    new = struct.length if replica.type_on(struct, author) else replica.insert(struct, author)
                    if new:
                        operation.written.append(_Written(struct, new, touched))
                case DeletedItem():
                    replica.insert(struct, author)
                case GC():
                    replica.collect(struct.client, struct.clock, struct.length)
                case Skip():
                    pass  # admission lets none in
                case _:
                    assert_never(struct)
        for deletion in update.deletions:
            start, end = deletion.clock, deletion.clock + deletion.length
            # A deletion counts for what stood until this update (P1), so not for what came with it.
            old = max(start, min(end, known.get(deletion.client, end)))
            operation.gone += replica.delete(deletion.client, start, old - start)
            replica.delete(deletion.client, old, end - old)
        return operation

    def _neighbours(self, item: TextItem, author: str) -> set[str]:
        """Tell whom an item that is about to be inserted builds on or edits (P9)."""
        if item.origin is None or item.clock < self.replica.known(item.client):
            return set()
        left = self.replica.unit_before(item.origin)
        if left is None or left[0] == author:
            return set()
        same_paragraph = left[1] != "\n" and not item.text.startswith("\n")
        if same_paragraph or left[0] == self.replica.author_after(item.right_origin):
            return {left[0]}
        return set()

    def _label(self, written: list[_Written], standing: Passage, author: str, at: int, offline: bool) -> None:
        """Find what was moved or restored, give it back to its authors (P5), and label the rest (P4, P6)."""
        sources: dict[Run, list[_Written]] = {}
        for following in _followings(written):
            start, end = following[0].start, following[-1].end
            runs = self.replica.stretch(following[0].item.client, start, end - start)
            sources |= dict.fromkeys(runs, following)
        for group in stretches(sources):
            text = "".join([run.text for run in group])
            passage: Passage | None = None
            kind: Label | None = None
            if utf16_length(text) >= ONE_GO_UNITS:
                passage, kind = _excerpt(standing, text), "moved"
                if passage is None:
                    passage, kind = self._recall(group, text, at)
                if passage is None:
                    kind = "added in one go"
            if offline and passage is None:
                kind = "written offline"
            if kind is not None and author not in (TEACHER_AUTHOR, SYSTEM_AUTHOR):
                self.evidence += [Evidence(author, at, kind, run.client, run.clock, run.length) for run in group]
                del self.evidence[:-EVIDENCE_KEPT]
                contribution = self._contribution(author)
                contribution.added_in_one_go += kind == "added in one go"
                contribution.restored += passage is not None
            if passage is not None:
                for run in group:
                    first = bisect_right(sources[run], run.clock, key=_start) - 1
                    for source in islice(sources[run], first, bisect_left(sources[run], run.end, key=_start)):
                        source.restored = True
                self.replica.ascribe(group, passage)

    def _recall(self, group: list[Run], text: str, at: int) -> tuple[Passage | None, Label]:
        """Find a text among those deleted in the last ten minutes, and tell whether it came back or went elsewhere."""
        since = at - REMEMBERED_SECS * 1000
        for deleted in (*self._bursts.values(), *reversed(self._deleted)):
            if deleted.at >= since:
                passage = _excerpt(deleted.passage, text)
                if passage is not None:
                    whole = deleted.units == utf16_length(text)
                    return passage, "moved" if whole and not _in_place(group, deleted) else "restored"
        return None, "restored"

    def _remember(self, author: str, gone: list[tuple[Run, str]], at: int) -> None:
        """Keep what was deleted; a passage that goes bit by bit, as under a held key, is kept as one."""
        texts = dict(gone)
        for group in stretches(texts) if len(gone) > 1 else [[gone[0][0]]]:
            first, last = group[0], group[-1]
            head, tail = Id(first.client, first.clock), Id(last.client, last.end - 1)
            passage = [(run.author, texts[run]) for run in group]
            units = sum(run.length for run in group)
            burst = self._bursts.get(author)
            if burst is not None and _beside(last, burst.head, rightwards=True):
                burst.passage = _joined(passage, burst.passage)
                burst.head, burst.at, burst.units = head, at, burst.units + units
            elif burst is not None and _beside(first, burst.tail, rightwards=False):
                burst.passage = _joined(burst.passage, passage)
                burst.tail, burst.at, burst.units = tail, at, burst.units + units
            else:
                if burst is not None and burst.units >= ONE_GO_UNITS:
                    self._deleted.append(burst)
                    del self._deleted[:-DELETED_KEPT]
                self._bursts[author] = _Deleted(at, head, tail, passage, units)

    def _score(
        self, author: str, at: int, inserted: int, deleted: int, edited: set[str] | tuple[()], away_secs: float | None
    ) -> None:
        if inserted + deleted == 0 or author in (TEACHER_AUTHOR, SYSTEM_AUTHOR):
            return
        contribution = self._contribution(author)
        contribution.inserted += inserted
        contribution.deleted += deleted
        self.last_at = at
        slot = (at - self._started_at) // (SLOT_SECS * 1000)
        if away_secs is None:
            contribution.slots.add(slot)
        else:
            contribution.offline += 1
            for free in self._offline_slots(contribution.slots, at, slot, inserted + deleted, away_secs):
                contribution.slots.add(free)
        for other in edited:
            if other not in (author, TEACHER_AUTHOR, SYSTEM_AUTHOR):
                contribution.builds_on.setdefault(other, Slots()).add(slot)

    def _contribution(self, author: str) -> Contribution:
        contribution = self.contributions.get(author)
        if contribution is None:
            contribution = self.contributions[author] = Contribution()
        return contribution

    def _offline_slots(self, own: Slots, at: int, slot: int, units: int, away_secs: float) -> list[int]:
        """Choose the slots of what was written while disconnected (P6), the latest of that time that are still free.

        A slot that is the author's already is not given twice, so that a connection that comes and goes earns no more
        than one that holds.
        """
        score = max(1, min(ceil(units / OFFLINE_UNITS_PER_SLOT), int(away_secs // SLOT_SECS)))
        first = (at - int(away_secs * 1000) - self._started_at) // (SLOT_SECS * 1000)
        free = [index for index in range(slot, max(first, 0) - 1, -1) if index not in own]
        return free[:score]


_start = attrgetter("start")


def _followings(written: list[_Written]) -> list[list[_Written]]:
    """Group items that follow one another by clock.

    Looked at one by one, each would be split off what was typed on: of a merged update, which holds an item for every
    key, a run a key would be left.
    """
    followings: list[list[_Written]] = []
    for each in written:
        last = followings[-1][-1] if followings else None
        if last is not None and last.item.client == each.item.client and last.end == each.start:
            followings[-1].append(each)
        else:
            followings.append([each])
    return followings


def _joined(before: Passage, after: Passage) -> Passage:
    """Put two passages together; what a held key deletes, unit by unit, is one piece."""
    (author, text), (next_author, next_text) = before[-1], after[0]
    if author != next_author:
        return before + after
    return [*before[:-1], (author, text + next_text), *after[1:]]


def _excerpt(passage: Passage, text: str) -> Passage | None:
    """Cut a text out of a passage with its authors; None if it is not there."""
    start = "".join([piece for _, piece in passage]).find(text)
    if start < 0:
        return None
    end = start + len(text)
    excerpt: Passage = []
    for author, piece in passage:
        if start < len(piece) and end > 0:
            excerpt.append((author, piece[max(start, 0) : end]))
        start -= len(piece)
        end -= len(piece)
    return excerpt


def _in_place(group: list[Run], deleted: _Deleted) -> bool:
    """Tell whether runs stand where a passage was deleted, as an undo puts them."""
    ends = (group[0], deleted.head), (group[-1], deleted.tail)
    return any(_beside(run, unit, rightwards=rightwards) for run, unit in ends for rightwards in (True, False))


def _beside(run: Run, unit: Id, *, rightwards: bool) -> bool:
    """Tell whether only deleted text lies between a run and a deleted unit."""
    for _ in range(BURST_REACH_RUNS):
        neighbour = run.right if rightwards else run.left
        if neighbour is None or not neighbour.deleted:
            return False
        if neighbour.holds(unit):
            return True
        run = neighbour
    return False
