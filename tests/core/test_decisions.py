"""What follows from a command: who may ask, what is refused with which sentence, and what changes nothing."""

from __future__ import annotations

from typing import get_args

import pytest

from server.core import commands, decisions, events
from server.core.commands import Actor, AnyCommand, LessonDraft
from server.core.lesson import PEOPLE_MAX, ROOMS_EVER_MAX, ROOMS_MAX
from server.errors import Conflict, Ended, Forbidden, Malformed, NotFound, Refused
from tests.classroom import Classroom

GHOST = "ghost"

FOR_TEACHERS: list[AnyCommand] = [
    commands.OpenRooms(),
    commands.Assign({}),
    commands.Move(GHOST, None),
    commands.Regroup(),
    commands.AddRoom(),
    commands.CloseRoom(GHOST),
    commands.Remove(GHOST),
    commands.StartTimer(60),
    commands.ExtendTimer(),
    commands.StopTimer(),
    commands.Lock(),
    commands.Unlock(),
    commands.Broadcast("x"),
    commands.Nudge("x", room=GHOST),
    commands.Spotlight(None),
    commands.Visit(None),
    commands.Measure(GHOST, False),
    commands.ShareRecord(True),
    commands.Prompt("x"),
    commands.RotateRoles(),
    commands.SwapAndBuild(GHOST),
    commands.CardCommand(GHOST, "hint", "x"),
    commands.Gather(),
    commands.End(),
]
FOR_PARTICIPANTS: list[AnyCommand] = [
    commands.Hand(),
    commands.Ready(),
    commands.Choose(GHOST),
    commands.Agreement(0, True),
    commands.PulseCommand("right"),
    commands.Answer("x"),
    commands.Leave(),
]
FOR_BOTH: list[AnyCommand] = [commands.Rename("x"), commands.Chat("x"), commands.LowerHand()]
EVERY_COMMAND = FOR_TEACHERS + FOR_PARTICIPANTS + FOR_BOTH


class Class(Classroom):
    """Ada and Bo at work in two rooms, with two criteria agreed."""

    def __init__(self, *, opened: bool = True) -> None:
        super().__init__(LessonDraft("Acorns", room_count=2, grouping="teacher", criteria=("Says why", "Names it")))
        self.ada, self.bo = self.join("Ada", "Bo")
        self.red, self.blue = self.rooms()
        if opened:
            self.do(commands.OpenRooms())


# ── Who may ask ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lists_above_name_every_command() -> None:
    assert {type(command) for command in EVERY_COMMAND} == set(get_args(AnyCommand))


@pytest.mark.parametrize("command", FOR_TEACHERS, ids=lambda command: type(command).__name__)
def test_a_participant_cannot_do_what_is_the_teachers(command: AnyCommand) -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(command, by=classroom.ada), Forbidden)


@pytest.mark.parametrize("command", FOR_PARTICIPANTS, ids=lambda command: type(command).__name__)
def test_a_teacher_cannot_do_what_is_a_participants(command: AnyCommand) -> None:
    assert isinstance(Class().refuse(command), Forbidden)


@pytest.mark.parametrize("role", ["projector", "guardian"])
@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
def test_who_only_looks_can_do_nothing(command: AnyCommand, role: str) -> None:
    classroom = Class()
    for looking in (Actor("projector"), Actor("guardian", classroom.ada)):
        if looking.role == role:
            assert isinstance(classroom.ask(command, looking), Forbidden)


@pytest.mark.parametrize("command", FOR_PARTICIPANTS + FOR_BOTH, ids=lambda command: type(command).__name__)
@pytest.mark.parametrize("gone", ["removed", "left", "unknown", "nameless"])
def test_who_is_not_in_the_lesson_can_do_nothing(command: AnyCommand, gone: str) -> None:
    classroom = Class()
    if gone == "removed":
        classroom.do(commands.Remove(classroom.ada))
    elif gone == "left":
        classroom.do(commands.Leave(), by=classroom.ada)
    who = {"unknown": GHOST, "nameless": None}.get(gone, classroom.ada)
    assert isinstance(classroom.ask(command, Actor("participant", who)), Forbidden)


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
def test_nothing_changes_once_the_lesson_is_over(command: AnyCommand) -> None:
    classroom = Class()
    classroom.do(commands.End())
    by = classroom.ada if command in FOR_PARTICIPANTS else None
    if isinstance(command, commands.End):
        assert classroom.do(command) == ()
    else:
        assert isinstance(classroom.refuse(command, by), Ended)


def test_the_role_is_judged_before_the_end_of_the_lesson() -> None:
    classroom = Class()
    classroom.do(commands.End())
    assert isinstance(classroom.refuse(commands.Lock(), by=classroom.ada), Forbidden)


@pytest.mark.parametrize(
    "command",
    [
        commands.Move(GHOST, None),
        commands.Assign({GHOST: None}),
        commands.CloseRoom(GHOST),
        commands.Remove(GHOST),
        commands.Lock(GHOST),
        commands.Unlock(GHOST),
        commands.Nudge("x", room=GHOST),
        commands.Nudge("x", participant=GHOST),
        commands.Spotlight(GHOST),
        commands.Visit(GHOST),
        commands.Measure(GHOST, False),
        commands.Rename("x", room=GHOST),
        commands.Rename("x", participant=GHOST),
        commands.Chat("x", room=GHOST),
        commands.LowerHand(GHOST),
    ],
)
def test_what_does_not_exist_is_not_found(command: AnyCommand) -> None:
    assert isinstance(Class().refuse(command), NotFound)


def test_people_who_left_take_no_more_orders() -> None:
    classroom = Class()
    classroom.do(commands.Leave(), by=classroom.ada)
    for command in (
        commands.Move(classroom.ada, classroom.red),
        commands.Nudge("x", participant=classroom.ada),
        commands.Measure(classroom.ada, False),
        commands.Rename("x", participant=classroom.ada),
    ):
        refusal = classroom.refuse(command)
        assert isinstance(refusal, Conflict)
        assert "Ada" in refusal.message
    assert classroom.do(commands.Remove(classroom.ada)) == ()


# ── Joining and names ───────────────────────────────────────────────────────────────────────────────────────────────


def test_people_of_one_name_are_kept_apart() -> None:
    classroom = Class()
    classroom.join("Sam", "sam", " SAM ")
    assert [person.name for person in classroom.lesson.people.values()][2:] == ["Sam", "sam (2)", "SAM (3)"]


def test_a_name_is_not_given_again_when_somebody_leaves() -> None:
    classroom = Class()
    classroom.do(commands.Leave(), by=classroom.ada)
    again = classroom.join_one("Ada")
    assert classroom.lesson.people[again].name == "Ada (2)"


def join(classroom: Classroom, name: str) -> Refused:
    decision = decisions.decide_join(classroom.lesson, name, classroom.context())
    assert isinstance(decision, Refused), decision
    return decision


def test_who_cannot_join_is_told_what_to_do() -> None:
    classroom = Class()
    assert isinstance(join(classroom, " \u200b "), Malformed)
    assert isinstance(join(classroom, "x" * 300), Malformed)
    classroom.do(commands.End())
    assert isinstance(join(classroom, "Cy"), Ended)


def test_a_lesson_takes_five_hundred_people() -> None:
    classroom = Class()
    classroom.join_many(PEOPLE_MAX - 2)
    assert isinstance(join(classroom, "Cy"), Conflict)
    classroom.do(commands.Remove(classroom.ada))
    classroom.join_one("Cy")


def test_renaming_a_person() -> None:
    classroom = Class()
    classroom.do(commands.Rename(" Adah ", participant=classroom.ada))
    assert classroom.lesson.people[classroom.ada].name == "Adah"
    classroom.do(commands.Rename("bo", participant=classroom.ada))
    assert classroom.lesson.people[classroom.ada].name == "bo (2)"
    classroom.do(commands.Rename("Ada"), by=classroom.ada)
    assert classroom.lesson.people[classroom.ada].name == "Ada"
    assert classroom.do(commands.Rename("Ada"), by=classroom.ada) == ()
    classroom.do(commands.Rename("ADA", participant=classroom.ada), by=classroom.ada)
    assert classroom.lesson.people[classroom.ada].name == "ADA"


def test_people_rename_nobody_but_themselves() -> None:
    classroom = Class()
    for command in (commands.Rename("x", participant=classroom.bo), commands.Rename("x", room=classroom.red)):
        assert isinstance(classroom.refuse(command, by=classroom.ada), Forbidden)


def test_a_new_name_has_the_length_of_a_name() -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(commands.Rename("x" * 41), by=classroom.ada), Malformed)
    assert classroom.do(commands.Rename("x" * 41, room=classroom.red))


@pytest.mark.parametrize(
    "command", [commands.Rename("x"), commands.Nudge("x"), commands.LowerHand(), commands.Chat("x")]
)
def test_a_command_for_nobody_says_what_is_missing(command: AnyCommand) -> None:
    assert isinstance(Class().refuse(command), Malformed)


def test_a_command_for_two_at_once_is_refused() -> None:
    classroom = Class()
    for command in (
        commands.Rename("x", room=classroom.red, participant=classroom.ada),
        commands.Nudge("x", room=classroom.red, participant=classroom.ada),
    ):
        assert isinstance(classroom.refuse(command), Malformed)


def test_renaming_a_room() -> None:
    classroom = Class()
    classroom.do(commands.Rename("TABLE 2", room=classroom.red))
    assert classroom.lesson.rooms[classroom.red].name == "TABLE 2 (2)"
    classroom.do(commands.Rename("table 1", room=classroom.red))
    assert classroom.lesson.rooms[classroom.red].name == "table 1"
    assert isinstance(classroom.refuse(commands.Rename("\u200b", room=classroom.red)), Malformed)


# ── Rooms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_room_added_gets_the_next_table_or_its_own_name() -> None:
    classroom = Class()
    classroom.do(commands.AddRoom())
    classroom.do(commands.AddRoom("table 1", topic="Roots"))
    assert [(room.name, room.topic) for room in classroom.lesson.open_rooms()][2:] == [
        ("Table 3", ""),
        ("table 1 (2)", "Roots"),
    ]


def test_a_lesson_has_sixty_open_rooms_at_most_and_not_endlessly_many_closed_ones() -> None:
    classroom = Class()
    for _ in range(ROOMS_MAX - 2):
        classroom.do(commands.AddRoom())
    assert isinstance(classroom.refuse(commands.AddRoom()), Conflict)
    for _ in range(ROOMS_EVER_MAX - ROOMS_MAX):
        classroom.do(commands.CloseRoom(classroom.rooms()[-1]))
        classroom.do(commands.AddRoom())
    classroom.do(commands.CloseRoom(classroom.rooms()[-1]))
    assert isinstance(classroom.refuse(commands.AddRoom()), Conflict)


def test_a_closed_room_takes_nobody() -> None:
    classroom = Class()
    classroom.do(commands.CloseRoom(classroom.red))
    assert classroom.do(commands.CloseRoom(classroom.red)) == ()
    for command in (
        commands.Move(classroom.bo, classroom.red),
        commands.Nudge("x", room=classroom.red),
        commands.Chat("x", room=classroom.red),
    ):
        assert isinstance(classroom.refuse(command), Conflict)


def test_assigning_seats_all_or_nobody() -> None:
    classroom = Class(opened=False)
    assert isinstance(classroom.refuse(commands.Assign({classroom.ada: classroom.red, classroom.bo: GHOST})), NotFound)
    classroom.do(commands.Assign({classroom.ada: classroom.red, classroom.bo: classroom.red}))
    assert classroom.lesson.rooms[classroom.red].members == {classroom.ada: 1, classroom.bo: 2}
    classroom.do(commands.Move(classroom.ada, None))
    assert classroom.lesson.people[classroom.ada].room is None


def test_nobody_is_sent_to_the_lobby_while_rooms_are_open() -> None:
    classroom = Class()
    refusal = classroom.refuse(commands.Move(classroom.ada, None))
    assert isinstance(refusal, Conflict)
    classroom.do(commands.Gather())
    classroom.do(commands.Move(classroom.ada, None))
    classroom.do(commands.OpenRooms())
    assert classroom.lesson.people[classroom.ada].room is not None


def test_the_spotlight_and_the_visit_follow_the_teacher() -> None:
    classroom = Class()
    classroom.do(commands.Spotlight(classroom.red))
    classroom.do(commands.Visit(classroom.red))
    classroom.do(commands.Visit(None))
    classroom.do(commands.Visit(classroom.red))
    assert (classroom.lesson.spotlight, classroom.lesson.visiting) == (classroom.red, classroom.red)
    assert classroom.lesson.rooms[classroom.red].visits == 2
    classroom.do(commands.Spotlight(None))
    assert classroom.lesson.spotlight is None


# ── What changes nothing is no entry ────────────────────────────────────────────────────────────────────────────────


def test_asking_twice_changes_nothing_the_second_time() -> None:
    classroom = Class(opened=False)
    assert classroom.do(commands.Gather()) == (), "the lobby is gathered already"
    twice: list[tuple[AnyCommand, str | None]] = [
        (commands.OpenRooms(), None),
        (commands.Lock(classroom.red), None),
        (commands.Unlock(classroom.red), None),
        (commands.Lock(), None),
        (commands.Unlock(), None),
        (commands.Spotlight(classroom.red), None),
        (commands.Spotlight(None), None),
        (commands.Visit(classroom.red), None),
        (commands.Visit(None), None),
        (commands.Measure(classroom.ada, False), None),
        (commands.Measure(classroom.ada, True), None),
        (commands.Rename("Adah", participant=classroom.ada), None),
        (commands.Rename("Red", room=classroom.red), None),
        (commands.Move(classroom.ada, classroom.blue), None),
        (commands.Regroup("balanced"), None),
        (commands.Hand("check", "line 2"), classroom.ada),
        (commands.LowerHand(), classroom.ada),
        (commands.Ready(), classroom.ada),
        (commands.Ready(False), classroom.ada),
        (commands.Agreement(1, True), classroom.ada),
        (commands.Agreement(1, False), classroom.ada),
        (commands.PulseCommand("too_hard"), classroom.ada),
        (commands.Gather(), None),
        (commands.End(), None),
    ]
    for command, by in twice:
        assert classroom.do(command, by), command
        assert classroom.do(command, by) == (), command
    classroom = Class()
    assert classroom.do(commands.StopTimer()) == ()
    assert classroom.do(commands.LowerHand(classroom.ada)) == ()


def test_there_is_no_time_to_add_to_without_a_timer() -> None:
    assert isinstance(Class().refuse(commands.ExtendTimer()), Conflict)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_messages_go_to_all_to_a_room_or_to_a_person() -> None:
    classroom = Class()
    classroom.do(commands.Broadcast("Five minutes"))
    classroom.do(commands.Nudge("Who disagrees?", room=classroom.red))
    classroom.do(commands.Nudge("Your idea?", participant=classroom.ada))
    assert [(each.text, each.kind, each.room, each.participant) for each in classroom.lesson.messages] == [
        ("Five minutes", "broadcast", None, None),
        ("Who disagrees?", "nudge", classroom.red, None),
        ("Your idea?", "nudge", None, classroom.ada),
    ]


@pytest.mark.parametrize("text", [" ", "\u200b", "\u202e\n"])
def test_an_empty_message_is_refused(text: str) -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(commands.Broadcast(text)), Malformed)
    assert isinstance(classroom.refuse(commands.Nudge(text, room=classroom.red)), Malformed)
    assert isinstance(classroom.refuse(commands.Chat(text), by=classroom.ada), Malformed)


def test_people_talk_in_their_own_room_and_the_teacher_in_any() -> None:
    classroom = Class()
    room, other = classroom.lesson.people[classroom.ada].room, classroom.lesson.people[classroom.bo].room
    assert room is not None
    classroom.do(commands.Chat("<b>hi</b>\u202e"), by=classroom.ada)
    classroom.do(commands.Chat("hello", room=room), by=classroom.ada)
    classroom.do(commands.Chat("well?", room=room))
    assert [(line.author, line.text) for line in classroom.lesson.rooms[room].talk] == [
        (classroom.ada, "<b>hi</b>"),
        (classroom.ada, "hello"),
        ("teacher", "well?"),
    ]
    assert isinstance(classroom.refuse(commands.Chat("x", room=other), by=classroom.ada), Forbidden)


@pytest.mark.parametrize("command", [commands.Chat("x"), commands.Ready(), commands.Agreement(0, True)])
def test_what_needs_a_room_waits_kindly_in_the_lobby(command: AnyCommand) -> None:
    classroom = Class(opened=False)
    assert "wait" in classroom.refuse(command, by=classroom.ada).message
    classroom.do(commands.Move(classroom.ada, classroom.red))
    assert "wait" in classroom.refuse(command, by=classroom.ada).message


def test_a_criterion_must_exist() -> None:
    classroom = Class()
    assert isinstance(classroom.refuse(commands.Agreement(2, True), by=classroom.ada), NotFound)


def test_hands_are_lowered_by_their_owner_or_answered_by_the_teacher() -> None:
    classroom = Class()
    classroom.do(commands.Hand("stuck"), by=classroom.ada)
    assert isinstance(classroom.refuse(commands.LowerHand(classroom.ada), by=classroom.bo), Forbidden)
    assert classroom.do(commands.LowerHand(classroom.ada)) == (events.HandLowered(classroom.ada, answered=True),)
    classroom.do(commands.Hand("stuck"), by=classroom.ada)
    assert classroom.do(commands.LowerHand(), by=classroom.ada) == (events.HandLowered(classroom.ada),)


def test_every_refusal_is_a_sentence() -> None:
    classroom = Class()
    for command in EVERY_COMMAND:
        for by in (None, classroom.ada, GHOST):
            decision = classroom.ask(command, Actor("participant", by) if by else commands.TEACHER)
            if isinstance(decision, Refused):
                assert decision.message[0].isupper()
                assert decision.message.endswith(".")
