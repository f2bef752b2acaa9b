"""A lesson in progress by scripted students, for a visitor to look at.

Its first minutes are written into the journal with times in the past, so that the figures have something to say at
once; from then on the students type through real sockets, like anybody's browser.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
import pycrdt
import websockets

from server.clock import now_ms
from server.core.commands import TEACHER, Actor, Hand, OpenRooms, RoomDraft, StartTimer
from server.core.creation import decide_created
from server.core.decisions import decide, decide_join
from server.core.events import (
    AnyEvent,
    DocumentOpened,
    DocumentUpdated,
    ParticipantArrived,
    ParticipantJoined,
    encode_event,
)
from server.core.lesson import Lesson
from server.core.seating import Context
from server.core.wire import (
    AwarenessState,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode_message,
    encode_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update,
)
from server.demonstration_texts import DRAFT, TABLES, Pattern, Table
from server.errors import Refused
from server.hub.registry import CODE_ALPHABET, CODE_LENGTH
from server.web.auth import Grant
from server.web.services import Services

_PAST_SECS: Final = 9 * 60
_QUIET_SECS: Final = 185
"""For so long the quiet table has not written when the visitor comes."""
_LESSON_SECS: Final = 25 * 60
_LONGEST: Final = 1100
"""Characters; beyond it a student first takes out the oldest sentence, so that a demonstration can run all day. A
table's sentences make more than that, so that none stands twice."""

_NODE: Final = "demonstration"
"""Under this name the past's presences stay open, so that the students were there all the time."""

Document = pycrdt.Doc[pycrdt.Text]


@dataclass
class _Student:
    """One scripted student with a document of their own."""

    name: str
    position: int
    participant: str = ""
    room: str = ""
    document: Document = field(default_factory=pycrdt.Doc)

    @property
    def text(self) -> pycrdt.Text:
        return self.document.get("summary", type=pycrdt.Text)


class _Writer:
    """What the students of one table write next, and where."""

    def __init__(self, table: Table, rng: random.Random) -> None:
        self._table = table
        self._rng = rng
        self._used: Counter[str] = Counter()
        self._written: Counter[str] = Counter()

    def pick(self, students: list[_Student]) -> _Student:
        """Choose who writes the next sentence."""
        if self._table.pattern is Pattern.ONE_VOICE:
            return students[0] if self._rng.random() < 0.94 else self._rng.choice(students[1:])
        return min(students, key=lambda student: self._written[student.name] + self._rng.random())

    def words(self, student: _Student) -> Iterator[None]:
        """Write one sentence word by word into the student's own document; each step is one change."""
        self._written[student.name] += 1
        text = student.text
        heading = f"## {student.name}\n"
        if len(str(text)) > _LONGEST:
            self._shorten(text, heading)
        standing = str(text)
        sentence = min(self._table.sentences, key=lambda each: (each in standing, self._used[each]))
        self._used[sentence] += 1
        if self._table.pattern is Pattern.PARALLEL and heading not in str(text):
            text.insert(len(str(text).encode()), ("\n\n" if str(text) else "") + heading)
            yield
        at = self._place(str(text), heading)
        done = ""
        for word in sentence.split(" "):
            content = str(text)
            if done:
                at = _end_of(done, content, at)
            piece = word if at == 0 or content[at - 1] == "\n" else f" {word}"
            text.insert(_in_bytes(content, at), piece)
            at += len(piece)
            done += piece if done else word
            yield

    def _place(self, text: str, heading: str) -> int:
        if self._table.pattern is Pattern.PARALLEL:
            end = text.find("\n\n## ", text.index(heading) + len(heading))
            return len(text) if end < 0 else end
        ends = [i + 1 for i, sign in enumerate(text[:-1]) if sign == "."]
        if self._table.pattern is Pattern.SHARED and ends and self._rng.random() < 0.35:
            return self._rng.choice(ends)  # into the middle: building on somebody's sentence
        return len(text)

    def _shorten(self, text: pycrdt.Text, heading: str) -> None:
        content = str(text)
        start = content.find(heading) + len(heading) if heading in content else 0
        end = content.find(". ", start) + 2
        if end >= 2:
            del text[_in_bytes(content, start) : _in_bytes(content, end)]


def _end_of(done: str, content: str, near: int) -> int:
    """Find where one's last words end: others, visitors too, may have written before them meanwhile.

    Not by a sticky index of pycrdt: that panics when what it sticks to is gone.
    """
    ends = [found.end() for found in re.finditer(re.escape(done), content)]
    return min(ends, key=lambda end: abs(end - near), default=min(near, len(content)))


def _in_bytes(content: str, index: int) -> int:
    """Give an index as pycrdt counts."""
    return len(content[:index].encode())


class _History:
    """The journal of the minutes before the visitor came."""

    def __init__(self, lesson: str, rng: random.Random) -> None:
        self.state = Lesson(lesson)
        self.entries: list[tuple[int, AnyEvent]] = []
        self._rng = rng

    def context(self, at: int) -> Context:
        return Context(now=at, rng=self._rng, new_id=lambda: secrets.token_urlsafe(9))

    def happen(self, at: int, events: tuple[AnyEvent, ...] | Refused) -> tuple[AnyEvent, ...]:
        if isinstance(events, Refused):
            raise events
        for event in events:
            self.state.apply(event, at)
            self.entries.append((at, event))
        return events

    def write(self, at: int, writer: _Writer, students: list[_Student]) -> int:
        """Let one student write one sentence from ``at`` on; give the time (ms) when it is done."""
        student = writer.pick(students)
        for _ in self.steps(student, writer):
            update = student.document.get_update(self._before)
            for other in students:
                if other is not student:
                    other.document.apply_update(update)
            self.entries.append((at, DocumentUpdated(student.room, student.participant, update)))
            at += self._rng.randint(250, 900)
        return at

    def steps(self, student: _Student, writer: _Writer) -> Iterator[None]:
        self._before = student.document.get_state()
        for _ in writer.words(student):
            yield
            self._before = student.document.get_state()


@dataclass(frozen=True)
class Demonstration:
    """The lesson in progress, and where to see it."""

    teach: str
    project: str
    join: str
    _lesson: str
    _groups: list[tuple[Table, list[_Student]]]

    async def run(self, services: Services, address: str) -> None:
        """Let the students work until cancelled."""
        rng = random.Random()
        async with asyncio.TaskGroup() as tasks:
            for table, students in self._groups:
                writer = _Writer(table, rng)
                pen = asyncio.Lock()
                for student in students:
                    token = services.tokens.sign(Grant("participant", self._lesson, student.participant))
                    client = _Client(f"ws{address.removeprefix('http')}/ws/lessons/{self._lesson}", token)
                    tasks.create_task(client.attend())
                    tasks.create_task(client.write(student, writer, pen, students, table.pattern, rng))


async def prepare_demonstration(services: Services, address: str) -> Demonstration:
    """Make the lesson, with its first minutes in the past. The journal must be open."""
    lesson = secrets.token_urlsafe(9)
    tables = _make_history(lesson, random.Random())
    await _store(services, lesson, tables.history)
    return Demonstration(
        teach=f"{address}/t/{lesson}?token={services.tokens.sign(Grant('teacher', lesson))}",
        project=f"{address}/p/{lesson}?token={services.tokens.sign(Grant('projector', lesson))}",
        join=f"{address}/j/{tables.history.state.code}",
        _lesson=lesson,
        _groups=tables.groups,
    )


@dataclass
class _Tables:
    history: _History
    groups: list[tuple[Table, list[_Student]]]


def _make_history(lesson: str, rng: random.Random) -> _Tables:
    start = now_ms() - _PAST_SECS * 1000
    history = _History(lesson, rng)
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    draft = msgspec.structs.replace(
        DRAFT,
        rooms=tuple(RoomDraft(table.name, table.topic) for table in TABLES),
        roster="\n".join(f"{name}, {table.name}" for table in TABLES for name in table.students),
    )
    history.happen(start, decide_created(draft, code, history.context(start), demonstration=True))
    groups: list[tuple[Table, list[_Student]]] = []
    at = start
    for table in TABLES:
        students = [_Student(name, position) for position, name in enumerate(table.students)]
        groups.append((table, students))
        for student in students:
            at += 900
            joined = history.happen(at, decide_join(history.state, student.name, history.context(at)))
            student.participant = next(each.participant for each in joined if isinstance(each, ParticipantJoined))
            history.happen(at, (ParticipantArrived(student.participant, _NODE),))
    at += 2000
    history.happen(at, decide(history.state, OpenRooms(), TEACHER, history.context(at)))
    history.happen(at, decide(history.state, StartTimer(seconds=_LESSON_SECS), TEACHER, history.context(at)))
    for _, students in groups:
        for student in students:
            student.room = history.state.people[student.participant].room or ""
            history.happen(at, (DocumentOpened(student.room, student.participant, _NODE),))
    _write_the_past(history, groups, at, rng)
    return _Tables(history, groups)


def _write_the_past(
    history: _History, groups: list[tuple[Table, list[_Student]]], opened: int, rng: random.Random
) -> None:
    now = now_ms()
    for table, students in groups:
        writer = _Writer(table, rng)
        until = now - _QUIET_SECS * 1000 if table.pattern is Pattern.QUIET else now - 4000
        at = opened + rng.randint(4000, 9000)
        while at < until - 9000:
            at = history.write(at, writer, students) + rng.randint(2000, 12_000)
    asking = groups[0][1][-1]
    waiting_since = now - 70_000
    history.happen(
        waiting_since,
        decide(
            history.state,
            Hand(reason="disagree"),
            Actor("participant", asking.participant),
            history.context(waiting_since),
        ),
    )
    history.entries.sort(key=lambda entry: entry[0])


async def _store(services: Services, lesson: str, history: _History) -> None:
    entries = [(at, encode_event(event)) for at, event in history.entries]
    (first_at, first), *rest = entries
    await services.journal.create(lesson, history.state.code, first_at, [first])
    for at, body in rest[:-1]:
        services.journal.append(lesson, at, [body])
    await services.journal.commit(lesson, rest[-1][0], [rest[-1][1]])


class _Client:
    """One student's two sockets."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    async def attend(self) -> None:
        """Keep the lesson socket open."""
        await _while_connected(f"{self._url}?token={self._token}", self._listen)

    async def _listen(self, socket: websockets.ClientConnection) -> None:
        async for _ in socket:
            pass

    async def write(
        self,
        student: _Student,
        writer: _Writer,
        pen: asyncio.Lock,
        students: list[_Student],
        pattern: Pattern,
        rng: random.Random,
    ) -> None:
        """Keep the document open and write in turn, as the table's pattern has it."""

        async def work(socket: websockets.ClientConnection) -> None:
            await socket.send(encode_sync_step1(student.document.get_state()))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(socket, student))
                tasks.create_task(self._renew(socket, student))
                if pattern is not Pattern.QUIET:
                    tasks.create_task(self._type(socket, student, writer, pen, students, rng))

        await _while_connected(f"{self._url}/rooms/{student.room}?token={self._token}", work)

    async def _receive(self, socket: websockets.ClientConnection, student: _Student) -> None:
        async for frame in socket:
            match decode_message(frame if isinstance(frame, bytes) else frame.encode()):
                case SyncStep1(state_vector=state_vector):
                    await socket.send(encode_sync_step2(student.document.get_update(state_vector)))
                case SyncStep2(update=update) | SyncUpdate(update=update):
                    student.document.apply_update(update)
                case _:
                    pass

    async def _renew(self, socket: websockets.ClientConnection, student: _Student) -> None:
        for clock in itertools.count(1):
            await self._show_cursor(socket, student, clock * 1000)
            await asyncio.sleep(12)

    async def _show_cursor(self, socket: websockets.ClientConnection, student: _Student, clock: int) -> None:
        text = student.text
        index = text.sticky_index(len(str(text)), pycrdt.Assoc.BEFORE).to_json()
        cursor = msgspec.json.encode({"cursor": {"anchor": index, "head": index}}).decode()
        await socket.send(encode_awareness([AwarenessState(student.document.client_id, clock, cursor)]))

    async def _type(
        self,
        socket: websockets.ClientConnection,
        student: _Student,
        writer: _Writer,
        pen: asyncio.Lock,
        students: list[_Student],
        rng: random.Random,
    ) -> None:
        while True:
            await asyncio.sleep(rng.uniform(1.0, 9.0))
            async with pen:
                if writer.pick(students) is not student:
                    continue
                before = student.document.get_state()
                for _ in writer.words(student):
                    await socket.send(encode_update(student.document.get_update(before)))
                    before = student.document.get_state()
                    await asyncio.sleep(rng.uniform(0.15, 0.5))


async def _while_connected(url: str, work: Callable[[websockets.ClientConnection], object]) -> None:
    async for socket in websockets.connect(url, max_size=None):
        try:
            await work(socket)  # type: ignore[misc]
        except* (websockets.ConnectionClosed, OSError):
            pass
        if socket.close_code is not None and 4400 <= socket.close_code < 4500:
            return
