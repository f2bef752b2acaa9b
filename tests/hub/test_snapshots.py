"""A lesson opened from a snapshot is the one folded from the journal, to the last character that is deleted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from server.core import commands, events
from server.core.commands import TEACHER, Actor
from server.core.update import Deletion, Id, TextItem, Update, encode_contents, encode_insert
from server.hub.frozen import FrozenLesson
from server.hub.lessons import LiveLesson
from server.hub.snapshots import SNAPSHOT, SNAPSHOT_ENTRIES
from server.journal import Entry
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from tests.hub.test_several_processes import Seat, Watcher
from tests.stage import until

pytestmark = pytest.mark.timeout(60)


class Counted(LiveLesson):
    """A lesson that counts the entries it folds."""

    folded = 0

    def _receive(self, entries: Sequence[Entry]) -> None:
        self.folded += len(entries)
        super()._receive(entries)


async def opened(journal: SqliteJournal, node: str = "another") -> Counted:
    live = Counted("lesson", journal, Limits(), Metrics(), node=node)
    await live.open()
    return live


def write(live: LiveLesson, *updates: bytes) -> None:
    for update in updates:
        live.admit("oaks", update, "ann", None, lambda refused: None)


async def a_lesson(journal: SqliteJournal) -> Counted:
    """A lesson with people, talk, an open text and one with deletions."""
    live = await opened(journal, "first")
    live.arrive(Watcher(Actor("participant", "ann")))
    live.enter(Seat("ann", "oaks"))
    write(
        live,
        encode_insert(7, "x😀y"),
        encode_contents(Update((TextItem(7, 4, 3, "!!!", Id(7, 3)),), ())),
        encode_contents(Update((), (Deletion(7, 1, 2), Deletion(7, 5, 1)))),
    )
    await live.execute(commands.Chat("What is an acorn?"), Actor("participant", "ben"))
    await live.execute(commands.Lock("elms"), TEACHER)
    return live


def agree(one: LiveLesson, other: LiveLesson) -> None:
    assert one.state == other.state
    assert one.nodes() == other.nodes()
    for name in one.rooms.keys() | other.rooms.keys():
        mine, theirs = one.room(name), other.room(name)
        assert mine.text == theirs.text
        assert mine.owners == theirs.owners
        assert mine.state_vector == theirs.state_vector
        assert mine._holdings() == theirs._holdings()


async def test_a_lesson_from_its_snapshot_is_the_one_from_its_journal(journal: SqliteJournal) -> None:
    live = await a_lesson(journal)
    folded = await opened(journal)
    await live.snapshots.save()
    write(live, encode_contents(Update((TextItem(7, 7, 1, "?", Id(7, 6)),), ())))
    await live.execute(commands.Unlock(), TEACHER)
    from_snapshot = await opened(journal)
    assert from_snapshot.folded == 2
    assert folded.folded > 10
    agree(from_snapshot, folded)
    assert from_snapshot.room("oaks").text == "xy!!?"
    for each in (live, folded, from_snapshot):
        each.close()


async def test_a_snapshot_keeps_what_a_document_forgets(journal: SqliteJournal) -> None:
    live = await a_lesson(journal)
    await live.snapshots.save()
    from_snapshot = await opened(journal)
    # Into the middle of a character that is deleted: refused where the journal was folded, so here as well.
    split = encode_contents(Update((TextItem(7, 7, 1, "z", Id(7, 1), Id(7, 2)),), ()))
    for each in (live, from_snapshot):
        refused = each.room("oaks").admit(split, "ann", lambda refused: None, writable=True)
        assert getattr(refused, "reason", None) == "split_character"
        each.close()


@pytest.mark.parametrize("damage", ["nothing", "other version", "cut", "no text", "ahead"])
async def test_a_snapshot_that_cannot_be_used_is_as_none(journal: SqliteJournal, damage: str) -> None:
    live = await a_lesson(journal)
    await live.snapshots.save()
    snapshot = await journal.snapshot("lesson", SNAPSHOT)
    assert snapshot is not None
    seq, data = snapshot.seq, snapshot.data
    match damage:
        case "nothing":
            data = b""
        case "other version":
            data = msgspec.msgpack.encode([2, "something new"])
        case "cut":
            data = data[:-20]
        case "no text":
            frozen = msgspec.msgpack.decode(data, type=FrozenLesson)
            rooms = {
                name: msgspec.structs.replace(room, update=room.update[:-3] + b"\xff")
                for name, room in frozen.rooms.items()
            }
            data = msgspec.msgpack.encode(msgspec.structs.replace(frozen, rooms=rooms))
        case _:
            seq += 1000
    await journal.save_snapshot("lesson", SNAPSHOT, seq + 1, data)
    again = await opened(journal)
    assert again.folded > 10
    agree(again, live)
    again.close()
    live.close()


async def test_a_snapshot_is_made_every_so_many_entries_when_no_text_is_on_its_way(journal: SqliteJournal) -> None:
    live = await a_lesson(journal)
    write(live, encode_insert(8, "a"))
    write(
        live, *(encode_contents(Update((TextItem(8, clock, 1, "a", Id(8, clock - 1)),), ())) for clock in range(1, 99))
    )
    assert not live.room("oaks").at_rest
    assert live.snapshots.make(1) is None
    bodies = [events.encode_event(events.PulseGiven("ann", "right"))] * SNAPSHOT_ENTRIES
    await journal.commit("lesson", 5, bodies)
    await until(lambda: live.snapshots.seq > SNAPSHOT_ENTRIES, "it is made")
    (task,) = live._tasks
    await task
    snapshot = await journal.snapshot("lesson", SNAPSHOT)
    assert snapshot is not None
    assert snapshot.seq > SNAPSHOT_ENTRIES
    live.close()
