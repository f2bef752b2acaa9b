"""The command ``roundtable``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
import uvloop
from starlette.applications import Starlette

from server.app import Store, build_duty, build_store, create_app, create_moderator_app, open_services
from server.clock import now_ms
from server.demonstration import prepare_demonstration
from server.errors import NotFound, RoundtableError, SettingsError
from server.hub.transport import DirectProtocol
from server.logs import configure_logging
from server.metrics import Metrics
from server.report.exports import read_exports
from server.settings import Limits, Settings, read_settings
from server.web.draining import Server
from server.web.services import Services

_PORTS = {"web": 8000, "demo": 8000, "moderator": 8001}
_GRACE_SECS = 3
"""After the draining: for answers and closing handshakes under way."""
_PING_SECS = 20.0
_DAY_MS = 24 * 60 * 60 * 1000


def main(arguments: Sequence[str] | None = None, limits: Limits | None = None) -> int:
    """Run one command; give the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ, port=_PORTS.get(options.command, 0))
        if limits is not None:
            settings = replace(settings, limits=limits)
        configure_logging(settings.log_format)
        match options.command:
            case "web":
                _run(_serve(settings))
            case "demo":
                _run(_demonstrate(settings))
            case "moderator":
                _run(_moderate(settings))
            case "purge":
                _run(_purge(settings, options.lesson, everything=options.all))
            case "export":
                _run(_export(settings, options.lesson, options.folder))
    except RoundtableError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="roundtable", description="A real-time virtual classroom.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("web", help="serve the pages and the sockets")
    commands.add_parser("moderator", help="measure participation; part of web unless processes share a Redis")
    commands.add_parser("demo", help="serve, with a lesson in progress by scripted students")
    purge = commands.add_parser("purge", help="delete lessons past their time, one lesson, or everything")
    purge.add_argument("lesson", nargs="?", help="the id of one lesson to delete now; -- before one that begins with -")
    purge.add_argument("--all", action="store_true", help="delete every lesson")
    export = commands.add_parser("export", help="write one lesson's texts and figures into a folder")
    export.add_argument("lesson", help="the lesson's id; -- before one that begins with -")
    export.add_argument("folder", type=Path, help="where to write")
    return parser


def _run(work: Coroutine[object, object, None]) -> None:
    # A busy loop gives the journal's writer thread its turn after this, not after Python's 5 ms: at full load one
    # commit otherwise took up to 3.5 s, with this 0.5 to 1.3 ms (medians; two shared cores, 2026-11).
    sys.setswitchinterval(0.0002)
    # What is loaded now stays: the collector need not look at it again. And a keystroke leaves no cycles behind, so it
    # may look rarely at all: at Python's own thresholds it took 8 % of a busy server's time (2026-11).
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _serve(settings: Settings) -> None:
    services = await open_services(settings)
    with closing(_listen(settings)) as listener:
        server = _server(services)
        print(f"Roundtable is at {_address(listener)}", flush=True)
        await server.serve([listener])


async def _demonstrate(settings: Settings) -> None:
    with TemporaryDirectory(prefix="roundtable-") as folder:
        services = await open_services(replace(settings, data=Path(folder), redis_url=None))
        with closing(_listen(settings)) as listener:
            address = _address(listener)
            demonstration = await prepare_demonstration(services, address)
            server = _server(services, front_door=demonstration.teach)
            print(f"Roundtable is at {address} with a lesson in progress.", flush=True)
            print(f"  Its teacher sees  {demonstration.teach}")
            print(f"  its projector     {demonstration.project}")
            print(f"  join as a student {demonstration.join}", flush=True)
            async with asyncio.TaskGroup() as tasks:
                students = tasks.create_task(demonstration.run(services, address))
                await server.serve([listener])
                students.cancel()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _server(services: Services, front_door: str | None = None) -> Server:
    limits = services.settings.limits
    return Server(_config(create_app(services, front_door), limits), services.draining, services.registry)


def _config(app: Starlette, limits: Limits) -> uvicorn.Config:
    # Once it has stopped in good order, uvicorn raises the signal again; by default that would end the process with it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws=DirectProtocol,
        # Ours is the limit that answers with 4413; the library's own is a net below it.
        ws_max_size=2 * limits.frame_bytes,
        ws_ping_interval=_PING_SECS,
        ws_ping_timeout=_PING_SECS,
        # Small frames gain nothing from compression: a third more CPU and 34 kB a client for it (measured 2026-11).
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECS,
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"The address {settings.host}:{settings.port} cannot be used ({error.strerror}). "
            "Set PORT to a free port, or HOST to an address of this machine."
        ) from None
    listener.listen(1024)
    return listener


async def _moderate(settings: Settings) -> None:
    if settings.redis_url is None:
        # It does not exit: that would end the web process that honcho started beside it.
        print("Without REDIS_URL the web process moderates its lessons; this one has nothing to do.", flush=True)
        await _stopped()
        return
    metrics = Metrics()
    async with _open_store(settings, metrics) as store:
        with closing(_listen(settings)) as listener:
            server = uvicorn.Server(_config(create_moderator_app(store, metrics), settings.limits))
            print(f"The moderator answers operators at {_address(listener)}", flush=True)
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(build_duty(settings, metrics, store).run())
                await server.serve([listener])
                work.cancel()


async def _stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


@asynccontextmanager
async def _open_store(settings: Settings, metrics: Metrics | None = None) -> AsyncIterator[Store]:
    store = build_store(settings, metrics or Metrics())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _purge(settings: Settings, lesson: str | None, *, everything: bool) -> None:
    async with _open_store(settings) as store:
        rows = await store.journal.lessons()
        if lesson is not None:
            rows = [row for row in rows if row.lesson == lesson]
            if not rows:
                raise NotFound("There is no lesson {lesson}.", lesson=lesson)
        elif not everything:
            rows = [row for row in rows if now_ms() - row.last_at > settings.retention_days * _DAY_MS]
        for row in rows:
            await store.journal.delete(row.lesson)
        print(f"Deleted {len(rows)} lesson{'' if len(rows) == 1 else 's'}.")


async def _export(settings: Settings, lesson: str, folder: Path) -> None:
    async with _open_store(settings) as store:
        files = await read_exports(store.journal, lesson)
    await asyncio.to_thread(_write_files, folder, files)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(folder / name)


if __name__ == "__main__":
    sys.exit(main())
