"""What the server's edge adds to a view of the lesson."""

from __future__ import annotations

from pathlib import Path

from server.core import commands, events
from server.core.commands import TEACHER
from server.core.update import encode_insert
from server.hub.lessons import LiveLesson
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits
from server.web.views import first_view
from tests.hub.test_several_processes import opening
from tests.stage import until


async def test_a_spotlit_text_is_rendered_once_for_everyone(tmp_path: Path) -> None:
    """With thirty pages, a render for each took three quarters of a processor while one person typed."""
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("lesson", "ABC234", 1, [events.encode_event(event) for event in opening()])
    live = LiveLesson("lesson", journal, Limits(), Metrics())
    await live.open()

    def shown_to(participant: str) -> object:
        spotlight = first_view(live, participant, b"{}")["spotlight"]
        assert isinstance(spotlight, dict)
        return spotlight["html"]

    await live.execute(commands.Spotlight("oaks"), TEACHER)
    before = shown_to("ann")
    live.admit("oaks", encode_insert(7, "*Acorns*"), "ann", None, lambda refused: None)
    await until(lambda: live.room("oaks").text != "", "the text")
    assert shown_to("ann") == "<p><em>Acorns</em></p>\n" != before
    assert shown_to("ann") is shown_to("ben")
    live.close()
    await journal.close()
