"""pycrdt-websocket as its documentation starts it, on uvicorn with uvloop, without a store."""

from __future__ import annotations

import asyncio
import os

import uvicorn
from pycrdt.websocket import ASGIServer, WebsocketServer  # type: ignore[import-not-found]


async def serve() -> None:
    websockets = WebsocketServer()
    config = uvicorn.Config(
        ASGIServer(websockets),
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
    )
    async with websockets:
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(serve())
