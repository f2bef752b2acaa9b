"""The servers that are compared: each started alone on its own core, each with its way of seating students."""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.jobs import Dialect, Seat, Target

ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / "bench" / ".peers"
HOST = "127.0.0.1"
SERVER_CORE = 0
GENERATOR_CORE = 1
START_SECS = 20.0
ROOMS_A_LESSON = 40
"""Of the 60 a lesson may have: a large hall."""


@dataclass(slots=True)
class Running:
    """A server that listens. ``seats`` gives the next students in rooms of ``per_room``."""

    target: Target
    _rooms: Iterator[int] = field(default_factory=count)

    def seats(self, students: int, per_room: int) -> list[Seat]:
        """Give places in rooms that nobody has opened yet; a peer's room is only a name."""
        rooms = [f"room-{next(self._rooms)}" for _ in range(-(-students // per_room))]
        return [Seat(rooms[index // per_room], f"/{rooms[index // per_room]}") for index in range(students)]


class Roundtable(Running):
    """Ours: lessons are created, joined and opened as people do it, through the HTTP interface."""

    def seats(self, students: int, per_room: int, *, pages: bool = False) -> list[Seat]:
        """Give seats in as many lessons as it takes; with ``pages`` each student also holds the lesson socket."""
        seats: list[Seat] = []
        while len(seats) < students:
            in_lesson = min(students - len(seats), ROOMS_A_LESSON * per_room)
            seats += self.lesson(in_lesson, per_room, pages=pages).seats
        return seats

    def lesson(self, students: int, per_room: int, *, pages: bool = False) -> Lesson:
        """Create one lesson, let students join and open the rooms."""
        connection = http.client.HTTPConnection(self.target.host, self.target.port, timeout=START_SECS)

        def post(path: str, body: Mapping[str, object], token: str | None = None) -> dict[str, Any]:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            data: dict[str, Any] = json.loads(answer.read())
            if answer.status >= 300:
                raise RuntimeError(f"POST {path}: {answer.status} {data}")
            return data

        created = post("/api/lessons", {"title": "Acorns", "room_count": -(-students // per_room)})
        lesson, code = created["lesson"], created["code"]
        tokens = [post("/api/join", {"code": code, "name": f"Pupil {index}"})["token"] for index in range(students)]
        post(f"/api/lessons/{lesson}/commands", {"type": "open_rooms"}, created["teacher_token"])
        seats = []
        for index, token in enumerate(tokens):
            # Joining again with one's token tells one's room.
            joined = post("/api/join", {"code": code, "name": f"Pupil {index}"}, token)
            path = f"/ws/lessons/{lesson}/rooms/{joined['room']}?token={token}"
            page = f"/ws/lessons/{lesson}?token={token}" if pages else None
            seats.append(Seat(joined["room"], path, page))
        connection.close()
        return Lesson(self.target, lesson, created["teacher_token"], seats)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One of our lessons, as its teacher holds it."""

    target: Target
    lesson: str
    token: str
    seats: list[Seat]

    @property
    def dashboard(self) -> str:
        """The path of the teacher's lesson socket."""
        return f"/ws/lessons/{self.lesson}?token={self.token}"

    def end(self) -> None:
        """End the lesson, as its teacher does."""
        connection = http.client.HTTPConnection(self.target.host, self.target.port, timeout=START_SECS)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request("POST", f"/api/lessons/{self.lesson}/commands", json.dumps({"type": "end"}), headers)
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"the lesson did not end: {status}")


def node() -> str:
    """Give the Node to run: the project's own where ``make`` has put it, else the system's."""
    own = ROOT / ".venv" / "bin" / "node"
    return str(own) if own.exists() else shutil.which("node") or "node"


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started; ``HOST`` and ``PORT`` tell it where to listen."""

    name: str
    folder: Path
    command: tuple[str, ...]
    dialect: Dialect = "y-websocket"
    kind: type[Running] = Running
    environ: Mapping[str, str] = field(default_factory=dict)


OURS = Server("Roundtable", ROOT, (sys.executable, "-m", "server", "web"), kind=Roundtable)
IMPATIENT = replace(OURS, command=(sys.executable, "-m", "bench.impatient"))
Y_WEBSOCKET = Server(
    "@y/websocket-server", SCRATCH / "y-websocket", (node(), "node_modules/@y/websocket-server/src/server.js")
)
HOCUSPOCUS = Server("@hocuspocus/server", SCRATCH / "hocuspocus", (node(), "serve.mjs"), dialect="hocuspocus")
PYCRDT_WEBSOCKET = Server("pycrdt-websocket", SCRATCH / "pycrdt-websocket", ("venv/bin/python", "serve.py"))
PEERS: Sequence[Server] = (Y_WEBSOCKET, HOCUSPOCUS, PYCRDT_WEBSOCKET)


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server on its core with an empty disk folder, and end it afterwards. Raises RuntimeError."""
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="data-", dir=SCRATCH) as data:
        port = free_port()
        log = Path(data, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                server.command,
                cwd=server.folder,
                env={**os.environ, "HOST": HOST, "PORT": str(port), "ROUNDTABLE_DATA": data, **server.environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_settle,
            )
        try:
            _await_port(process, port, log)
            yield server.kind(Target(HOST, port, process.pid, server.dialect, stores=server.kind is Roundtable))
            if process.poll() is not None:
                raise RuntimeError(f"{server.name} has ended: {log.read_text()[-2000:]}")
        finally:
            process.kill()
            process.wait()
            said = log.read_text(errors="replace")
            if "ERROR" in said or "Traceback" in said:
                print(f"{server.name} reported errors, the last of them:\n{said[-800:]}", file=sys.stderr, flush=True)


def _settle() -> None:
    """In the new process: one core, and as many open files as the machine allows."""
    os.sched_setaffinity(0, {SERVER_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def install_peers() -> None:
    """Install the peers from their registries, at the versions locked in ``bench/peers``, if they are not yet."""
    for source in sorted((ROOT / "bench" / "peers").iterdir()):
        folder = SCRATCH / source.name
        shutil.copytree(source, folder, dirs_exist_ok=True)
        lock = folder / ("package-lock.json" if (folder / "package.json").exists() else "requirements.txt")
        done = folder / ".installed"
        if done.exists() and done.read_text() == lock.read_text():
            continue
        if lock.name == "package-lock.json":
            npm = [str(Path(node()).parent / "npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
            environ = {**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}"}
            subprocess.run(npm, cwd=folder, env=environ, check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
            pip = ["venv/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock.name]
            subprocess.run(pip, cwd=folder, check=True)
        done.write_text(lock.read_text())


def versions() -> dict[str, str]:
    """Give the versions of what is installed."""
    found = {}
    for server, package in ((Y_WEBSOCKET, "@y/websocket-server"), (HOCUSPOCUS, "@hocuspocus/server")):
        manifest = json.loads((server.folder / "node_modules" / package / "package.json").read_text())
        found[package] = manifest["version"]
    for line in (PYCRDT_WEBSOCKET.folder / "requirements.in").read_text().split():
        name, _, version = line.partition("==")
        found[name] = version
    found["node"] = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found["python"] = sys.version.split()[0]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found["Roundtable"] = commit.stdout.strip() or "unknown"
    return found
