"""A real redis-server, which tests kill, stop, freeze and start again."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis.asyncio
import redis.exceptions

from tests.processes import free_port
from tests.relay import Relay

_DEADLINE_SECS = 20.0


@dataclass
class RedisServer:
    """One redis-server over one folder, append-only; a restarted one keeps its port and its data."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    """Added to the configuration; values replace the ones below."""
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it and wait until it has loaded its data and answers."""
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.port == 0:
            self.port = free_port()
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            # With `everysec` Redis answers before it has written, for up to two seconds while the disk is busy (see
            # `flushAppendOnlyFile`): a killed one may then lose what it acknowledged.
            "appendfsync": "always",
            "save": "",
            "repl-diskless-sync-delay": "0",
            "rdbcompression": "no",  # so that `bytes` can be searched
            **self.options,
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec("redis-server", *arguments, stdout=log, stderr=log)
        async with asyncio.timeout(_DEADLINE_SECS):
            while True:
                try:
                    async with self.client() as client:
                        await client.ping()
                    return
                except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                    if self.process.returncode is not None:
                        raise AssertionError((self.folder / "redis.log").read_text()) from None
                    await asyncio.sleep(0.01)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def client(self) -> redis.asyncio.Redis:
        """Give a client, to be used in ``async with``."""
        return redis.asyncio.Redis.from_url(self.url)

    async def stop(self) -> None:
        """Ask it to end: it writes everything to its append-only file first."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """``kill -9``."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def forget(self) -> None:
        """Take its data away; it must have been stopped."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def keep(self, copy: Path) -> None:
        """Copy its data as they are in the file system now."""
        shutil.copytree(self.folder / "appendonlydir", copy)

    def restore(self, copy: Path) -> None:
        """Put back what ``keep`` copied, as if it had lost everything since; it must have been stopped."""
        self.forget()
        shutil.copytree(copy, self.folder / "appendonlydir")

    def bytes(self) -> bytes:
        """Give everything it has in the file system."""
        found = []
        for path in self.folder.rglob("*"):
            with suppress(FileNotFoundError, IsADirectoryError):  # replaced while we look
                found.append(path.read_bytes())
        return b"".join(found)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.returncode is None:
            self._signal(number)
        async with asyncio.timeout(_DEADLINE_SECS):
            await self.process.wait()


@asynccontextmanager
async def replaced(primary: RedisServer, folder: Path) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """Give an address that leads to a primary, and what makes a replica take its place there: the two change roles,
    and connections that there are stay where they are."""
    replica = RedisServer(folder / "replica", {"replicaof": f"127.0.0.1 {primary.port}"})
    await replica.start()
    try:
        async with Relay([primary.port]) as relay, primary.client() as old, replica.client() as new:
            await old.set("written", 1)  # else one that has not begun to receive counts as one that has everything
            while not await old.wait(1, 100):
                pass

            async def replace() -> None:
                await new.replicaof("NO", "ONE")
                await old.replicaof("127.0.0.1", str(replica.port))
                relay.ports = [replica.port]

            yield f"redis://127.0.0.1:{relay.port}/0", replace
    finally:
        await replica.kill()
