"""The fold: what stands after an event, who may write when, and what the clock brings."""

from __future__ import annotations

import pytest

from server.core import commands, events
from server.core.commands import (
    Chat,
    CloseRoom,
    End,
    ExtendTimer,
    Gather,
    Hand,
    LessonDraft,
    Lock,
    Move,
    OpenRooms,
    Remove,
    StartTimer,
    StopTimer,
    Unlock,
)
from server.core.decisions import decide_due
from server.core.events import TEACHER_AUTHOR, AnyEvent
from server.core.lesson import LOCK_GRACE_MS, MESSAGES_KEPT, PENS_DOWN_SECS, TALK_KEPT, Lesson, next_due
from tests.classroom import EPOCH, Classroom

MINUTE = 60_000


def working_class(pupils: int = 2, rooms: int = 2, minutes: int | None = None) -> tuple[Classroom, list[str]]:
    classroom = Classroom(LessonDraft("Acorns", room_count=rooms, minutes=minutes, grouping="teacher"))
    people = classroom.join_many(pupils)
    classroom.do(OpenRooms())
    return classroom, people


def can_write(classroom: Classroom, author: str, room: str | None = None) -> bool:
    wanted = room or classroom.lesson.people[author].room
    assert wanted is not None
    return classroom.lesson.can_write(wanted, author, classroom.now)


# ── Total, and equal to its replay ──────────────────────────────────────────────────────────────────────────────────

STRANGE: list[AnyEvent] = [
    events.RoomRenamed("ghost", "x"),
    events.RoomClosed("ghost"),
    events.ParticipantRenamed("ghost", "x"),
    events.ParticipantLeft("ghost"),
    events.Seated("ghost", "ghost", 1),
    events.TimerRanOut(),
    events.TimerStopped(),
    events.Locked("ghost"),
    events.Unlocked("ghost"),
    events.Talked("m", "ghost", "ghost", "x"),
    events.HandRaised("ghost", "stuck"),
    events.HandLowered("ghost"),
    events.ReadyMarked("ghost", True),
    events.CriterionMarked("ghost", 99, True),
    events.PulseGiven("ghost", "right"),
    events.RoomSpotlit("ghost"),
    events.RoomVisited("ghost"),
    events.MeasuringChanged("ghost", False),
    events.ParticipantArrived("ghost", "n"),
    events.ParticipantDeparted("ghost", "n"),
    events.DocumentOpened("ghost", "ghost", "n"),
    events.DocumentClosed("ghost", "ghost", "n"),
    events.DocumentUpdated("ghost", "ghost", b""),
    events.NodeLost("n"),
]


@pytest.mark.parametrize("event", STRANGE, ids=lambda event: type(event).__name__)
def test_an_event_about_someone_unknown_is_passed_over(event: AnyEvent) -> None:
    lesson = Lesson("lesson")
    lesson.apply(event, EPOCH)
    assert lesson == Lesson("lesson")


def test_a_seat_in_an_unknown_room_leaves_the_person_where_they_are() -> None:
    classroom, (ada, _) = working_class()
    before = classroom.lesson.people[ada].room
    classroom.lesson.apply(events.Seated(ada, "ghost", 1), EPOCH)
    assert classroom.lesson.people[ada].room == before


def test_nothing_reopens_a_lesson_that_has_ended() -> None:
    classroom, _ = working_class()
    classroom.do(End())
    for event in (events.RoomsOpened(), events.Gathered()):
        classroom.lesson.apply(event, EPOCH)
        assert classroom.lesson.phase == "ended"


def test_presence_is_kept_by_node_and_lost_with_it() -> None:
    classroom, (ada, bo) = working_class()
    classroom.write((events.ParticipantArrived(ada, "n1"), events.ParticipantArrived(ada, "n2")))
    classroom.write((events.ParticipantArrived(bo, "n1"), events.NodeLost("n1")))
    assert (classroom.lesson.people[ada].here, classroom.lesson.people[bo].here) == (True, False)
    classroom.write((events.ParticipantDeparted(ada, "n2"),))
    assert not classroom.lesson.people[ada].here


def test_talk_and_messages_are_bounded() -> None:
    classroom, (ada, _) = working_class()
    room = classroom.lesson.people[ada].room
    assert room is not None
    count = max(TALK_KEPT, MESSAGES_KEPT) + 5
    for number in range(count):
        classroom.write((events.Talked(f"t{number}", room, ada, "hi"), events.MessageSent(f"m{number}", "hi")))
    talk, messages = classroom.lesson.rooms[room].talk, classroom.lesson.messages
    assert (len(talk), talk[0].message, talk[-1].message) == (TALK_KEPT, f"t{count - TALK_KEPT}", f"t{count - 1}")
    assert (len(messages), messages[-1].message) == (MESSAGES_KEPT, f"m{count - 1}")


def test_more_said_with_a_raised_hand_keeps_its_place_in_the_queue() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(Hand("stuck"), by=ada)
    classroom.wait(MINUTE)
    classroom.do(Hand("check", "the second line"), by=ada)
    hand = classroom.lesson.people[ada].hand
    assert hand is not None
    assert (hand.reason, hand.note, hand.since) == ("check", "the second line", EPOCH)


def test_a_person_who_moves_keeps_their_hand_up_and_those_who_leave_do_not() -> None:
    classroom, (ada, bo) = working_class()
    classroom.do(Hand("stuck"), by=ada)
    classroom.do(Hand("stuck"), by=bo)
    classroom.do(Move(ada, classroom.lesson.people[bo].room))
    classroom.do(Remove(bo))
    assert classroom.lesson.people[ada].hand is not None
    assert classroom.lesson.people[bo].hand is None


# ── Who may write ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_people_write_in_their_own_room_while_work_goes_on() -> None:
    classroom = Classroom(LessonDraft("Acorns", room_count=2, grouping="teacher"))
    ada, bo = classroom.join("Ada", "Bo")
    first, second = classroom.rooms()
    classroom.do(Move(ada, first))
    assert not can_write(classroom, ada)
    classroom.do(OpenRooms())
    assert can_write(classroom, ada)
    assert not can_write(classroom, ada, second)
    assert not can_write(classroom, bo, first)
    assert not can_write(classroom, "ghost", first)
    assert not can_write(classroom, "system", first)
    assert not can_write(classroom, ada, "ghost")


@pytest.mark.parametrize("command", [Lock(), Gather(), End(), "lock own room", "move away", "close room"])
def test_what_was_in_flight_may_still_arrive_for_two_seconds(command: commands.AnyCommand | str) -> None:
    classroom, (ada, bo) = working_class()
    room, other = classroom.lesson.people[ada].room, classroom.lesson.people[bo].room
    assert room is not None
    match command:
        case "lock own room":
            classroom.do(Lock(room))
        case "move away":
            classroom.do(Move(ada, other))
        case "close room":
            classroom.do(CloseRoom(room))
        case str():
            raise AssertionError(command)
        case _:
            classroom.do(command)
    assert LOCK_GRACE_MS == 2000
    classroom.wait(1999)
    assert can_write(classroom, ada, room)
    classroom.wait(1)
    assert not can_write(classroom, ada, room)


def test_locks_bind_everyone_but_the_teacher_until_the_end() -> None:
    classroom, (ada, _) = working_class()
    room = classroom.lesson.people[ada].room
    assert room is not None
    classroom.do(Lock())
    classroom.do(Gather())
    classroom.wait(MINUTE)
    assert can_write(classroom, TEACHER_AUTHOR, room)
    classroom.do(End())
    assert not can_write(classroom, TEACHER_AUTHOR, room)


def test_ending_gives_no_second_grace_to_those_who_had_gathered() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(Gather())
    classroom.wait(MINUTE)
    classroom.do(End())
    assert not can_write(classroom, ada)


def test_a_clock_that_is_put_back_opens_nothing_that_is_locked() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(Lock())
    classroom.wait(MINUTE)
    classroom.wait(-60 * MINUTE)
    assert not can_write(classroom, ada)


def test_a_removed_person_writes_nothing_from_that_moment() -> None:
    classroom, (ada, _) = working_class()
    room = classroom.lesson.people[ada].room
    classroom.do(Remove(ada))
    assert not can_write(classroom, ada, room)


def test_one_room_of_a_locked_class_can_be_unlocked_alone() -> None:
    classroom, (ada, bo) = working_class()
    classroom.do(Lock())
    classroom.wait(MINUTE)
    classroom.do(Unlock(classroom.lesson.people[ada].room))
    assert can_write(classroom, ada)
    assert not can_write(classroom, bo)
    classroom.do(Unlock())
    assert can_write(classroom, bo)


def test_a_room_added_while_all_are_locked_is_locked_too() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(Lock())
    classroom.do(commands.AddRoom())
    classroom.do(Move(ada, classroom.rooms()[-1]))
    classroom.wait(MINUTE)
    assert not can_write(classroom, ada)


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_time_runs_out_and_pens_go_down_half_a_minute_later() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(StartTimer(60))
    assert next_due(classroom.lesson) == EPOCH + MINUTE
    assert decide_due(classroom.lesson, EPOCH + MINUTE - 1) == ()
    classroom.wait(MINUTE)
    assert classroom.lesson.timer is not None
    assert classroom.lesson.timer.ran_out
    assert can_write(classroom, ada)
    classroom.wait(PENS_DOWN_SECS * 1000 + LOCK_GRACE_MS)
    assert (classroom.lesson.all_locked, classroom.lesson.lock_reason) == (True, "time")
    assert not can_write(classroom, ada)
    assert next_due(classroom.lesson) is None


def test_the_half_minute_is_given_in_full_by_a_server_that_was_away_when_time_ran_out() -> None:
    classroom, _ = working_class()
    classroom.do(StartTimer(60))
    late = EPOCH + 10 * MINUTE
    classroom.now = late
    assert classroom.write(decide_due(classroom.lesson, late)) == (events.TimerRanOut(),)
    assert decide_due(classroom.lesson, late) == ()
    assert next_due(classroom.lesson) == late + PENS_DOWN_SECS * 1000


@pytest.mark.parametrize("command", [ExtendTimer(60), StartTimer(60)])
def test_more_time_unlocks_what_time_had_locked(command: commands.AnyCommand) -> None:
    classroom, (ada, bo) = working_class()
    classroom.do(Lock(classroom.lesson.people[bo].room))
    classroom.do(StartTimer(60))
    classroom.wait(2 * MINUTE)
    assert not can_write(classroom, ada)
    classroom.do(command)
    assert classroom.lesson.timer is not None
    assert classroom.lesson.timer.ends_at == classroom.now + MINUTE
    assert can_write(classroom, ada)
    assert not can_write(classroom, bo), "the teacher's own lock stays"
    assert next_due(classroom.lesson) == classroom.now + MINUTE


def test_an_extension_adds_to_time_that_is_left() -> None:
    classroom, _ = working_class()
    classroom.do(StartTimer(60))
    classroom.wait(20_000)
    classroom.do(ExtendTimer(60))
    assert next_due(classroom.lesson) == EPOCH + 2 * MINUTE


def test_unlocking_after_time_was_up_is_not_undone_by_the_clock() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(StartTimer(60))
    classroom.wait(2 * MINUTE)
    classroom.do(Unlock())
    classroom.wait(10 * MINUTE)
    assert can_write(classroom, ada)


@pytest.mark.parametrize("command", [StopTimer(), Gather(), End(), ExtendTimer(60)])
def test_pens_stay_up_when_something_else_came_first(command: commands.AnyCommand) -> None:
    classroom, _ = working_class()
    classroom.do(StartTimer(60))
    classroom.wait(MINUTE)
    classroom.do(command)
    classroom.wait(PENS_DOWN_SECS * 1000)
    assert not classroom.lesson.all_locked


def test_work_that_goes_on_after_time_was_up_starts_unlocked_and_without_a_timer() -> None:
    classroom, (ada, _) = working_class()
    classroom.do(StartTimer(60))
    classroom.wait(2 * MINUTE)
    classroom.do(Gather())
    classroom.do(OpenRooms())
    assert classroom.lesson.timer is None
    assert can_write(classroom, ada)


def test_the_planned_minutes_start_with_the_work_and_only_once() -> None:
    classroom, _ = working_class(minutes=20)
    assert next_due(classroom.lesson) == EPOCH + 20 * MINUTE
    classroom.do(StopTimer())
    classroom.do(Gather())
    classroom.do(OpenRooms())
    assert classroom.lesson.timer is None


def test_a_timer_started_in_the_lobby_is_not_replaced_by_the_planned_minutes() -> None:
    classroom = Classroom(LessonDraft("Acorns", room_count=1, minutes=20))
    classroom.do(StartTimer(300))
    classroom.do(OpenRooms())
    assert next_due(classroom.lesson) == EPOCH + 5 * MINUTE


def test_seats_are_kept_for_those_who_come_back_and_never_given_twice() -> None:
    classroom, (ada, bo) = working_class()
    room, other = classroom.lesson.people[ada].room, classroom.lesson.people[bo].room
    assert room is not None
    assert classroom.lesson.people[ada].seat == 1
    classroom.do(Move(ada, other))
    assert classroom.lesson.people[ada].seat == 2
    cy = classroom.join_one("Cy")
    assert (classroom.lesson.people[cy].room, classroom.lesson.people[cy].seat) == (room, 2)
    classroom.do(Move(ada, room))
    assert classroom.lesson.people[ada].seat == 1
    assert classroom.lesson.rooms[room].seats == {ada: 1, cy: 2}


def test_a_replay_gives_the_same_lesson() -> None:
    classroom, (ada, bo) = working_class(minutes=1)
    classroom.do(Chat("hello"), by=ada)
    classroom.do(Hand("stuck", "help"), by=bo)
    classroom.wait(2 * MINUTE)
    classroom.do(Gather())
    assert classroom.replay() == classroom.lesson
