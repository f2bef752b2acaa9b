"""What stands between a client and servers: it spreads connections, and the network behind it can stand still."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

_CHUNK_BYTES = 64 * 1024


@dataclass
class Relay:
    """TCP from a port of its own to whichever of several ports takes the connection, each in its turn."""

    ports: Sequence[int]
    port: int = 0
    _turns: itertools.count[int] = field(default_factory=itertools.count)
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Relay:
        self._flowing.set()
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def stall(self) -> None:
        """Carry nothing more; connections stay, and new ones are taken but lead nowhere."""
        self._flowing.clear()

    def flow(self) -> None:
        """Go on, with all that waited."""
        self._flowing.set()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._flowing.wait()
            turn = next(self._turns)
            for number in range(len(self.ports)):
                try:
                    there = await asyncio.open_connection("127.0.0.1", self.ports[(turn + number) % len(self.ports)])
                    break
                except OSError:
                    continue
            else:
                return
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pump(reader, there[1]))
                    tasks.create_task(self._pump(there[0], writer))
            finally:
                there[1].transport.abort()
        except* OSError:
            pass
        finally:
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        await self._flowing.wait()
        writer.write_eof()
