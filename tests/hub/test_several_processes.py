"""Several processes hold the same lesson: one journal, one bus, a node name each."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.bus import Bus
from server.bus.memory import MemoryBus
from server.bus.redis import RedisBus
from server.core import commands, events
from server.core.commands import TEACHER, Actor
from server.core.events import AnyEvent, NodeLost, decode_event
from server.core.update import Id, TextItem, Update, encode_contents, encode_insert
from server.core.wire import AwarenessState, AwarenessUpdate, decode_message
from server.errors import NotFound, Refused, Unavailable
from server.hub import presence_bus
from server.hub.awareness import Face
from server.hub.lessons import LiveLesson
from server.hub.nodes import Nodes, RedisNodes, RollCall
from server.journal import Ended, Journal
from server.journal.redis import RedisJournal
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.redis_shards import Links
from server.settings import Limits
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = pytest.mark.timeout(60)

LIMITS = Limits(departure_hold_secs=0.05, awareness_hold_secs=0.2)


@dataclass(eq=False)
class Seat:
    """A document socket, as the lesson sees it."""

    author: str
    room: str
    unsaved: bool = False
    frames: list[bytes] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.actor = Actor("participant", self.author)

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)

    def write(self, frame: bytes) -> None:
        # One binary frame of under 126 bytes, or of more, by RFC 6455; several may stand in one write.
        while frame:
            size, start = frame[1], 2
            if size == 126:
                size, start = int.from_bytes(frame[2:4], "big"), 4
            self.frames.append(frame[start : start + size])
            frame = frame[start + size :]

    def close(self, code: int, reason: str = "") -> None:
        self.closed.append(code)

    def shown(self) -> dict[int, Any]:
        """Who is in the room, as a stock client has it: what has no higher clock is passed over."""
        clocks: dict[int, int] = {}
        shown: dict[int, Any] = {}
        for frame in self.frames:
            message = decode_message(frame)
            if isinstance(message, AwarenessUpdate):
                for each in message.states:
                    if each.clock > clocks.get(each.client, -1):
                        clocks[each.client] = each.clock
                        shown[each.client] = msgspec.json.decode(each.state)
        return {client: state for client, state in shown.items() if state is not None}


@dataclass(eq=False)
class Watcher:
    """A lesson socket, as the lesson sees it."""

    actor: Actor
    bye: list[str] = field(default_factory=list)

    def show(self) -> None: ...
    def show_storage(self, ok: bool) -> None: ...
    def close(self, code: int, reason: str = "") -> None:
        self.bye.append(str(code))

    def dismiss(self, code: str, why: Refused) -> None:
        self.bye.append(code)


class MemoryNodes:
    """Several nodes in one process; they share the set of those ``alive``."""

    def __init__(self, name: str, alive: set[str]) -> None:
        self.name = name
        self._alive = alive

    async def open(self) -> None:
        self._alive.add(self.name)

    async def close(self) -> None:
        self._alive.discard(self.name)

    async def living(self, among: Collection[str]) -> set[str]:
        return self._alive.intersection(among)


class Store:
    """What several processes share, and each one's end of it."""

    def __init__(self, data: Path, redis: RedisServer | None) -> None:
        self.redis = redis
        self.alive: set[str] = set()
        self.bus = MemoryBus()
        self.journal = SqliteJournal(data / "journal.sqlite")
        self.journals: dict[str, Journal] = {}
        self.links = Links(redis.url) if redis is not None else None
        self.stack = contextlib.AsyncExitStack()
        if self.links is not None:
            self.stack.push_async_callback(self.links.close)

    async def process(self, node: str, lesson: str, gone: Ended | None = None) -> LiveLesson:
        """Open a lesson as another process has it."""
        journal: Journal = self.journal
        bus: Bus = self.bus
        if self.redis is not None:
            journal, bus = RedisJournal(self.redis.url), RedisBus(self.redis.url)
        if journal not in self.journals.values():
            await journal.open()
            self.stack.push_async_callback(journal.close)
        await bus.open()
        self.stack.push_async_callback(bus.close)
        nodes = self.nodes(node)
        await nodes.open()
        self.stack.push_async_callback(nodes.close)
        self.journals[node] = journal
        await journal.create(lesson, "ABC234", 1, [events.encode_event(event) for event in opening()])
        live = LiveLesson(lesson, journal, LIMITS, Metrics(), node=node, bus=bus, gone=gone)
        await live.open()
        self.stack.callback(live.close)
        return live

    def nodes(self, node: str) -> Nodes:
        return MemoryNodes(node, self.alive) if self.links is None else RedisNodes(node, self.links)

    async def history(self, lesson: str) -> list[AnyEvent]:
        journal = next(iter(self.journals.values()))
        return [decode_event(entry.body) for entry in await journal.read(lesson, limit=10_000)]


def kill(live: LiveLesson) -> None:
    """End a process's part as if it had died: it says nothing more."""
    presence, live._presence = live._presence, None
    assert presence is not None
    assert presence._subscription is not None
    presence._subscription.close()
    live.close()


def opening() -> list[AnyEvent]:
    return [
        events.LessonCreated("Acorns", "ABC234"),
        events.RoomAdded("oaks", "Oaks"),
        events.RoomAdded("elms", "Elms"),
        events.ParticipantJoined("ann", "Ann"),
        events.ParticipantJoined("ben", "Ben"),
        events.Seated("ann", "oaks", 1),
        events.Seated("ben", "oaks", 2),
        events.RoomsOpened(),
    ]


@pytest.fixture(params=["embedded", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    redis: RedisServer | None = None
    if request.param == "redis":
        redis = RedisServer(tmp_path / "redis")
        await redis.start()
    store = Store(tmp_path, redis)
    async with store.stack:
        yield store
    if redis is not None:
        await redis.kill()


async def same(*lessons: LiveLesson) -> None:
    """Wait until all have received everything, and compare them."""
    for live in lessons:
        await live.catch_up()
    for live in lessons[1:]:
        assert live.state == lessons[0].state


async def test_two_processes_seat_people_as_one(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    joined = await asyncio.gather(*(live.join("Sam") for live in (here, there) for _ in range(15)))
    await same(here, there)
    people = [here.state.people[participant] for participant in joined]
    assert len({person.name for person in people}) == 30
    for room in here.state.rooms.values():
        seats = [person.seat for person in here.state.people.values() if person.room == room.room]
        assert len(seats) == len(set(seats)) == 16


async def test_what_one_process_decided_another_does_not_decide_again(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    await asyncio.gather(*(live.execute(commands.Lock(), TEACHER) for live in (here, there) for _ in range(3)))
    await asyncio.gather(
        *(live.execute(commands.Hand("stuck"), Actor("participant", "ann")) for live in (here, there, here, there))
    )
    await same(here, there)
    history = await store.history("lesson")
    assert sum(isinstance(event, events.Locked) for event in history) == 1
    assert sum(isinstance(event, events.HandRaised) for event in history) == 1


async def test_what_a_lost_process_held_open_ends_once(store: Store) -> None:
    dead, here, there = [await store.process(node, "lesson") for node in ("dead", "a", "b")]
    dead.arrive(Watcher(Actor("participant", "ann")))
    dead.enter(Seat("ann", "oaks"))
    await dead.execute(commands.Lock(), TEACHER)
    await same(dead, here, there)
    assert here.state.people["ann"].here
    assert here.nodes() == {"dead"}
    kill(dead)
    await asyncio.gather(here.lose_node("dead"), there.lose_node("dead"))
    await same(here, there)
    assert not here.state.people["ann"].here
    assert here.nodes() == there.nodes() == set()
    assert sum(isinstance(event, NodeLost) for event in await store.history("lesson")) == 1


async def test_a_process_that_was_only_cut_off_says_again_who_is_there(store: Store) -> None:
    cut_off, here = await store.process("cut off", "lesson"), await store.process("a", "lesson")
    cut_off.arrive(Watcher(Actor("participant", "ann")))
    cut_off.enter(Seat("ann", "oaks"))
    await until(lambda: here.state.people["ann"].here, "she is here")
    await here.lose_node("cut off")
    await until(lambda: here.state.people["ann"].here, "she is here again")
    await until(lambda: here.nodes() == {"cut off"}, "and so is her document")
    opened = [event for event in await store.history("lesson") if isinstance(event, events.DocumentOpened)]
    assert len(opened) == 2


async def test_somebody_on_two_processes_is_here_until_both_have_lost_them(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    first, second = Watcher(Actor("participant", "ann")), Watcher(Actor("participant", "ann"))
    here.arrive(first)
    there.arrive(second)
    await until(lambda: here.state.people["ann"].nodes == {"a", "b"}, "she is on both")
    here.depart(first)
    await until(lambda: here.state.people["ann"].nodes == {"b"}, "she is on one")
    there.depart_all()
    there.depart(second)
    there.depart_all()
    await until(lambda: not here.state.people["ann"].here, "she is gone")


async def test_an_open_text_elsewhere_is_not_time_offline(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    seat = Seat("ann", "oaks")
    assert here.enter(seat) is not None
    await until(lambda: there.nodes() == {"a"}, "it is known")
    assert there.enter(Seat("ann", "oaks")) is None


async def test_the_first_in_the_journal_has_a_client_id_and_the_others_socket_is_told(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    told: list[Refused] = []
    here.admit("oaks", encode_insert(7, "Ann's words"), "ann", None, told.append)
    there.admit("oaks", encode_insert(7, "Ben's own words"), "ben", None, told.append)
    await until(lambda: len(told) == 1, "one is told")
    assert told[0].reason == "another_was_first"
    assert told[0].close_code == 4403
    await same(here, there)
    assert here.room("oaks").text == there.room("oaks").text
    assert here.room("oaks").owners == there.room("oaks").owners
    whose = {"ann": "Ann's words", "ben": "Ben's own words"}[here.room("oaks").owners[7]]
    assert here.room("oaks").text == whose


async def test_people_type_at_two_processes(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    told: list[Refused] = []
    for live, author, client in ((here, "ann", 7), (there, "ben", 8)):
        live.admit("oaks", encode_insert(client, "a"), author, None, told.append)
        for clock in range(1, 200):
            item = TextItem(client, clock, 1, chr(97 + clock % 26), Id(client, clock - 1))
            live.admit("oaks", encode_contents(Update((item,), ())), author, None, told.append)
            if clock % 20 == 0:
                await asyncio.sleep(0)
    await until(lambda: all(len(live.room("oaks").text) == 400 for live in (here, there)), "everything is everywhere")
    assert here.room("oaks").text == there.room("oaks").text
    assert not told


async def test_whoever_asks_waits_for_what_another_process_was_told(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    for _ in range(20):
        participant = await here.join("Sam")
        await there.catch_up()
        assert participant in there.state.people


async def test_waiting_for_what_never_comes_ends(store: Store) -> None:
    here = await store.process("a", "lesson")
    waiting = asyncio.create_task(here._progress.wait(10_000))
    await asyncio.sleep(0)
    here.close()
    with pytest.raises(Unavailable):
        await waiting


async def test_a_lesson_deleted_elsewhere_is_gone(store: Store) -> None:
    ended: list[str] = []
    here = await store.process("a", "lesson", gone=lambda: ended.append("a"))
    there = await store.process("b", "lesson", gone=lambda: ended.append("b"))
    await store.journals["b"].delete("lesson")
    await until(lambda: "a" in ended, "it is noticed")
    with pytest.raises(Refused) as refused:
        await here.catch_up()
    assert isinstance(refused.value, NotFound)
    assert there is not here


async def test_a_node_is_alive_until_it_ends(store: Store) -> None:
    here, there = store.nodes("a"), store.nodes("b")
    await here.open()
    await there.open()
    roll = RollCall(here)
    assert await here.living(["a", "b", "c"]) == {"a", "b"}
    assert await roll.gone({"a", "b"}) == set()
    await there.close()
    assert await roll.gone({"a", "b"}) == set(), "one absence is no death"
    assert await roll.gone({"a", "b"}) == {"b"}
    await here.close()


# ── presence ──


def appear(live: LiveLesson, seat: Seat, client: int, clock: int, cursor: Any) -> None:
    room = live.room(seat.room)
    state = msgspec.json.encode({"cursor": cursor}).decode()
    name = {"ann": "Ann", "ben": "Ben"}[seat.author]
    face: Callable[[], Face] = lambda: Face(seat.author, name, 1)  # noqa: E731
    assert room.awareness.receive(seat, AwarenessState(client, clock, state), face)
    room.company.changed()


def names(seat: Seat) -> list[str]:
    return sorted(state["user"]["name"] for state in seat.shown().values())


async def test_a_room_is_one_whichever_process_its_people_are_on(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    ann, ben = Seat("ann", "oaks"), Seat("ben", "oaks")
    here.enter(ann)
    there.enter(ben)
    appear(here, ann, 7, 1, {"at": 1})
    appear(there, ben, 8, 1, {"at": 2})
    await until(lambda: names(ann) == names(ben) == ["Ann", "Ben"], "both see both")
    appear(here, ann, 7, 9, {"at": 3})
    await until(lambda: ben.shown()[7]["cursor"] == {"at": 3}, "and each other's cursors")


async def test_who_opens_a_lesson_is_told_who_is_there(store: Store) -> None:
    here = await store.process("a", "lesson")
    ann, ben = Seat("ann", "oaks"), Seat("ben", "oaks")
    here.enter(ann)
    appear(here, ann, 7, 1, None)
    await until(lambda: names(ann) == ["Ann"], "she sees herself")
    there = await store.process("b", "lesson")
    there.enter(ben)
    await until(lambda: names(ben) == ["Ann"], "she is shown")


async def test_a_process_that_has_a_lesson_to_itself_tells_nobody_until_another_comes(store: Store) -> None:
    here = await store.process("a", "lesson")
    ann, ben = Seat("ann", "oaks"), Seat("ben", "oaks")
    here.enter(ann)
    published = count_published(here)
    for clock in range(1, 20):
        appear(here, ann, 7, clock, {"at": clock})
        await until(lambda clock=clock: f'"at":{clock}' in str(ann.frames[-1:]), "she sees herself")  # type: ignore[misc]
    assert not published
    there = await store.process("b", "lesson")
    there.enter(ben)
    await until(lambda: names(ben) == ["Ann"], "she is shown")
    appear(here, ann, 7, 90, {"at": 90})
    await until(lambda: ben.shown()[7]["cursor"] == {"at": 90}, "and what she does")
    there.close()
    await until(lambda: not here.neighbours(), "she is alone again")


async def test_processes_find_each_other_when_the_first_question_was_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_bus, "_ASK_AGAIN_SECS", 0.05)
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    ann, reader = Seat("ann", "oaks"), Seat("ben", "oaks")
    here.enter(ann)
    there.enter(reader)
    await until(lambda: (here.neighbours(), there.neighbours()) == ({"b"}, {"a"}), "both know of both")
    for live in (here, there):
        live.neighbours().clear()
    clock = itertools.count(1)

    def sees_her() -> bool:
        appear(here, ann, 7, next(clock), None)
        return names(reader) == ["Ann"]

    await until(sees_her, "who only reads is shown her all the same")


def count_published(live: LiveLesson) -> list[bytes]:
    """Note what a process tells the others from now on."""
    published: list[bytes] = []
    assert live._presence is not None
    publish = live._presence._bus.publish

    def noting(topic: str, payload: bytes) -> None:
        published.append(payload)
        publish(topic, payload)

    live._presence._bus.publish = noting  # type: ignore[method-assign]
    return published


async def test_who_moves_to_another_process_is_seen_at_once_and_sees_everyone(store: Store) -> None:
    here, there = await store.process("a", "lesson"), await store.process("b", "lesson")
    ann, ben = Seat("ann", "oaks"), Seat("ben", "oaks")
    here.enter(ann)
    here.enter(ben)
    appear(here, ann, 7, 1, {"at": 1})
    appear(here, ben, 8, 1, {"at": 2})
    await until(lambda: names(ann) == ["Ann", "Ben"], "both are there")
    await until(lambda: there.room("oaks").awareness.everyone() is not None, "also by the other process")
    here.leave(ann)
    moved = Seat("ann", "oaks", frames=ann.frames)  # a page keeps the clocks it has heard, and none of the states
    heard = len(ann.frames)
    there.enter(moved)
    appear(there, moved, 7, 1, {"at": 5})
    await until(lambda: ben.shown()[7]["cursor"] == {"at": 5}, "ben sees her where she is now")

    def sees_ben_anew() -> bool:
        before = Seat("ann", "oaks", frames=moved.frames[:heard])
        clocks = [state.clock for state in told(before.frames) if state.client == 8]
        return any(state.clock > max(clocks) for state in told(moved.frames[heard:]) if state.client == 8)

    await until(sees_ben_anew, "she sees ben, whose clock is higher than what she had heard")
    await asyncio.sleep(LIMITS.awareness_hold_secs * 2)
    assert names(ben) == ["Ann", "Ben"], "her old process does not take her away"


def told(frames: list[bytes]) -> list[AwarenessState]:
    messages = [decode_message(frame) for frame in frames]
    return [state for message in messages if isinstance(message, AwarenessUpdate) for state in message.states]


async def test_the_people_of_a_process_that_ends_are_held_and_those_of_a_lost_one_go(store: Store) -> None:
    ending, lost, here = [await store.process(node, "lesson") for node in ("ending", "lost", "a")]
    ann, ben, me = Seat("ann", "oaks"), Seat("ben", "oaks"), Seat("ann", "oaks")
    here.enter(me)
    ending.enter(ann)
    lost.enter(ben)
    appear(ending, ann, 7, 1, None)
    appear(lost, ben, 8, 1, None)
    await until(lambda: names(me) == ["Ann", "Ben"], "both are shown")
    assert {"ending", "lost"} <= here.nodes()
    kill(lost)
    await here.lose_node("lost")
    await until(lambda: names(me) == ["Ann"], "the lost one's go")
    ending.close()
    await until(lambda: names(me) == [], "the other's too, when they do not come back")
