"""A lesson in progress by scripted students, for a visitor to look at."""

from __future__ import annotations

from server.web.services import Services


async def run_demonstration(services: Services, address: str) -> None:
    """Run it."""
