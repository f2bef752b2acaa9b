"""What operators and their tools ask of any process."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.errors import Refused, Unavailable
from server.journal import Journal
from server.metrics import Metrics
from server.web.draining import RETRY_AFTER_SECS, Draining

_READY_SECS = 2.0
"""A store that takes longer to answer is not ready; whoever asks has little more patience."""


def operators_routes(journal: Journal, metrics: Metrics, draining: Draining) -> list[Route]:
    """Give ``/healthz``, ``/readyz`` and ``/metrics``."""

    async def healthz(request: Request) -> Response:
        """``GET /healthz``: the process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        """``GET /readyz``: newcomers are welcome; 503 when the journal cannot be read or this process is leaving."""
        try:
            draining.refuse()
            async with asyncio.timeout(_READY_SECS):
                await journal.check()
        except TimeoutError:
            refused: Refused = Unavailable("Storage does not answer.", reason="storage")
        except Refused as error:
            refused = error
        else:
            return PlainTextResponse("ready\n")
        body = msgspec.json.encode({"error": {"code": refused.reason, "message": refused.message}})
        retry = {"Retry-After": str(RETRY_AFTER_SECS)}
        return Response(body, Unavailable.status, retry, media_type="application/json")

    async def show_metrics(request: Request) -> Response:
        """``GET /metrics`` in the Prometheus text format."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show_metrics)]
