"""A browser at the test's server, whose pages must have been without fault at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.e2e.browser import WAIT_MS, School, open_school
from tests.stage import Server

expect.set_options(timeout=WAIT_MS)


@pytest.fixture
async def school(server: Server) -> AsyncIterator[School]:
    """The people's browsers."""
    async with open_school(server.address) as school:
        yield school
        assert school.faults() == []
