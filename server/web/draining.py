"""How a web process ends: it lets nobody new in, sends everyone elsewhere little by little, and leaves.

Closed all at once, a school's sockets would come back all at once, to the processes that are left.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import defaultdict
from typing import Protocol

import structlog
import uvicorn

from server.core.commands import Actor
from server.errors import Unavailable
from server.hub.registry import Registry

log = structlog.get_logger(__name__)

SPREAD_SECS = 4.0
"""Everyone is sent away within this; with what the rest takes a process is gone well within ten seconds."""
_APART_SECS = 0.05
"""Few people need no more time between them than this."""
RETRY_AFTER_SECS = 2
RESTART = 1012
"""The close code for a restart (RFC 6455 registry): connect again."""


class _Socket(Protocol):
    actor: Actor

    def close(self, code: int, reason: str = "") -> None: ...


class Draining:
    """Whether this process is on its way out."""

    def __init__(self) -> None:
        self.begun = False

    def refuse(self) -> None:
        """Turn newcomers away. Raises Unavailable once draining has begun."""
        if self.begun:
            raise Unavailable("This server is restarting. Try again in a moment.", reason="draining")

    async def drain(self, registry: Registry) -> None:
        """Let nobody in from now on and close every socket; what it brought before is in the journal's hands.

        A person's sockets go together, so that a page reconnects once.
        """
        self.begun = True
        people: defaultdict[tuple[str, Actor], list[_Socket]] = defaultdict(list)
        for lesson in registry.loaded():
            open_here: tuple[_Socket, ...] = (*lesson.audience.watchers, *lesson.audience.seats)
            for each in open_here:
                people[lesson.id, each.actor].append(each)
        groups = list(people.values())
        # By chance, so that no lesson loses all of its people in the same moment.
        random.shuffle(groups)
        log.info("web.draining", people=len(groups))
        apart = min(_APART_SECS, SPREAD_SECS / max(1, len(groups)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for position, group in enumerate(groups):
            for each in group:
                each.close(RESTART, "The server restarts.")
            # Thousands of closes take time themselves: each has its moment, not a pause after the one before.
            await asyncio.sleep(began + (position + 1) * apart - loop.time())


class Server(uvicorn.Server):
    """Uvicorn, which closes all sockets in the same moment, after a draining of our own."""

    def __init__(self, config: uvicorn.Config, draining: Draining, registry: Registry) -> None:
        super().__init__(config)
        self._draining = draining
        self._registry = registry

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, still answering; then stop listening and wait for what is under way."""
        await self._draining.drain(self._registry)
        await super().shutdown(sockets)
