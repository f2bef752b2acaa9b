"""What a teacher does for a room that shows a sign (P19), and what a student says about their record (P21)."""

from __future__ import annotations

import pytest

from server.core import commands, events
from server.core.commands import Answer, CardCommand, LessonDraft, Prompt, RotateRoles, SwapAndBuild
from server.core.events import MessageSent
from server.core.patch import JSONObject
from server.core.views import participant_view, projector_view, teacher_view
from server.errors import Conflict, Malformed, NotFound
from tests.classroom import Classroom


class Class(Classroom):
    """Ada, Bo and Cy at the first table, Dee at the second one, at work."""

    def __init__(self, *, participation: bool = True, language: str = "en") -> None:
        draft = LessonDraft(
            "Acorns",
            room_count=3,
            grouping="teacher",
            participation=participation,
            language="ar" if language == "ar" else "en",
            hint="Look at the\nsecond picture.",
            stretch="What would change your mind?",
        )
        super().__init__(draft)
        self.ada, self.bo, self.cy, self.dee = self.join("Ada", "Bo", "Cy", "Dee")
        self.red, self.blue, self.empty = self.rooms()
        self.do(commands.Assign({self.ada: self.red, self.bo: self.red, self.cy: self.red, self.dee: self.blue}))
        self.do(commands.OpenRooms())

    def messages(self, person: str) -> list[tuple[str, str]]:
        messages = participant_view(self.lesson, person)["messages"]
        assert isinstance(messages, dict)
        return [(str(each["kind"]), str(each["text"])) for each in messages.values() if isinstance(each, dict)]

    def roles(self) -> dict[str, events.Role]:
        return self.lesson.rooms[self.red].roles


def me(view: JSONObject) -> JSONObject:
    assert isinstance(view["me"], dict)
    return view["me"]


def test_p19_a_prompt_reaches_the_rooms_that_are_named_and_no_other() -> None:
    classroom = Class()
    sent = classroom.do(Prompt("What is your evidence?", rooms=(classroom.red, classroom.red)))
    assert [(type(each), each.room) for each in sent if isinstance(each, MessageSent)] == [(MessageSent, classroom.red)]
    assert classroom.messages(classroom.ada) == [("prompt", "What is your evidence?")]
    assert classroom.messages(classroom.dee) == []
    assert "broadcast" not in projector_view(classroom.lesson)
    assert isinstance(classroom.refuse(Prompt("Why?", rooms=("ghost",))), NotFound)
    assert isinstance(classroom.refuse(Prompt("  ")), Malformed)


def test_p19_a_prompt_without_rooms_reaches_every_open_one() -> None:
    classroom = Class()
    classroom.do(commands.CloseRoom(classroom.empty))
    sent = classroom.do(Prompt("Why?"))
    assert {each.room for each in sent if isinstance(each, MessageSent)} == {classroom.red, classroom.blue}


def test_p19_a_prompt_for_a_sign_that_no_room_shows_is_not_sent_to_all() -> None:
    assert isinstance(Class().refuse(Prompt("Why?", sign="quiet")), Conflict)


def test_p19_roles_go_round_the_table_until_everyone_has_led() -> None:
    classroom = Class()
    led = []
    for _ in range(3):
        classroom.do(RotateRoles(classroom.red))
        roles = classroom.roles()
        assert sorted(roles.values()) == ["facilitator", "scribe", "source_checker"]
        led.append(next(person for person, role in roles.items() if role == "facilitator"))
    assert set(led) == {classroom.ada, classroom.bo, classroom.cy}


def test_p19_each_member_moves_on_by_one_role() -> None:
    classroom = Class()
    classroom.do(RotateRoles())
    assert classroom.roles()[classroom.ada] == "facilitator"
    classroom.do(RotateRoles())
    assert classroom.roles()[classroom.ada] == "scribe"
    assert classroom.lesson.rooms[classroom.blue].roles == {classroom.dee: "facilitator"}
    assert classroom.lesson.rooms[classroom.empty].roles == {}


def test_p19_in_a_large_group_five_have_a_role_and_it_is_never_the_same_five() -> None:
    classroom = Class()
    more = classroom.join_many(4)
    classroom.do(commands.Assign(dict.fromkeys(more, classroom.red)))
    seen = set()
    for _ in range(7):
        classroom.do(RotateRoles(classroom.red))
        assert len(classroom.roles()) == 5
        seen.add(frozenset(classroom.roles()))
    assert len(seen) == 7


def test_p19_roles_need_people() -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(RotateRoles(classroom.empty)), Conflict)
    assert isinstance(classroom.refuse(RotateRoles("ghost")), NotFound)


def test_p19_a_role_is_seen_by_the_table_and_the_teacher_and_stays_in_its_room() -> None:
    classroom = Class()
    classroom.do(RotateRoles(classroom.red))
    mine = participant_view(classroom.lesson, classroom.ada)
    assert me(mine)["role"] == "facilitator"
    table = mine["table"]
    assert isinstance(table, dict)
    assert [each["role"] for each in table.values() if isinstance(each, dict)] == [
        "facilitator",
        "scribe",
        "source_checker",
    ]
    people = teacher_view(classroom.lesson)["people"]
    assert isinstance(people, dict)
    assert isinstance(ada := people[classroom.ada], dict)
    assert ada["role"] == "facilitator"
    classroom.do(commands.Move(classroom.ada, classroom.blue))
    assert "role" not in me(participant_view(classroom.lesson, classroom.ada))


def test_p19_swap_and_build_asks_each_to_go_on_where_the_next_one_wrote() -> None:
    classroom = Class()
    classroom.do(SwapAndBuild(classroom.red))
    for person, other in ((classroom.ada, "Bo"), (classroom.bo, "Cy"), (classroom.cy, "Ada")):
        ((kind, text),) = classroom.messages(person)
        assert kind == "swap"
        assert f"\u2068{other}\u2069" in text
    assert classroom.messages(classroom.dee) == []
    assert isinstance(classroom.refuse(SwapAndBuild(classroom.blue)), Conflict)


def test_p19_swap_and_build_in_the_lessons_language() -> None:
    classroom = Class(language="ar")
    classroom.do(SwapAndBuild(classroom.red))
    assert "تبادل" in classroom.messages(classroom.ada)[0][1]


@pytest.mark.parametrize("kind", ["hint", "stretch"])
def test_p19_a_card_reaches_one_room(kind: str) -> None:
    classroom = Class()
    classroom.do(CardCommand(classroom.red, "hint" if kind == "hint" else "stretch", "Look\nagain."))
    assert classroom.messages(classroom.bo) == [(kind, "Look\nagain.")]
    assert classroom.messages(classroom.dee) == []
    assert isinstance(classroom.refuse(CardCommand(classroom.red, "hint", " ")), Malformed)


def test_p19_prepared_cards_are_the_teachers() -> None:
    classroom = Class()
    about = teacher_view(classroom.lesson)["lesson"]
    assert isinstance(about, dict)
    assert (about["hint"], about["stretch"]) == ("Look at the\nsecond picture.", "What would change your mind?")
    for view in (participant_view(classroom.lesson, classroom.ada), projector_view(classroom.lesson)):
        assert "second picture" not in str(view)
        assert "change your mind" not in str(view)


def test_p21_an_answer_is_seen_by_its_author_and_the_teacher_alone() -> None:
    classroom = Class()
    classroom.do(commands.ShareRecord(True))
    classroom.do(Answer("  I was\nthe scribe "), by=classroom.ada)
    people = teacher_view(classroom.lesson)["people"]
    assert isinstance(people, dict)
    assert isinstance(ada := people[classroom.ada], dict)
    assert ada["answer"] == "I was the scribe"
    assert me(participant_view(classroom.lesson, classroom.ada))["answer"] == "I was the scribe"
    assert "the scribe" not in str(participant_view(classroom.lesson, classroom.bo))
    assert "the scribe" not in str(projector_view(classroom.lesson))
    assert classroom.do(Answer("I was the scribe"), by=classroom.ada) == ()
    classroom.do(Answer(""), by=classroom.ada)
    assert "answer" not in me(participant_view(classroom.lesson, classroom.ada))


def test_p21_a_record_that_is_not_shown_cannot_be_answered_and_an_answer_can_be_taken_back() -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(Answer("I was the scribe"), by=classroom.ada), Conflict)
    classroom.do(commands.ShareRecord(True))
    classroom.do(Answer("I was the scribe"), by=classroom.ada)
    classroom.do(commands.ShareRecord(False))
    assert isinstance(classroom.refuse(Answer("We talked first"), by=classroom.ada), Conflict)
    classroom.do(Answer(""), by=classroom.ada)
    assert "answer" not in me(participant_view(classroom.lesson, classroom.ada))


def test_p21_sharing_the_record_is_off_until_the_teacher_says_so() -> None:
    classroom = Class()
    assert teacher_view(classroom.lesson)["lesson"]["record_shared"] is False  # type: ignore[index,call-overload]
    classroom.do(commands.ShareRecord(True))
    assert classroom.do(commands.ShareRecord(True)) == ()
    assert participant_view(classroom.lesson, classroom.ada)["lesson"]["record_shared"] is True  # type: ignore[index,call-overload]
    classroom.do(commands.ShareRecord(False))
    assert not classroom.lesson.record_shared


def test_p21_without_participation_there_is_no_record_to_share_or_answer() -> None:
    classroom = Class(participation=False)
    assert isinstance(classroom.refuse(commands.ShareRecord(True)), Conflict)
    assert isinstance(classroom.refuse(Answer("I was the scribe"), by=classroom.ada), Conflict)
