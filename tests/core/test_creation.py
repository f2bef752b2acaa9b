from __future__ import annotations

import itertools
import random

import pytest

from server.core.commands import LessonDraft, RoomDraft
from server.core.creation import decide_created
from server.core.decisions import Context
from server.core.events import SYSTEM_AUTHOR, AnyEvent, DocumentUpdated, LessonCreated, RoomAdded
from server.core.update import encode_insert
from server.errors import Malformed


def create(draft: LessonDraft) -> tuple[AnyEvent, ...]:
    ids = itertools.count(1)
    decision = decide_created(draft, "ABC234", Context(0, random.Random(1), lambda: f"room-{next(ids)}"))
    assert isinstance(decision, tuple), decision
    return decision


def refuse(draft: LessonDraft) -> str:
    decision = decide_created(draft, "ABC234", Context(0, random.Random(1), lambda: "room"))
    assert isinstance(decision, Malformed), decision
    return decision.message


def room_names(decision: tuple[AnyEvent, ...]) -> list[str]:
    return [event.name for event in decision if isinstance(event, RoomAdded)]


def lesson_in(decision: tuple[AnyEvent, ...]) -> LessonCreated:
    assert isinstance(decision[0], LessonCreated)
    return decision[0]


def test_a_count_of_rooms_makes_tables() -> None:
    assert room_names(create(LessonDraft("Acorns", room_count=3))) == ["Table 1", "Table 2", "Table 3"]
    assert room_names(create(LessonDraft("بلوط", room_count=1, language="ar"))) == ["طاولة 1"]


def test_rooms_of_one_name_are_kept_apart() -> None:
    rooms = (RoomDraft("Red"), RoomDraft("red "), RoomDraft("RED", topic="Roots"))
    assert room_names(create(LessonDraft("Acorns", rooms=rooms))) == ["Red", "red (2)", "RED (3)"]


def test_what_the_teacher_wrote_is_kept_as_text() -> None:
    created = lesson_in(
        create(
            LessonDraft(
                " <script>alert(1)</script> ",
                task="Why do\r\noaks drop acorns?\x00",
                room_count=1,
                criteria=("Says why", "  "),
                starters=("I think …",),
                minutes=20,
                participation=False,
            )
        )
    )
    assert created.title == "<script>alert(1)</script>"
    assert created.task == "Why do\noaks drop acorns?"
    assert (created.criteria, created.starters) == (("Says why",), ("I think …",))
    assert (created.code, created.minutes, created.participation) == ("ABC234", 20, False)


def test_a_template_is_the_first_text_of_each_room_written_by_the_system() -> None:
    decision = create(LessonDraft("Acorns", room_count=2, template="# Our summary\n"))
    assert decision[-2:] == tuple(
        DocumentUpdated(room, SYSTEM_AUTHOR, encode_insert(1, "# Our summary")) for room in ("room-1", "room-2")
    )


def test_groups_of_a_roster_become_rooms_beside_those_named() -> None:
    draft = LessonDraft("Acorns", rooms=(RoomDraft("Red"),), grouping="roster", roster="Ada, red\nBo, Blue\nCy, blue")
    decision = create(draft)
    assert room_names(decision) == ["Red", "Blue"]
    assert lesson_in(decision).roster == {"ada": "room-1", "bo": "room-2", "cy": "room-2"}


def test_with_a_roster_a_count_adds_no_empty_tables() -> None:
    assert room_names(create(LessonDraft("Acorns", room_count=4, roster="Ada, Red"))) == ["Red"]


def test_in_a_jigsaw_every_room_has_a_topic() -> None:
    rooms = (RoomDraft("Table 1", topic="Roots"), RoomDraft("Leaves"))
    decision = create(LessonDraft("Trees", rooms=rooms, grouping="jigsaw"))
    assert [event.topic for event in decision if isinstance(event, RoomAdded)] == ["Roots", "Leaves"]


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (LessonDraft("Acorns"), "how many rooms"),
        (LessonDraft("\u200b", room_count=1), "title"),
        (LessonDraft("Acorns", room_count=2, grouping="roster"), "roster is empty"),
        (LessonDraft("Acorns", roster="Ada"), "Line 1"),
        (LessonDraft("Acorns", rooms=(RoomDraft("\u202e"),)), "name for the room"),
        (LessonDraft("Acorns", roster="\n".join(f"P{n}, G{n}" for n in range(61))), "at most 60"),
    ],
)
def test_a_draft_at_fault_is_refused_with_what_to_do(draft: LessonDraft, said: str) -> None:
    assert said in refuse(draft)
