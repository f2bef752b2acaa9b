"""The registry's own rules."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.bus.memory import MemoryBus
from server.core.events import encode_event
from server.errors import NotFound, Unavailable
from server.hub.lesson_socket import figures_topic
from server.hub.lessons import LiveLesson
from server.hub.nodes import OneNode
from server.hub.registry import Registry, new_lesson_id
from server.hub.turns import OwnTurns
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.moderator.service import EmbeddedModerator
from server.settings import Limits
from tests.hub.test_several_processes import opening
from tests.stage import until


@asynccontextmanager
async def registry_over(journal: SqliteJournal, retention_days: int = 36_500) -> AsyncIterator[Registry]:
    """Run a registry that sweeps when it is told to."""
    bus, limits, metrics = MemoryBus(), Limits(), Metrics()
    await journal.open()
    moderator = EmbeddedModerator(journal, bus, figures_topic, limits, metrics)
    yield Registry(journal, bus, OneNode(), OwnTurns(), moderator, limits, metrics, retention_days)
    await journal.close()


def test_a_lessons_id_can_be_typed_behind_a_command() -> None:
    made = {new_lesson_id() for _ in range(2_000)}  # one in 64 would begin with a dash by itself
    assert len(made) == 2_000
    assert not any(each.startswith("-") for each in made)


class Ahead(SqliteJournal):
    """A journal that has an entry which has not come by here yet, as one over a network may."""

    ahead = 0

    async def latest(self, lesson: str) -> int:
        return await super().latest(lesson) + self.ahead


async def test_a_lesson_that_is_dropped_while_somebody_comes_is_given_to_nobody(tmp_path: Path) -> None:
    journal = Ahead(tmp_path / "journal.sqlite")
    async with registry_over(journal) as registry:
        await journal.create("lesson", "ABC234", 1, [encode_event(event) for event in opening()])
        live = await registry.get("lesson")
        journal.ahead = 1
        coming = asyncio.create_task(registry.get("lesson"))
        await until(lambda: bool(live._progress._waiting), "that somebody waits")
        live._break()  # the document engine has failed
        with pytest.raises(Unavailable):
            await coming
        journal.ahead = 0
        assert await registry.get("lesson") is not live


async def test_a_lesson_that_is_dropped_while_it_is_opened_is_not_moderated_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    async with registry_over(journal) as registry:
        await journal.create("lesson", "ABC234", 1, [encode_event(event) for event in opening()])
        opened = LiveLesson.open

        async def break_once(live: LiveLesson) -> None:
            await opened(live)
            live._break()

        monkeypatch.setattr(LiveLesson, "open", break_once)
        with pytest.raises(Unavailable):
            await registry.get("lesson")
        assert journal._tails["lesson"] == [], "nobody follows it"
        monkeypatch.undo()
        await registry.get("lesson")


async def test_p23_a_deletion_that_storage_refused_is_made_up_for_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    async with registry_over(journal, retention_days=30) as registry:
        for lesson, code in (("first", "ABC234"), ("second", "DEF567")):
            await journal.create(lesson, code, 1, [encode_event(event) for event in opening()])
        delete = journal._store.delete

        def full(key: int) -> None:
            if key == 1:
                raise sqlite3.OperationalError("database or disk is full")
            delete(key)

        monkeypatch.setattr(journal._store, "delete", full)
        with pytest.raises(Unavailable):
            await registry.delete("first")
        with pytest.raises(NotFound):
            await registry.get("first")
        await registry._sweep_once()  # their time has come long ago
        assert [row.lesson for row in await journal.lessons()] == ["first"]
        monkeypatch.undo()
        await registry._sweep_once()
        assert await journal.lessons() == []
