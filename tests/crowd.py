"""A class of stock clients who type on whatever the servers do, and what must be true of them afterwards."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tests.stage import DEADLINE_SECS, JSON, Classroom, Peer, Server, gather
from tests.stock import StockPeer, StockPeers, Version
from tests.typist import FIRST_SIGN, SIGNS, signs_of

VERSIONS: tuple[Version, ...] = ("2.1", "3.0", "3.1")
BACK_SECS = 5.0
"""Nobody is away for longer once what they were connected to is there again."""
FINAL = range(4400, 4500)


@dataclass
class Fault:
    """When something was away, in ms since the epoch."""

    server: Server | None
    """None: what all of them need."""
    since: int
    until: int


@dataclass
class Crowd:
    """People at their rooms' texts; every one types signs of their own, each once."""

    lesson: Classroom
    rooms: list[str] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    """Whose room and server is which, in the order of ``tabs``."""
    tabs: list[StockPeer] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    """The code point everyone's signs begin at."""
    faults: list[Fault] = field(default_factory=list)

    async def sit_down(self, stock: StockPeers, servers: Sequence[Server], people: int, **wish: Any) -> None:
        """Let so many join and open their texts, each room's people at different servers."""
        students = await gather(*(self.lesson.join(f"Student {number}") for number in range(people)))
        await self.lesson.command("open_rooms")
        members: dict[str, str] = {
            member["participant"]: room["room"]
            for room in (await self.lesson.report())["rooms"]
            for member in room["members"]
        }
        seats: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        doors = itertools.cycle(servers)
        for student, room in sorted(
            ((student, members[student.participant]) for student in students), key=lambda pair: pair[1]
        ):
            version = VERSIONS[len(self.tabs) % len(VERSIONS)]
            server = next(doors)
            classroom = replace(self.lesson, server=server)
            self.tabs.append(await stock.open(version, classroom, room, student.token, **wish))
            self.servers.append(server)
            self.rooms.append(room)
            self.first.append(FIRST_SIGN + SIGNS * next(seats[room]))
        for tab in self.tabs:
            await tab.is_synced()

    async def type(self, seed: int, every_ms: float) -> None:
        """Begin to type: so many ms from key to key."""
        for number, (tab, first) in enumerate(zip(self.tabs, self.first, strict=True)):
            await tab.ask("type", first=first, seed=seed + number, every=every_ms * (0.7 + 0.6 * (number % 7) / 6))

    async def rest(self) -> dict[str, str]:
        """Stop typing; give all that was typed in every room."""
        typed: defaultdict[str, str] = defaultdict(str)
        for tab, room, first in zip(self.tabs, self.rooms, self.first, strict=True):
            typed[room] += "".join(map(chr, range(first, first + int(await tab.ask("rest")))))
        return dict(typed)

    async def agree(self, typed: dict[str, str], servers: Sequence[Server], secs: float = DEADLINE_SECS) -> None:
        """Wait until everyone shows everything, once and in one order, and whoever comes now is shown the same.

        Then hold what everyone was ever shown against what there is, identifier by identifier.
        """
        texts: dict[str, str] = {}
        for room, everything in typed.items():
            complete = partial(_shows, sorted(everything))
            for tab in self._at(room):
                await tab.sees(complete, "every sign once", secs)
            texts[room] = (await self._at(room)[0].look())["text"]
            for tab in self._at(room):
                await tab.reads(texts[room])
                assert not (await tab.look())["pending"]
        for server in servers:
            classroom = replace(self.lesson, server=server)
            for room, text in texts.items():
                async with classroom.write(room, self.lesson.teacher_token) as visitor:
                    await visitor.sees(text)
                    await self._was_true(room, visitor)

    async def _was_true(self, room: str, visitor: Peer) -> None:
        held = signs_of(visitor.document.get_update())
        assert sorted(held.values()) == sorted(str(visitor.text)), "nothing was ever deleted"
        for tab in self._at(room):
            for update in await tab.history():
                assert signs_of(update).items() <= held.items()

    def _at(self, room: str) -> list[StockPeer]:
        return [tab for tab, where in zip(self.tabs, self.rooms, strict=True) if where == room]

    async def longest_wait(self) -> float:
        """Say how many seconds anybody was away at most, counted from when what was missing was there again."""
        longest = 0.0
        for tab, server in zip(self.tabs, self.servers, strict=True):
            view = await tab.look()
            assert not [code for code in view["closes"] if code in FINAL], view["closes"]
            await tab.is_synced()
            for since, back in outages(view):
                longest = max(longest, back - self._excused_until(server, since))
        return longest / 1000

    def _excused_until(self, server: Server, since: float) -> float:
        for fault in sorted(self.faults, key=lambda fault: fault.since):
            if fault.server in (server, None) and fault.since <= since + 1000 * BACK_SECS:
                since = max(since, fault.until)
        return since


def _shows(signs: list[str], view: JSON) -> bool:
    return sorted(view["text"]) == signs


def outages(view: JSON) -> Iterator[tuple[float, float]]:
    """Give when a client lost its connection and when it was in sync again, in ms since the epoch."""
    for since in view["closed_at"]:
        back = next((at for at in view["synced_at"] if at >= since), None)
        if back is not None:
            yield since, back
