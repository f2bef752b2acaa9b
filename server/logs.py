"""Logs: one line an event, for people at a terminal and as JSON for whatever collects them. They hold ids, never what
was written in a lesson: so of an exception they say the kind and the place, not the message, which may quote it."""

from __future__ import annotations

import logging
import sys
import textwrap
import traceback

import structlog


def configure_logging(log_format: str | None) -> None:
    """Send everything to stderr as ``text`` or ``json``; None means text for a terminal, else JSON."""
    terminal = sys.stderr.isatty()
    as_json = log_format == "json" or (log_format is None and not terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(lambda exc_info: trace(exc_info[1])),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=terminal)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # What libraries say goes the same way: one line each, a trace included.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _without_values, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def trace(error: BaseException) -> str:
    """Say where an exception and what led to it were raised, and of what kind they are."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n\nwhich led to\n\n".join(_trace_one(link) for link in reversed(chain))


def _trace_one(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, OSError) and error.strerror:
        kind += f": {error.strerror}"
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    parts = ["".join(traceback.format_tb(error.__traceback__)) + kind]
    return "\n".join(parts + [textwrap.indent(trace(each), "  | ") for each in within])


def _without_values(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    # asyncio adds a task's exception and a callback's arguments to what it says.
    said = str(event["event"]).partition("\n")[0]
    event["event"] = said.partition("(")[0] if event.get("logger") == "asyncio" else said
    return event
