"""Logs that a program reads: one JSON object a line, whoever speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import logging, structlog
from server.logs import configure_logging
configure_logging(None)
structlog.get_logger("server").info("lesson.expired", lesson="k3J")
try:
    raise ValueError("two\\nlines")
except ValueError:
    structlog.get_logger("server").exception("connection.failed")
    logging.getLogger("uvicorn.error").exception("went wrong: %s", 7)
logging.getLogger("uvicorn.error").info("not worth a line")
"""


def test_away_from_a_terminal_every_line_is_json() -> None:
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == ""
    ours, trace, theirs = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["lesson"]) == ("lesson.expired", "info", "k3J")
    assert "two\nlines" in trace["exception"]
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("went wrong: 7", "error", "uvicorn.error")
    assert "ValueError" in theirs["exception"]
    assert {"timestamp"} <= ours.keys() & trace.keys() & theirs.keys()
