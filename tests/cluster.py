"""Several processes on one Redis, for tests in the words of a classroom."""

from __future__ import annotations

import os
import sys
import time
from asyncio import create_subprocess_exec, subprocess
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from server.core.events import decode_event
from server.core.participation import Participation
from server.journal.redis import RedisJournal
from tests.redis_server import RedisServer
from tests.stage import Server


@dataclass
class Cluster:
    """Web and moderator processes on one Redis; those still running at the end are killed."""

    redis: RedisServer
    folder: Path
    stack: AsyncExitStack

    async def start(self, *command: str, redis_url: str | None = None) -> Server:
        """Start a web process, or another command that serves; it may know Redis by another address."""
        server = Server(self.folder, {"REDIS_URL": redis_url or self.redis.url})
        await server.start(*command)
        self.stack.push_async_callback(server.kill)
        return server

    async def run(self, *command: str) -> str:
        """Run a command to its end; give what it says."""
        process = await create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            *command,
            env={**os.environ, "REDIS_URL": self.redis.url},
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()

    async def replay(self, lesson: str) -> Participation:
        """Fold a lesson's journal anew."""
        journal = RedisJournal(self.redis.url)
        await journal.open()
        participation = Participation(lesson)
        try:
            seq = 0
            while batch := await journal.read(lesson, seq):
                for entry in batch:
                    participation.apply(decode_event(entry.body), entry.at)
                seq = batch[-1].seq
        finally:
            await journal.close()
        return participation

    async def figures(self, lesson: str) -> dict[str, Any]:
        """Give the figures that a moderator would publish now, from the journal."""
        participation = await self.replay(lesson)
        now = int(time.time() * 1000)
        figures = {room: participation.room_figures(room, now) for room in participation.lesson.rooms}
        shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(figures))
        return shown


def settled(figures: dict[str, Any]) -> dict[str, Any]:
    """Give what does not change by time alone."""
    return {
        room: [each["words"], each["excerpt"], {who: member["slots"] for who, member in each["members"].items()}]
        for room, each in figures.items()
    }
