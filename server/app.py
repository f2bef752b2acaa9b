"""The composition root: settings become a server. The list of routes is the map of the site."""

from __future__ import annotations

import mimetypes
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.bus import Bus
from server.bus.memory import MemoryBus
from server.bus.redis import RedisBus
from server.errors import Forbidden, Malformed, NotFound, Refused, SettingsError, TooFast
from server.hub.connection import RateLimit
from server.hub.inbox import Inbox
from server.hub.lesson_socket import figures_topic
from server.hub.nodes import Nodes, OneNode, RedisNodes
from server.hub.registry import Registry
from server.hub.turns import OwnTurns, RedisTurns, Turns
from server.journal import Journal
from server.journal.redis import RedisJournal
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.moderator import Moderator
from server.moderator.duty import Duty
from server.moderator.lease import Leases
from server.moderator.remote import RemoteModerator
from server.moderator.service import EmbeddedModerator
from server.redis_shards import Links
from server.settings import Settings, find_assets
from server.web import api, pages, sockets
from server.web.api import Answer
from server.web.auth import Tokens, load_secret, presented_token, shared_secret
from server.web.draining import RETRY_AFTER_SECS, Draining
from server.web.operators import operators_routes
from server.web.security import SecurityHeaders
from server.web.services import Services
from server.web.templates import Pages, preferred_language

log = structlog.get_logger(__name__)

JOURNAL_FILE = "journal.sqlite"
_LESSONS_STARTED = (5.0, 200.0)  # a second sustained, at once: a school's Monday at nine, not a script's for ever


class BuiltFiles(StaticFiles):
    """Files whose names change with their content: a browser never asks twice."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Send the packed copy that the build laid beside a file to whoever takes one."""
        packed = f"{os.fspath(full_path)}.gz"
        takes = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        if not takes or status_code != 200 or not os.path.isfile(packed):
            return super().file_response(full_path, stat_result, scope, status_code)
        kind, _ = mimetypes.guess_type(os.fspath(full_path))
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return FileResponse(packed, status_code, headers, kind, stat_result=os.stat(packed))


@dataclass(frozen=True, slots=True)
class Store:
    """Where lessons are kept, and what the processes that serve them share."""

    journal: Journal
    bus: Bus
    nodes: Nodes
    turns: Turns
    links: Links | None
    """None: this process is the only one."""

    async def open(self) -> None:
        """Open journal and bus; the registry opens the rest. Raises SettingsError."""
        await self.journal.open()
        await self.bus.open()

    async def close(self) -> None:
        """Make durable what is not, and let go. Closing twice is allowed."""
        await self.journal.close()
        await self.bus.close()
        if self.links is not None:
            await self.links.close()


def build_store(settings: Settings, metrics: Metrics) -> Store:
    """Choose where lessons are kept: in Redis where one is set, else in SQLite. Raises SettingsError."""
    url = settings.redis_url
    if url is not None:
        links = Links(url)
        journal = RedisJournal(
            url, replicas=settings.redis_replicas, unsafe=settings.redis_unsafe, observe=metrics.observe_commit
        )
        return Store(journal, RedisBus(url), RedisNodes(secrets.token_urlsafe(6), links), RedisTurns(links), links)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The folder {settings.data} cannot be made ({error.strerror}). "
            "Set ROUNDTABLE_DATA to a folder that the server may write to."
        ) from None
    embedded = SqliteJournal(settings.data / JOURNAL_FILE, observe=metrics.observe_commit)
    return Store(embedded, MemoryBus(), OneNode(), OwnTurns(), None)


async def open_services(settings: Settings) -> Services:
    """Put a web process's parts together, its store open. Raises SettingsError."""
    metrics = Metrics()
    store = build_store(settings, metrics)
    await store.open()
    secret = load_secret(settings) if store.links is None else await shared_secret(settings, store.links)
    return build_services(settings, metrics, store, secret)


def build_services(settings: Settings, metrics: Metrics, store: Store, secret: str) -> Services:
    """Put a web process's parts together. Raises SettingsError."""
    journal, bus, limits = store.journal, store.bus, settings.limits
    moderator: Moderator = (
        EmbeddedModerator(journal, bus, figures_topic, limits, metrics)
        if store.links is None
        else RemoteModerator(journal, bus, figures_topic, Leases(store.links), metrics)
    )
    return Services(
        settings=settings,
        journal=journal,
        bus=bus,
        registry=Registry(journal, bus, store.nodes, store.turns, moderator, limits, metrics, settings.retention_days),
        moderator=moderator,
        metrics=metrics,
        tokens=Tokens(secret, secure=settings.secure),
        pages=Pages(find_assets()),
        lessons_started=RateLimit(*_LESSONS_STARTED, time.monotonic()),
        draining=Draining(),
        inbox=Inbox(),
        close=store.close,
    )


def build_duty(settings: Settings, metrics: Metrics, store: Store) -> Duty:
    """Put a moderator process's parts together; its store is shared with the web processes."""
    assert store.links is not None
    leases = Leases(store.links)
    return Duty(secrets.token_urlsafe(6), store.journal, store.bus, leases, figures_topic, settings.limits, metrics)


def create_moderator_app(store: Store, metrics: Metrics) -> Starlette:
    """Give the ASGI application of a moderator process: nobody but operators asks it anything."""
    return Starlette(routes=operators_routes(store.journal, metrics, Draining()))


def create_app(services: Services, front_door: str | None = None) -> Starlette:
    """Give the ASGI application. The journal must be open; the lifespan closes it.

    ``front_door`` is where the start page sends a visitor who has no lessons of their own: the demonstration.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with services.moderator, services.registry:
            yield
        await services.close()

    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/new", pages.new),
            Route("/join", pages.join),
            Route("/join", pages.join_by_form, methods=["POST"]),
            Route("/j/{code}", pages.join),
            Route("/counted", pages.counted),
            Route("/l/{lesson}", pages.student),
            Route("/l/{lesson}/forget", pages.forget_seat, methods=["POST"]),
            Route("/t/{lesson}", pages.teach),
            Route("/t/{lesson}/report", pages.report),
            Route("/p/{lesson}", pages.project),
            Route("/api/lessons", api.create_lesson, methods=["POST"]),
            Route("/api/join", api.join, methods=["POST"]),
            Route("/api/lessons/{lesson}", api.delete_lesson, methods=["DELETE"]),
            Route("/api/lessons/{lesson}/commands", api.command, methods=["POST"]),
            Route("/api/lessons/{lesson}/report", api.report_json),
            Route("/api/lessons/{lesson}/report.csv", api.report_as_csv),
            Route("/api/lessons/{lesson}/report.html", api.report_as_html),
            Route("/api/lessons/{lesson}/timeline", api.timeline_json),
            Route("/api/lessons/{lesson}/rooms/{room}/evidence", api.evidence_json),
            Route("/api/lessons/{lesson}/rooms/{room}/replay", api.replay_json),
            Route("/api/lessons/{lesson}/rooms/{room}/summary.md", api.summary_as_markdown),
            Route("/api/lessons/{lesson}/rooms/{room}/summary.html", api.summary_as_html),
            WebSocketRoute("/ws/lessons/{lesson}", sockets.lesson_socket),
            WebSocketRoute("/ws/lessons/{lesson}/rooms/{room}", sockets.document_socket),
            Route("/icon.svg", pages.icon),
            *operators_routes(services.journal, services.metrics, services.draining),
            Mount("/static", BuiltFiles(directory=find_assets().dist), name="static"),
        ],
        middleware=[Middleware(SecurityHeaders, secure=services.settings.secure)],
        exception_handlers={Refused: _refused, HTTPException: _http_error, Exception: _failed},
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.front_door = front_door
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    services: Services = request.app.state.services
    services.metrics.refusals.labels(error.reason).inc()
    return _answer(request, error.status, error.code, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, type[Refused]] = {403: Forbidden, 404: NotFound, 429: TooFast}
    code = known.get(error.status_code, Malformed).code
    if error.status_code == 404:
        return _answer(request, 404, code, NotFound("There is no such page. Check the address."))
    response = _answer(request, error.status_code, code, Refused("This cannot be asked here. Check the address."))
    response.headers.update(error.headers or {})  # what can be asked (RFC 9110, section 15.5.6)
    return response


async def _failed(request: Request, error: Exception) -> Response:
    # Starlette logs the trace; the person gets a sentence.
    return _answer(request, 500, "failed", Refused("The server made a mistake. Try again; what was saved is safe."))


def _answer(request: Request, status: int, code: str, refused: Refused) -> Response:
    services: Services = request.app.state.services
    message = services.pages.say(refused, preferred_language(request))
    response: Response
    if request.url.path.startswith("/api/"):
        response = Answer({"error": {"code": code, "message": message}}, status)
    else:
        # Who comes by a link is told of the link; who comes without one has another browser, or is not the teacher.
        teachers = request.url.path.startswith(("/t/", "/p/")) and presented_token(request) is None
        response = services.pages.render(request, "error", status=status, code=code, message=message, teachers=teachers)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECS)
    return response
