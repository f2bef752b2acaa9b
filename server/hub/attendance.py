"""Who is connected to this process, and what the journal says of that: two accounts that must come to agree.

A person, or an open document, is noted once a process, with the process's name: its *node*. So one process never ends
what another holds open, and when a process is lost, all that it held open ends with one ``NodeLost``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection

from server.core.events import (
    AnyEvent,
    DocumentClosed,
    DocumentOpened,
    NodeLost,
    ParticipantArrived,
    ParticipantDeparted,
)
from server.core.lesson import Lesson

_Document = tuple[str, str]
"""A room, and the author who has its text open."""


class Attendance:
    """One lesson's attendance at one process. ``note`` journals a fact."""

    def __init__(self, node: str, state: Lesson, hold_secs: float, note: Callable[[AnyEvent], None]) -> None:
        self.node = node
        self._state = state
        self._hold_secs = hold_secs
        self._note = note
        self._open_here: Counter[_Document] = Counter()  # sockets
        self._departures: dict[str, asyncio.TimerHandle] = {}
        self._journalled: dict[str, set[_Document]] = {}  # by node: opened in the journal, closed nowhere
        self._last_closed: dict[_Document, int] = {}  # ms

    # ── what the journal says ──

    def apply(self, event: AnyEvent, at: int) -> None:
        """Take one entry into account; ``at`` is its time in ms."""
        match event:
            case DocumentOpened(room=room, participant=participant, node=node):
                self._journalled.setdefault(node, set()).add((room, participant))
            case DocumentClosed(room=room, participant=participant, node=node):
                self._journalled.get(node, set()).discard((room, participant))
                self._last_closed[room, participant] = at
            case NodeLost(node=node):
                for key in self._journalled.pop(node, ()):
                    self._last_closed[key] = at
            case _:
                pass

    def nodes(self) -> set[str]:
        """Name the processes that hold something open, by the journal."""
        nodes = {node for node, documents in self._journalled.items() if documents}
        return nodes.union(*(person.nodes for person in self._state.people.values()))

    # ── who is here ──

    def open_document(self, room: str, author: str, participant: str | None, now: int) -> float | None:
        """Note a document socket; give the seconds since this person last had the room open, None if it is open now."""
        key = (room, author)
        self._open_here[key] += 1
        if self._open_here[key] > 1:
            return None
        if participant is not None:
            self._note(DocumentOpened(room, participant, self.node))
        if any(key in documents for node, documents in self._journalled.items() if node != self.node):
            return None
        person = self._state.people.get(participant or "")
        since = self._last_closed.get(key, person.joined_at if person is not None else now)
        return max(0.0, (now - since) / 1000)

    def close_document(self, room: str, author: str, participant: str | None) -> None:
        """Note the end of a document socket."""
        key = (room, author)
        self._open_here[key] -= 1
        if not self._open_here[key]:
            del self._open_here[key]
            if participant is not None:
                self._note(DocumentClosed(room, participant, self.node))

    def arrive(self, participant: str, *, first: bool) -> None:
        """Note a lesson socket, the ``first`` of this person here or another one."""
        departure = self._departures.pop(participant, None)
        if departure is not None:
            departure.cancel()
        elif first:
            self._note(ParticipantArrived(participant, self.node))

    def depart(self, participant: str) -> None:
        """Note the end of a person's last lesson socket, a little later: a reload is no departure."""
        loop = asyncio.get_running_loop()
        self._departures[participant] = loop.call_later(self._hold_secs, self._depart_now, participant)

    def _depart_now(self, participant: str) -> None:
        self._departures.pop(participant).cancel()
        self._note(ParticipantDeparted(participant, self.node))

    def depart_all(self) -> None:
        """Note at once who has gone: this process is about to end."""
        for participant in tuple(self._departures):
            self._depart_now(participant)

    def stop(self) -> None:
        """Drop what is scheduled."""
        for timer in self._departures.values():
            timer.cancel()

    def note_missing(self, here: Collection[str]) -> bool:
        """Journal again what could not be stored of who is ``here`` or gone; tell whether there was any."""
        missing: list[AnyEvent] = []
        people = self._state.people
        journalled = self._journalled.get(self.node, set())
        open_here = {key for key in self._open_here if key[1] in people}
        missing += [DocumentOpened(*key, self.node) for key in open_here - journalled]
        missing += [DocumentClosed(*key, self.node) for key in journalled - open_here]
        for participant, person in people.items():
            is_here = participant in here or participant in self._departures
            if is_here and self.node not in person.nodes and not person.left:
                missing.append(ParticipantArrived(participant, self.node))
            elif not is_here and self.node in person.nodes:
                missing.append(ParticipantDeparted(participant, self.node))
        for event in missing:
            self._note(event)
        return bool(missing)
