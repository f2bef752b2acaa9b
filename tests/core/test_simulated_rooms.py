"""Rooms whose behaviour is known, folded keystroke by keystroke: each ends with the right word, in the right place."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from server.core import events
from server.core.events import Kind
from server.core.participation import Participation, RoomFigures
from tests.writers import Table

START = 1_700_000_000_000
SLOTS = 120  # twenty minutes
PEOPLE = ("mia", "tom", "zoe", "ali")

# How likely each is to write in ten seconds.
CHANCES: dict[str, tuple[float, ...]] = {
    "under way": (0.5, 0.5, 0.5, 0.5),
    "parallel": (0.5, 0.5, 0.5, 0.5),
    "late joiner": (0.5, 0.5, 0.5, 0.5),
    "scribe": (0.95, 0.3, 0.3, 0.3),
    "leaning": (0.6, 0.45, 0.3, 0.15),
    "free rider": (0.6, 0.6, 0.6, 0.0),
    "done": (0.5, 0.5, 0.5, 0.5),
    "one voice": (0.9, 0.05, 0.05, 0.05),
    "quiet": (0.5, 0.5, 0.5, 0.5),
    "help": (0.5, 0.5, 0.5, 0.5),
}
LATE_SLOT = 90
QUIET_SLOT = 105


class Lesson:
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now = START
        self.participation = Participation("lesson")
        self.happen(events.LessonCreated("Acorns", "ABC234"))
        self.tables = {room: Table(self._sender(room), " ".join(PEOPLE)) for room in CHANCES}
        for room in CHANCES:
            self.happen(events.RoomAdded(room, room))
            for seat, name in enumerate(PEOPLE, 1):
                self.happen(events.ParticipantJoined(f"{name} of {room}", name))
                self.happen(events.Seated(f"{name} of {room}", room, seat))
                if (room, name) != ("late joiner", "ali"):
                    self.happen(events.DocumentOpened(room, f"{name} of {room}"))
        self.happen(events.MeasuringChanged("mia of scribe", False))
        self.happen(events.RoomsOpened())

    def happen(self, event: events.AnyEvent) -> None:
        self.participation.apply(event, self.now)

    def _sender(self, room: str) -> Callable[[bytes, str, float | None], None]:
        def send(update: bytes, author: str, away_secs: float | None) -> None:
            self.happen(events.DocumentUpdated(room, f"{author} of {room}", update, away_secs))

        return send

    def work(self) -> None:
        for slot in range(SLOTS):
            if slot == LATE_SLOT:
                self.happen(events.DocumentOpened("late joiner", "ali of late joiner"))
            for room, chances in CHANCES.items():
                if room == "quiet" and slot >= QUIET_SLOT:
                    continue
                for place, (name, chance) in enumerate(zip(PEOPLE, chances, strict=True)):
                    if (room, name) == ("late joiner", "ali") and slot < LATE_SLOT:
                        continue
                    if self.rng.random() < chance:
                        self.write(room, name, place)
            self.now += 10_000

    def write(self, room: str, name: str, place: int) -> None:
        table = self.tables[room]
        if room != "parallel":
            table.write(name, "an oak, ")  # where the others left off
            return
        lines = table.text.split("\n")
        if len(lines) < len(PEOPLE):
            table.write(name, "\n" * (len(PEOPLE) - len(lines)))
            lines = table.text.split("\n")
        table.write(name, "an oak, ", sum(map(len, lines[: place + 1])) + place)

    def figures(self) -> dict[str, RoomFigures]:
        return self.participation.figures(self.now)


@pytest.fixture(scope="module", params=range(3), ids=lambda seed: f"seed {seed}")
def lesson(request: pytest.FixtureRequest) -> Lesson:
    lesson = Lesson(request.param)
    lesson.work()
    lesson.happen(events.ReadyMarked("done", True))
    lesson.happen(events.HandRaised("zoe of help", "stuck"))
    return lesson


@pytest.mark.parametrize(
    ("room", "word", "reason"),
    [
        ("under way", "shared", "under_way"),
        ("parallel", "shared", "parallel"),
        ("late joiner", "shared", "under_way"),
        ("scribe", "shared", "under_way"),
        ("leaning", "leaning", "leaning"),
        ("free rider", "leaning", "unheard"),
        ("done", "shared", "done"),
        ("one voice", "one voice", "one_voice"),
        ("quiet", "shared", "quiet"),
        ("help", "shared", "help"),
    ],
)
def test_p12_p16_every_kind_of_room_has_its_word_and_its_reason(
    lesson: Lesson, room: str, word: str, reason: Kind
) -> None:
    figures = lesson.figures()[room]
    assert (figures.word, figures.reason.kind) == (word, reason)


def test_p16_the_room_that_needs_the_teacher_first_stands_first(lesson: Lesson) -> None:
    figures = lesson.figures()
    assert lesson.participation.order(figures) == [
        "help",
        "quiet",
        "one voice",
        "free rider",
        "leaning",
        "parallel",
        "done",
        "under way",
        "late joiner",
        "scribe",
    ]


def test_p16_reasons_name_whom_they_are_about(lesson: Lesson) -> None:
    figures = lesson.figures()
    assert figures["one voice"].reason.participant == "mia of one voice"
    assert figures["free rider"].reason.participant == "ali of free rider"
    assert figures["help"].reason.participants == ("zoe of help",)


def test_p14_a_scribe_who_were_measured_would_be_seen_to_write_most(lesson: Lesson) -> None:
    before = lesson.figures()["scribe"]
    lesson.happen(events.MeasuringChanged("mia of scribe", True))
    after = lesson.figures()["scribe"]
    lesson.happen(events.MeasuringChanged("mia of scribe", False))
    assert after.value is not None
    assert before.value is not None
    assert after.value < before.value
    assert after.word == "leaning"
    assert lesson.figures()["scribe"] == before


def test_p9_p13_who_builds_on_whom(lesson: Lesson) -> None:
    figures = lesson.figures()
    assert (figures["parallel"].cross_edit or 0) < 0.05
    assert (figures["under way"].cross_edit or 0) > 0.5
