"""How a room's text grew: the steps from nothing to what stands, as splices of a plain text (P15, P17).

Fold a room's updates through `Replay.take`, then read ``steps``. The text is integrated by the same `Replica` as every
figure. What one person did in one second is one step: 36,000 updates an hour in a room of five would be more than a
page can load, and at sixty times the speed nobody sees the difference.
"""

from __future__ import annotations

from typing import Final

import msgspec

from server.core.admission import Holdings
from server.core.replica import Replica, Run, cut
from server.core.update import DeletedItem, TextItem, Update, utf16_length

STEP_MS: Final = 1000


class Splice(msgspec.Struct, array_like=True):
    """Delete ``deleted`` units at ``position``, then insert there; all in UTF-16 units of the text as it then is."""

    position: int
    deleted: int
    inserted: str


class Step(msgspec.Struct, array_like=True):
    """What one author did: ``at`` in ms since the lesson began; apply the splices in order."""

    at: int
    author: str | None
    splices: list[Splice]


class Replay:
    """The steps of one room's text; ``started_at`` is the beginning of the lesson in ms."""

    def __init__(self, started_at: int) -> None:
        self._started_at = started_at
        self._replica = Replica()
        self._holdings = Holdings()
        self._steps: list[Step] = []
        self._since = self._until = 0
        """The first and the last time of the second that is not yet a step."""
        self._places: dict[str, int] = {}
        """Who did something in it, in the order of their steps."""
        self._owners: dict[int, str] = {}
        self._known: dict[int, int] = {}
        """The clocks of clients that wrote in this second, as they were before it."""
        self._deleted: dict[int, list[tuple[int, int, str]]] = {}
        """What was deleted in this second, by client: first clock, clock after the last, by whom."""

    def take(self, update: Update, author: str, at: int) -> None:
        """Fold one durable update, which came at ``at`` (ms); one that does not count is passed over."""
        if not self._holdings.count(update, author):
            return
        if self._places and at - self._since >= STEP_MS:
            self._finish()
        if not self._places:
            self._since = at
        self._until = at
        self._places.setdefault(author, len(self._places))
        replica = self._replica
        for struct in replica.ready(update.structs):
            self._known.setdefault(struct.client, replica.known(struct.client))
            self._owners[struct.client] = author
            match struct:
                case TextItem():
                    if not replica.type_on(struct, author):
                        replica.insert(struct, author)
                case DeletedItem():
                    replica.insert(struct, author)
                case _:
                    replica.collect(struct.client, struct.clock, struct.length)
        for deletion in update.deletions:
            for run, _ in replica.delete(deletion.client, deletion.clock, deletion.length):
                self._deleted.setdefault(run.client, []).append((run.clock, run.end, author))

    def steps(self) -> list[Step]:
        """Give all steps so far."""
        self._finish()
        return self._steps

    def text(self) -> str:
        return self._replica.text()

    def _finish(self) -> None:
        """Turn what happened since into a step for each author, one after the other.

        One walk finds them all: ``base`` counts what stands before and after, ``shift`` what more stands for each
        author's step, when those before it are done and, of its own, what is further left.
        """
        splices: list[list[Splice]] = [[] for _ in self._places]
        shift = [0] * len(splices)
        base = 0
        known, deleted = self._known, self._deleted
        run = self._replica.first
        while run is not None:
            client = run.client
            if run.deleted:
                stood = min(run.length, known[client] - run.clock) if client in known else run.length
                place = self._deleter(run) if stood > 0 and client in deleted else None
                if place is not None:
                    _splice(splices[place], base + shift[place], stood, "")
                    for before in range(place):
                        shift[before] += stood
            elif client not in known or run.clock + run.length <= known[client]:
                base += run.length
            else:
                old = max(0, known[client] - run.clock)
                base += old
                place = self._places[self._owners[client]]
                text = cut(run.text, old)[1] if old else run.text
                _splice(splices[place], base + shift[place], 0, text)
                for after in range(place, len(shift)):
                    shift[after] += run.length - old
            run = run.right
        at = self._until - self._started_at
        self._steps += [Step(at, by, own) for by, own in zip(self._places, splices, strict=True) if own]
        self._places, self._known, self._deleted = {}, {}, {}

    def _deleter(self, run: Run) -> int | None:
        for clock, end, author in self._deleted[run.client]:
            if clock <= run.clock < end:
                return self._places[author]
        return None


def _splice(splices: list[Splice], position: int, deleted: int, inserted: str) -> None:
    """Add to the splices of a step, from left to right; what stands side by side is one."""
    if splices:
        last = splices[-1]
        if last.position + utf16_length(last.inserted) == position:
            last.deleted += deleted
            last.inserted += inserted
            return
    splices.append(Splice(position, deleted, inserted))
