"""A real server and the people in it, for tests in the words of a classroom.

Nothing here sleeps for a fixed time: everything waits for what it wants to observe, under one deadline.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pycrdt
import websockets
from websockets.asyncio.client import ClientConnection

from server.core import patch
from server.core.wire import (
    AwarenessUpdate,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode_message,
    encode_sync_step1,
    encode_sync_step2,
    encode_update,
)
from server.journal import Entry
from server.journal.sqlite import SqliteJournal
from tests.processes import free_port

DEADLINE_SECS = 20.0
JSON = dict[str, Any]


async def until(condition: Callable[[], bool], what: str, secs: float = DEADLINE_SECS) -> None:
    """Wait until a condition holds that other tasks bring about."""
    deadline = time.monotonic() + secs
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {secs} s: {what}")
        await asyncio.sleep(0.005)


@dataclass
class Server:
    """One ``roundtable web`` process on a free port, over one data folder."""

    data: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    """Called in the new process before the server begins, to set limits on it."""
    port: int = 0
    address: str = ""
    process: asyncio.subprocess.Process | None = None
    output: list[str] = field(default_factory=list)
    _drain: asyncio.Task[None] | None = None

    async def start(self, *command: str) -> None:
        """Start the process and wait until it says where it is. A restarted server keeps its port."""
        if self.port == 0:
            self.port = free_port()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            *(command or ("web",)),
            env={**os.environ, "ROUNDTABLE_DATA": str(self.data), "PORT": str(self.port), **self.environ},
            cwd=Path(__file__).parents[1],
            preexec_fn=self.prepare,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECS):
            while line := (await self.process.stdout.readline()).decode():
                self.output.append(line)
                if "http://" in line:
                    self.address = "http://" + line.split("http://")[1].split()[0]
                    self._drain = asyncio.create_task(self._read_on(self.process.stdout))
                    return
        raise AssertionError("the server did not start: " + "".join(self.output))

    async def refuses_to_start(self) -> str:
        """Start the process, wait until it has given up with status 2, and give the sentence that says why."""
        try:
            await self.start()
        except AssertionError:
            assert self.process is not None
            async with asyncio.timeout(DEADLINE_SECS):
                assert await self.process.wait() == 2, self.output
            (sentence,) = self.output
            return sentence
        await self.kill()
        raise AssertionError("it started")

    async def _read_on(self, stream: asyncio.StreamReader) -> None:
        while line := (await stream.readline()).decode():
            self.output.append(line)

    async def kill(self) -> None:
        """``kill -9``: no handler runs, nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end; give its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECS):
            status = await self.process.wait()
            if self._drain is not None:
                await self._drain
        return status

    async def journal(self, lesson: str) -> list[Entry]:
        """Read a lesson's whole journal; the server must have been stopped."""
        journal = SqliteJournal(self.data / "journal.sqlite")
        await journal.open()
        try:
            entries: list[Entry] = []
            while batch := await journal.read(lesson, entries[-1].seq if entries else 0):
                entries += batch
            return entries
        finally:
            await journal.close()

    def memory_bytes(self) -> int:
        """Say how much memory it holds now; on Linux."""
        assert self.process is not None
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def sockets(self) -> str:
        return "ws" + self.address.removeprefix("http")

    # ── people ──

    async def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Send one request as nobody, or with a token."""
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        # Without certificates, which take longer to read than most requests.
        async with httpx.AsyncClient(base_url=self.address, timeout=DEADLINE_SECS, verify=False) as client:
            return await client.request(method, path, headers=headers, **options)

    async def create_lesson(self, **draft: Any) -> Classroom:
        """Start a lesson over the interface."""
        answer = await self.request("POST", "/api/lessons", json={"title": "Acorns", "room_count": 2, **draft})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return Classroom(self, body["lesson"], body["code"], body["teacher_token"], body["projector_token"])


@dataclass
class Classroom:
    """One lesson, as its teacher holds it."""

    server: Server
    lesson: str
    code: str
    teacher_token: str
    projector_token: str

    async def join(self, name: str) -> Student:
        """Join with the code, as a new person."""
        answer = await self.server.request("POST", "/api/join", json={"code": self.code, "name": name})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return Student(self, body["participant"], body["token"], body["name"], body["room"])

    async def command(self, type_: str, *, token: str | None = None, expect: int = 200, **fields: Any) -> JSON:
        """Send one command, the teacher's unless another token is given."""
        answer = await self.server.request(
            "POST", f"/api/lessons/{self.lesson}/commands", token or self.teacher_token, json={"type": type_, **fields}
        )
        assert answer.status_code == expect, answer.text
        body: JSON = answer.json()
        return body

    async def report(self) -> JSON:
        """Get the report."""
        answer = await self.server.request("GET", f"/api/lessons/{self.lesson}/report", self.teacher_token)
        assert answer.status_code == 200, answer.text
        body: JSON = answer.json()
        return body

    @asynccontextmanager
    async def watch(self, token: str | None = None) -> AsyncIterator[Watch]:
        """Open the lesson socket, the teacher's unless another token is given."""
        url = f"{self.server.sockets}/ws/lessons/{self.lesson}?token={token or self.teacher_token}"
        async with websockets.connect(url, max_size=None) as socket:
            watch = Watch(socket)
            task = asyncio.create_task(watch.run())
            try:
                await until(lambda: bool(watch.state) or watch.closed is not None, "the first state")
                yield watch
            finally:
                task.cancel()

    def room_url(self, room: str, token: str) -> str:
        """Give the document socket's address."""
        return f"{self.server.sockets}/ws/lessons/{self.lesson}/rooms/{room}?token={token}"

    @asynccontextmanager
    async def write(
        self, room: str, token: str, document: pycrdt.Doc[pycrdt.Text] | None = None
    ) -> AsyncIterator[Peer]:
        """Open a room's text as a pycrdt peer, in sync when this is entered."""
        async with websockets.connect(self.room_url(room, token), max_size=None) as socket:
            peer = Peer(socket, document)
            task = asyncio.create_task(peer.run())
            try:
                await until(lambda: peer.synced or peer.closed is not None, "the first sync")
                yield peer
            finally:
                task.cancel()


@dataclass
class Student:
    """One participant."""

    classroom: Classroom
    participant: str
    token: str
    name: str
    room: str | None

    async def command(self, type_: str, *, expect: int = 200, **fields: Any) -> JSON:
        """Send one command as this student."""
        return await self.classroom.command(type_, token=self.token, expect=expect, **fields)


class Watch:
    """A lesson socket that keeps the state it is told of."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.state: JSON = {}
        self.messages: list[JSON] = []
        self.closed: int | None = None
        self._number = 0

    async def run(self) -> None:
        try:
            async for frame in self.socket:
                message = json.loads(frame)
                if message["type"] == "state":
                    self.state = message["state"]
                elif message["type"] == "change":
                    changed = patch.apply(self.state, message["patch"])
                    assert isinstance(changed, dict)
                    self.state = changed
                self.messages.append(message)
        except websockets.ConnectionClosed:
            pass
        self.closed = self.socket.close_code

    async def send(self, type_: str, **fields: Any) -> JSON:
        """Send a command and give the answer to it."""
        self._number += 1
        number = self._number
        await self.socket.send(json.dumps({"type": type_, "id": number, **fields}))
        await until(lambda: any(each.get("re") == number for each in self.messages), f"an answer to {type_}")
        return next(each for each in self.messages if each.get("re") == number)

    async def sees(self, condition: Callable[[JSON], object], what: str) -> None:
        """Wait until the state is as wanted."""

        def holds() -> bool:
            try:
                return bool(condition(self.state))
            except (KeyError, TypeError):
                return False

        await until(holds, what)


class Peer:
    """A pycrdt document kept in sync over a document socket; it notes what came back from the server."""

    def __init__(self, socket: ClientConnection, document: pycrdt.Doc[pycrdt.Text] | None = None) -> None:
        self.socket = socket
        self.document: pycrdt.Doc[pycrdt.Text] = document if document is not None else pycrdt.Doc()
        self.text = self.document.get("summary", type=pycrdt.Text)
        self.synced = False
        self.closed: int | None = None
        self.received: list[bytes] = []
        """Every update the server sent, echoes included."""
        self.awareness: dict[int, Any] = {}
        self._applying = False
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._subscription = self.document.observe(self._changed)

    def _changed(self, event: pycrdt.TransactionEvent) -> None:
        if not self._applying:
            self._outgoing.put_nowait(encode_update(event.update))

    async def run(self) -> None:
        writer = asyncio.create_task(self._write())
        try:
            async for frame in self.socket:
                assert isinstance(frame, bytes)
                self._receive(frame)
        except websockets.ConnectionClosed:
            pass
        finally:
            writer.cancel()
            self.document.unobserve(self._subscription)
        self.closed = self.socket.close_code

    async def _write(self) -> None:
        try:
            await self.socket.send(encode_sync_step1(self.document.get_state()))
            while True:
                await self.socket.send(await self._outgoing.get())
        except websockets.ConnectionClosed:
            pass

    def _receive(self, frame: bytes) -> None:
        match decode_message(frame):
            case SyncStep1(state_vector=state_vector):
                self._outgoing.put_nowait(encode_sync_step2(self.document.get_update(state_vector)))
            case SyncStep2(update=update):
                self._apply(update)
                self.synced = True
            case SyncUpdate(update=update):
                self._apply(update)
            case AwarenessUpdate(states=states):
                for state in states:
                    self.awareness[state.client] = json.loads(state.state)
            case other:
                raise AssertionError(f"not a message of the protocol: {other!r}")

    def _apply(self, update: bytes) -> None:
        self.received.append(update)
        self._applying = True
        try:
            self.document.apply_update(update)
        finally:
            self._applying = False

    async def send(self, frame: bytes | str) -> None:
        """Send a frame of one's own making."""
        await self.socket.send(frame)

    async def sees(self, text: str) -> None:
        """Wait until the text is this."""
        await until(lambda: str(self.text) == text, f"the text {text!r}, not {str(self.text)!r}")

    async def is_closed(self) -> int:
        """Wait until the server has closed the socket; give the code."""
        await until(lambda: self.closed is not None, "the close")
        assert self.closed is not None
        return self.closed


async def gather(*work: Awaitable[Any]) -> list[Any]:
    """Do several things at once; the first failure ends all."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_as_coroutine(each)) for each in work]
    return [task.result() for task in running]


async def _as_coroutine(work: Awaitable[Any]) -> Any:
    return await work
