from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.typists import START, Class
from server.core import events
from server.core.events import AnyEvent, DocumentUpdated, encode_event
from server.core.participation import Participation
from server.core.replay import Step
from server.journal import Entry
from server.report.evidence import EXCERPT_CHARACTERS, build_evidence, build_replay, build_steps, read_updates
from server.report.figures import end_of, timeline
from tests.writers import Table


class Lesson:
    """Mia and Tom at one table; ``at`` is in seconds."""

    def __init__(self, *, participation: bool = True) -> None:
        self.at = 0.0
        self.participation = Participation("lesson")
        self.updates: list[tuple[int, DocumentUpdated]] = []
        self.table = Table(self._write, "mia tom teacher")
        self.happen(
            events.LessonCreated("Acorns", "ABC234", participation=participation),
            events.RoomAdded("r", "Oaks"),
            events.ParticipantJoined("mia", "Mia"),
            events.ParticipantJoined("tom", "Tom"),
            events.Seated("mia", "r", 1),
            events.Seated("tom", "r", 2),
            events.DocumentOpened("r", "mia"),
            events.DocumentOpened("r", "tom"),
            events.RoomsOpened(),
        )

    @property
    def now(self) -> int:
        return START + int(self.at * 1000)

    def happen(self, *happened: AnyEvent) -> None:
        for event in happened:
            self.participation.apply(event, self.now)

    def _write(self, update: bytes, author: str, away_secs: float | None) -> None:
        event = DocumentUpdated("r", author, update, away_secs)
        self.updates.append((self.now, event))
        self.happen(event)

    def evidence(self) -> Any:
        return msgspec.json.decode(msgspec.json.encode(build_evidence(self.participation, "r", self.now)))

    def text(self) -> list[list[Any]]:
        return [segment[:3] for segment in self.evidence()["text"]]


def test_p17_every_label_is_shown_in_the_text_itself() -> None:
    lesson = Lesson()
    lesson.table.type("mia", "Oaks are old. ")
    lesson.table.write("tom", "Acorns fall in October. ")
    lesson.at = 10
    lesson.table.type("mia", "Why?")
    assert lesson.text() == [
        ["mia", "Oaks are old. ", None],
        ["tom", "Acorns fall in October. ", "added in one go"],
        ["mia", "Why?", None],
    ]
    lesson.table.delete("mia", "Acorns fall in October. ")
    lesson.table.write("mia", "Acorns fall in October. ", 0)
    assert lesson.text()[0] == ["tom", "Acorns fall in October. ", "moved"]
    lesson.table.leave("tom")
    lesson.table.write("tom", "Rivers.")
    lesson.at = 30
    lesson.table.come_back("tom", 20)
    assert lesson.text()[-1] == ["tom", "Rivers.", "written offline"]
    kinds = [each["kind"] for each in lesson.evidence()["evidence"]]
    assert kinds == ["written offline", "moved", "added in one go"]


def test_p17_a_labelled_stretch_keeps_its_label_in_pieces() -> None:
    lesson = Lesson()
    lesson.table.write("tom", "Acorns fall 😀 in October.")
    lesson.table.type("mia", "often ", 7)
    lesson.table.delete("mia", " in")
    assert lesson.text() == [
        ["tom", "Acorns ", "added in one go"],
        ["mia", "often ", None],
        ["tom", "fall 😀", "added in one go"],
        ["tom", " October.", "added in one go"],
    ]
    assert lesson.evidence()["evidence"][0] == {
        "participant": "tom",
        "at": START,
        "kind": "added in one go",
        "length": 26,
        "text": "Acorns fall 😀 October.",
        "client": 101,
        "clock": 0,
    }


def test_p17_typing_that_goes_on_after_what_was_added_is_not_labelled() -> None:
    lesson = Lesson()
    lesson.table.write("tom", "Acorns fall in October.")
    lesson.table.type("tom", " Often.")
    assert lesson.text() == [["tom", "Acorns fall in October.", "added in one go"], ["tom", " Often.", None]]


def test_p17_an_excerpt_is_short_and_what_is_gone_is_not_quoted() -> None:
    lesson = Lesson()
    lesson.table.write("tom", "a" * 500)
    assert len(lesson.evidence()["evidence"][0]["text"]) == EXCERPT_CHARACTERS
    lesson.table.delete("mia", "a" * 500)
    assert lesson.evidence()["evidence"][0]["text"] == ""
    assert lesson.evidence()["text"] == []


def test_p9_p17_slots_and_who_built_on_whom() -> None:
    lesson = Lesson()
    lesson.table.type("mia", "Oaks are old. ")
    lesson.at = 25
    lesson.table.type("tom", "Why?")
    lesson.happen(events.RolesGiven("r", {"tom": "scribe"}), events.AnswerGiven("tom", "We talked first"))
    evidence = lesson.evidence()
    tom = evidence["people"]["tom"]
    assert (tom["slots"], tom["builds_on"], tom["standing"]) == ([2], {"mia": [2]}, 4)
    assert (tom["role"], tom["answer"], tom["name"], tom["seat"]) == ("scribe", "We talked first", "Tom", 2)
    assert evidence["people"]["mia"]["slots"] == [0]
    assert (evidence["slot_seconds"], evidence["started_at"]) == (10, START)


def test_p21_without_participation_the_text_is_all_there_is() -> None:
    lesson = Lesson(participation=False)
    lesson.table.write("tom", "Acorns fall in October.")
    evidence = lesson.evidence()
    assert lesson.text() == [["tom", "Acorns fall in October.", None]]
    assert evidence["evidence"] == []
    assert set(evidence["people"]["tom"]) == {"name", "seat", "measured", "present_seconds"}
    assert timeline(lesson.participation, lesson.now) == []
    assert "balance" not in build_replay(lesson.participation, "r", [], lesson.now, named=True)


def test_p20_a_groups_own_replay_names_nobody() -> None:
    lesson = Lesson()
    lesson.table.type("mia", "Oaks are old. ")
    lesson.at = 2
    lesson.table.write("tom", "Why? ", 0)
    steps = build_steps(lesson.updates, START)
    named = msgspec.to_builtins(build_replay(lesson.participation, "r", steps, lesson.now, named=True))
    assert named["steps"] == [[0, "mia", [[0, 0, "Oaks are old. "]]], [2000, "tom", [[0, 0, "Why? "]]]]
    assert (named["started_at"], named["ended_at"], named["balance"]["word"]) == (START, START + 2000, "too early")
    own = build_replay(lesson.participation, "r", steps, lesson.now, named=False)
    shown = msgspec.json.encode(own).decode()
    assert "mia" not in shown
    assert "tom" not in shown
    assert msgspec.json.decode(shown)["steps"][1] == [2000, None, [[0, 0, "Why? "]]]


def test_p15_the_timeline_gives_every_minute_in_which_somebody_worked() -> None:
    lesson = Lesson()
    lesson.table.type("mia", "Oaks")
    lesson.at = 65
    lesson.table.type("tom", "Oaks")
    lesson.at = 200
    windows: Any = timeline(lesson.participation, end_of(lesson.participation, lesson.now))
    assert [(each["at"], each["slots"]) for each in windows] == [(START, {"mia": 1}), (START + 60_000, {"tom": 1})]


@pytest.fixture(scope="module")
def hour() -> list[Step]:
    """Five people who type for an hour at two keys a second."""
    everyone = Class(rooms=1)
    updates = [(START, everyone.rooms[0].begin()), *everyone.typing(0, 3600)]
    return build_steps(updates, START)


def test_p15_the_replay_of_an_hour_is_less_than_a_megabyte(hour: list[Step]) -> None:
    participation = Participation("lesson")
    participation.apply(events.LessonCreated("Acorns", "ABC234", participation=False), START)
    replay = build_replay(participation, "r", hour, START + 3_600_000, named=True)
    assert 500_000 < len(msgspec.json.encode(replay)) < 1_000_000


class Entries:
    """A journal of one lesson, to be read."""

    def __init__(self, bodies: list[bytes]) -> None:
        self._entries = [Entry(seq, START + seq, body) for seq, body in enumerate(bodies, 1)]

    async def read(self, lesson: str, after: int = 0, limit: int = 3) -> list[Entry]:
        return [entry for entry in self._entries if entry.seq > after][:3]


async def test_the_updates_of_one_room_are_read_to_the_last_one() -> None:
    happened: list[AnyEvent] = []
    for number in range(7):
        happened += [
            DocumentUpdated("r", "mia", bytes([number])),
            DocumentUpdated("s", "mia", b"r"),
            events.Talked("m", "r", "mia", "r"),
        ]
    found = await read_updates(Entries([encode_event(event) for event in happened]), "lesson", "r")  # type: ignore[arg-type]
    assert [(at, event.update) for at, event in found] == [
        (START + 3 * number + 1, bytes([number])) for number in range(7)
    ]
