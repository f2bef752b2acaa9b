"""What the pages, the interface and the sockets need of the server, put together in ``app``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from starlette.requests import HTTPConnection

from server.bus import Bus
from server.clock import now_ms
from server.core.commands import Actor, AnyCommand, Prompt
from server.hub.connection import RateLimit
from server.hub.inbox import Inbox
from server.hub.registry import Registry
from server.journal import Journal
from server.metrics import Metrics
from server.moderator import Moderator
from server.settings import Settings
from server.web.auth import Grant, Tokens
from server.web.draining import Draining
from server.web.templates import Pages


@dataclass(frozen=True, slots=True)
class Services:
    """One server's parts."""

    settings: Settings
    journal: Journal
    bus: Bus
    registry: Registry
    moderator: Moderator
    metrics: Metrics
    tokens: Tokens
    pages: Pages
    lessons_started: RateLimit
    draining: Draining
    inbox: Inbox
    close: Callable[[], Awaitable[None]]
    """Makes durable what is not, and lets go of the store."""

    async def execute(self, lesson: str, command: AnyCommand, actor: Actor) -> None:
        """Carry out a command; the rooms that show a sign just now are the moderator's to know. Raises Refused."""
        if isinstance(command, Prompt) and command.sign is not None and not command.rooms:
            command = msgspec.structs.replace(command, rooms=await self.moderator.rooms_with(lesson, command.sign))
        await self.registry.execute(lesson, command, actor)

    def now(self) -> int:
        """Give the time in milliseconds since the epoch."""
        return now_ms()

    def monotonic(self) -> float:
        """Give a clock that never goes back, in seconds."""
        return time.monotonic()

    def base_url(self, connection: HTTPConnection) -> str:
        """Give the address people reach us at, without a path."""
        if self.settings.public_url is not None:
            return self.settings.public_url
        scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
        return f"{scheme}://{connection.url.netloc}"

    def urls(self, connection: HTTPConnection, lesson: str, code: str) -> dict[str, str]:
        """Give the addresses of a lesson. ``teach`` and ``project`` carry a token: they open the page anywhere."""
        base = self.base_url(connection)
        teach = self.tokens.sign(Grant("teacher", lesson))
        project = self.tokens.sign(Grant("projector", lesson))
        return {
            "teach": f"{base}/t/{quote(lesson)}?token={teach}",
            "join": f"{base}/j/{code}",
            "project": f"{base}/p/{quote(lesson)}?token={project}",
            "report": f"{base}/t/{quote(lesson)}/report",
        }


def services_of(connection: HTTPConnection) -> Services:
    """Give the services of the server that took this connection."""
    services: Services = connection.app.state.services
    return services
