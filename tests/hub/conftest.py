"""What the tests of the hub begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.core.events import encode_event
from server.journal.sqlite import SqliteJournal
from tests.hub.test_several_processes import opening


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    """A journal with one lesson, whose rooms are open."""
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("lesson", "ABC234", 1, [encode_event(event) for event in opening()])
    yield journal
    await journal.close()
