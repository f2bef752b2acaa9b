"""Fixtures every test folder may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stage import Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A real server process on a free port, killed at the end."""
    server = Server(tmp_path / "data")
    await server.start()
    yield server
    await server.kill()
