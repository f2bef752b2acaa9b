"""Stock Yjs clients in one Node process, for tests in the words of a classroom."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.stage import DEADLINE_SECS, JSON, Classroom

Version = Literal["2.1", "3.0", "3.1", "4"]
"""Of the provider: y-websocket, and @y/websocket from 4 on."""

ROOT = Path(__file__).parents[1]
NODE = ROOT / ".venv" / "bin" / "node"
PEERS = ROOT / "tests" / "live" / "peers"


def node() -> str:
    """Give the Node to run: the project's own where ``make`` has put it, else the system's."""
    return str(NODE) if NODE.exists() else "node"


@dataclass
class StockPeers:
    """The process. Requests are answered in order; a client's own work goes on in between."""

    process: asyncio.subprocess.Process
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def ask(self, wanted: str, peer: str, **rest: Any) -> Any:
        assert self.process.stdin is not None
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": number, "do": wanted, "peer": peer, **rest}).encode() + b"\n")
        async with asyncio.timeout(DEADLINE_SECS):
            return await answer

    async def listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            answer = self._answers.pop(message["re"])
            if "error" in message:
                answer.set_exception(AssertionError(message["error"]))
            else:
                answer.set_result(message["value"])
        for answer in self._answers.values():
            answer.set_exception(AssertionError("the clients' process has ended"))

    async def open(self, version: Version, classroom: Classroom, room: str, token: str, **wish: Any) -> StockPeer:
        """Connect a new client to a room; ``user`` is who it says it is, ``connect=False`` leaves it offline."""
        peer = StockPeer(self, f"{version}-{next(self._numbers)}")
        address = f"{classroom.server.sockets}/ws/lessons/{classroom.lesson}/rooms"
        peer.client = await self.ask("open", peer.key, version=version, address=address, room=room, token=token, **wish)
        return peer


@dataclass
class StockPeer:
    """One client with its provider."""

    peers: StockPeers
    key: str
    client: int = 0

    async def ask(self, wanted: str, **rest: Any) -> Any:
        return await self.peers.ask(wanted, self.key, **rest)

    async def look(self) -> JSON:
        """Give text, client, synced, connected, wanted, pending, awareness, echoes, closes, closed_at,
        synced_at and typed."""
        view: JSON = await self.ask("look")
        return view

    async def edit(self, insert: str = "", *, at: int | None = None, remove: int = 0) -> None:
        """Change the text in one transaction; ``at`` and ``remove`` are UTF-16 units, None is the end."""
        await self.ask("edit", insert=insert, remove=remove, **({} if at is None else {"at": at}))

    async def scatter(self, pieces: list[str], seed: int) -> None:
        """Insert each piece somewhere, and delete a sign after every third, all between whole characters."""
        await self.ask("scatter", pieces=pieces, seed=seed)

    async def history(self) -> list[bytes]:
        """Give every update that the server has sent."""
        return [base64.b64decode(update) for update in await self.ask("history")]

    async def sees(self, condition: Callable[[JSON], object], what: str, secs: float = DEADLINE_SECS) -> None:
        """Wait until what the client shows is as wanted."""
        deadline = time.monotonic() + secs
        while not condition(view := await self.look()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.key}: not within {secs} s: {what}; it shows {view}")
            await asyncio.sleep(0.005)

    async def reads(self, text: str) -> None:
        """Wait until the text is this."""
        await self.sees(lambda view: view["text"] == text, f"the text {text!r}")

    async def is_synced(self) -> None:
        await self.sees(lambda view: view["synced"], "in sync")


@asynccontextmanager
async def stock_peers() -> AsyncIterator[StockPeers]:
    """Start the process; it and all its clients are gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        node(),
        str(PEERS / "peers.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    peers = StockPeers(process)
    listener = asyncio.create_task(peers.listen())
    try:
        yield peers
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listener
