"""Logs that a program reads: one JSON object a line, whoever speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import logging, structlog, sys
from server.logs import configure_logging
configure_logging(None)
structlog.get_logger("server").info("lesson.expired", lesson="k3J")
try:
    raise ValueError(sys.argv[1])
except ValueError:
    structlog.get_logger("server").exception("connection.failed")
    logging.getLogger("uvicorn.error").exception("went wrong: %s", 7)
logging.getLogger("uvicorn.error").info("not worth a line")
"""


def _run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script that is given the words which no log may quote; of the script itself a trace quotes lines."""
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])


def test_away_from_a_terminal_every_line_is_json() -> None:
    done = _run(_SCRIPT, "two\nlines")
    assert done.stdout == ""
    ours, trace, theirs = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["lesson"]) == ("lesson.expired", "info", "k3J")
    assert "ValueError" in trace["exception"]
    assert "two" not in trace["exception"]
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("went wrong: 7", "error", "uvicorn.error")
    assert "ValueError" in theirs["exception"]
    assert {"timestamp"} <= ours.keys() & trace.keys() & theirs.keys()


_A_DEFECT = """
import asyncio, sys, tempfile
from pathlib import Path
from urllib.request import urlopen
from starlette.routing import Route
from server import __main__ as main
from server.app import create_app, open_services
from server.logs import configure_logging
from server.settings import Settings

async def defect(request):
    asyncio.get_running_loop().create_task(later())
    raise KeyError(sys.argv[2]) from OSError(28, "No space left", sys.argv[3])

async def later():
    raise ExceptionGroup(sys.argv[1], [ValueError(sys.argv[2])])

def ask(address):
    try:
        urlopen(address + "/api/defect")
    except OSError as error:
        print(error.code)

async def run(folder):
    settings = Settings(port=0, data=Path(folder))
    services = await open_services(settings)
    app = create_app(services)
    app.router.routes.insert(0, Route("/api/defect", defect))
    server = main.Server(main._config(app, settings.limits), services.draining, services.registry)
    listener = main._listen(settings)
    serving = asyncio.create_task(server.serve([listener]))
    await asyncio.to_thread(ask, main._address(listener))
    server.should_exit = True
    await serving

configure_logging(None)
with tempfile.TemporaryDirectory() as folder:
    asyncio.run(run(folder))
"""


def test_a_defect_leaves_a_trace_that_quotes_nobody() -> None:
    done = _run(_A_DEFECT, "Mia", "has a dog", "/data")
    assert done.stdout == "500\n"
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (route,) = [line for line in lines if line.get("logger") == "uvicorn.error"]
    (task,) = [line for line in lines if line.get("logger") == "asyncio"]
    assert (route["event"], route["level"]) == ("Exception in ASGI application", "error")
    assert "OSError: No space left\n\nwhich led to" in route["exception"]
    assert route["exception"].splitlines()[-1] == "KeyError"
    assert "ExceptionGroup\n  | ValueError" in task["exception"]
    assert "Mia" not in done.stderr
    assert "dog" not in done.stderr
    assert "/data" not in done.stderr
