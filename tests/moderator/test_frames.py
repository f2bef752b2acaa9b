from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
import pytest

from bench.typists import START, Class
from server.core import events
from server.core.events import AnyEvent
from server.core.participation import Participation
from server.core.patch import JSONObject, difference
from server.moderator.frames import AMOUNTS_MS, TEXT_MS, TICK_MS, Frames
from server.settings import Limits
from tests.writers import Table

FRAME_MS = int(Limits().figures_interval_secs * 1000)


class Desk:
    """A lesson with one room, or a class at work, and the differences that its teacher is sent."""

    def __init__(self, everyone: Class | None = None) -> None:
        self.now = START
        self.participation = Participation("lesson")
        self.frames = Frames(self.participation)
        self.table = Table(self._write, "mia tom")
        self.view: JSONObject = {}
        opening = everyone.opening() if everyone is not None else self._opening()
        for event in opening:
            self.happen(event)

    def _opening(self) -> list[AnyEvent]:
        return [
            events.LessonCreated("Acorns", "ABC234"),
            events.RoomAdded("r", "Oaks"),
            *(events.ParticipantJoined(name, name) for name in ("mia", "tom")),
            *(events.Seated(name, "r", seat) for seat, name in enumerate(("mia", "tom"), 1)),
            *(events.DocumentOpened("r", name) for name in ("mia", "tom")),
            events.RoomsOpened(),
        ]

    def _write(self, update: bytes, author: str, away_secs: float | None) -> None:
        self.happen(events.DocumentUpdated("r", author, update, away_secs))

    def happen(self, event: AnyEvent, at: int | None = None) -> None:
        self.participation.apply(event, self.now if at is None else at)
        self.frames.note(event)

    def text(self) -> str:
        """Give the end of the text as the teacher sees it."""
        figures: Any = self.view["figures"]
        return "".join(text for _, text in figures["r"]["excerpt"])

    def look(self) -> Any:
        """Give the difference since the last look."""
        view: JSONObject = msgspec.json.decode(msgspec.json.encode(self.frames.at(self.now)))
        patch, self.view = difference(self.view, view), view
        return patch


def test_a_keystroke_is_shown_within_600_ms_whenever_it_comes() -> None:
    desk = Desk()
    for delay in range(0, 2000, 70):
        desk.now += 5000
        desk.table.type("mia", "x")
        desk.look()
        begun = desk.now
        until = begun + delay
        while desk.now + FRAME_MS < until:
            desk.now += FRAME_MS
            desk.look()
        desk.table.type("mia", "y")
        waited = 0
        while not desk.text().endswith("xy"):
            desk.now += FRAME_MS
            waited += FRAME_MS
            desk.look()
        assert waited <= 600


def test_amounts_wait_and_what_needs_the_teacher_does_not() -> None:
    desk = Desk()
    desk.look()
    desk.now += AMOUNTS_MS
    desk.table.type("mia", "Acorns")
    shown = desk.look()["figures"]["r"]
    assert shown["members"]["mia"]["standing"] == 6
    desk.now += TEXT_MS
    desk.table.type("mia", " fall")
    shown = desk.look()["figures"]["r"]
    assert set(shown) == {"excerpt", "last_at"}
    desk.happen(events.HandRaised("tom", "stuck"))
    shown = desk.look()["figures"]["r"]
    assert shown["reason"]["kind"] == "help"
    assert shown["members"]["mia"]["standing"] == 11
    desk.now += AMOUNTS_MS
    assert desk.look()["figures"]["r"]["members"]["tom"] == {"present_seconds": 10}


def test_a_sign_ends_within_a_second_of_its_reason() -> None:
    desk = Desk()
    desk.look()
    for delay in range(0, 2000, 70):
        desk.now += 200_000 + delay
        desk.look()
        assert desk.frames.rooms_with("quiet") == ("r",)
        desk.table.type("mia", "x")
        waited = 0
        while desk.frames.rooms_with("quiet"):
            desk.now += FRAME_MS
            waited += FRAME_MS
            desk.look()
        assert waited <= TICK_MS + FRAME_MS


def test_a_frame_that_shows_everything_leaves_nothing_pending() -> None:
    desk = Desk()
    assert desk.frames.pending
    desk.look()
    assert not desk.frames.pending
    desk.table.type("mia", "x")
    desk.look()
    assert desk.frames.pending  # too soon
    desk.now += TEXT_MS
    desk.look()
    assert not desk.frames.pending


def test_p15_what_is_shown_in_the_end_is_the_fold() -> None:
    everyone = Class(rooms=3, size=4, keys_a_second=1)
    desk = Desk(everyone)
    for at, event in everyone.typing(0, 120):
        if at - desk.now >= FRAME_MS:
            desk.now = at
            desk.look()
        desk.happen(event, at)
    desk.now += AMOUNTS_MS
    desk.look()
    desk.now += AMOUNTS_MS
    desk.look()
    assert desk.view["figures"] == msgspec.json.decode(msgspec.json.encode(desk.participation.figures(desk.now)))


def test_p18_the_teachers_own_attention() -> None:
    desk = Desk()
    attention = desk.look()["triage"]["attention"]
    assert attention == {"r": {"visits": 0, "seconds": 0}}
    desk.now += 1000
    desk.happen(events.RoomVisited("r"))
    desk.now += 7000
    desk.happen(events.RoomVisited(None))
    assert desk.look()["triage"]["attention"] == {"r": {"visits": 1, "seconds": 7, "last_at": START + 8000}}


def test_p19_the_rooms_that_show_a_sign() -> None:
    desk = Desk()
    desk.look()
    assert desk.frames.rooms_with("quiet") == ()
    desk.now += 120_000
    desk.look()
    assert desk.frames.rooms_with("quiet") == ("r",)
    desk.happen(events.RoomClosed("r"))
    assert desk.frames.rooms_with("quiet") == ()


def test_p20_p21_records_are_made_when_the_teacher_shares_them() -> None:
    desk = Desk()
    desk.table.type("mia", "Acorns fall. ")
    desk.now += 60_000
    desk.table.type("tom", "Why?")
    assert desk.frames.records(desk.now) == {}
    desk.happen(events.RecordShared(True))
    records = msgspec.to_builtins(desk.frames.records(desk.now))
    assert records["tom"] == {
        "slots": 1,
        "minutes_present": 1,
        "standing": 4,
        "built_on": 1,
        "added_in_one_go": 0,
        "offline": 0,
    }
    assert records["mia"]["built_on"] == 0
    desk.happen(events.ParticipantLeft("tom"))
    assert set(desk.frames.records(desk.now)) == {"mia"}


@pytest.mark.parametrize("wide", [False, True], ids=["latin", "arabic"])
def test_a_teacher_of_forty_rooms_of_five_who_all_type_is_sent_less_than_20_kb_a_second(wide: bool) -> None:
    everyone = Class(words=["تسقط", "ثمار", "البلوط", "في", "الخريف", "والسنجاب", "ينساها"] if wide else None)
    desk = Desk(everyone)
    desk.look()
    sent: deque[int] = deque(maxlen=10_000 // FRAME_MS)
    worst = 0.0
    typing = everyone.typing(0, 60)
    waiting = next(typing, None)
    for now in range(START + FRAME_MS, START + 60_000, FRAME_MS):
        while waiting is not None and waiting[0] < now:
            desk.happen(waiting[1], waiting[0])
            waiting = next(typing, None)
        desk.now = now
        sent.append(len(msgspec.json.encode({"type": "change", "patch": desk.look(), "now": now})))
        worst = max(worst, sum(sent) / 10)
    assert worst < 20_000, "bytes a second, over any ten seconds of the first minute, in which most changes"
    assert sum(sent) / 10 > 2_000, "they typed"


def test_a_hand_makes_nobody_else_s_room_go_out_again() -> None:
    everyone = Class()
    desk = Desk(everyone)
    for at, event in everyone.typing(0, 30):
        desk.happen(event, at)
    desk.now += 30_000
    desk.look()
    desk.happen(events.HandRaised(everyone.rooms[7].people[0], "stuck"))
    assert list(desk.look()["figures"]) == [everyone.rooms[7].room]


def test_a_quiet_class_costs_next_to_nothing() -> None:
    everyone = Class()
    desk = Desk(everyone)
    desk.look()
    sent = 0
    for _ in range(60):
        desk.now += TICK_MS
        sent += len(msgspec.json.encode(desk.look()))
    assert sent / 60 < 3_000
