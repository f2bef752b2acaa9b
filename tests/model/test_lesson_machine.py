"""Anyone asks for anything, in any order: what must hold of the lesson and of every view, after every step."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.core import commands, decisions, events
from server.core.commands import Actor, AnyCommand, LessonDraft, RoomDraft
from server.core.events import AnyEvent, Grouping
from server.core.lesson import LOCK_GRACE_MS, next_due
from server.core.patch import JSONObject, apply, difference
from server.core.views import participant_view, projector_view, teacher_view
from server.errors import Refused
from tests.classroom import Classroom, actor, spread

GHOST = "ghost"
NODES = st.sampled_from(["n1", "n2"])
ROSTER = "Pupil 1, Red\nPupil 2, Blue\nPupil 3, Blue"


class LessonMachine(RuleBasedStateMachine):
    classroom: Classroom

    @initialize(
        grouping=st.sampled_from(get_args(Grouping)),
        rooms=st.integers(1, 4),
        minutes=st.none() | st.integers(1, 3),
        seed=st.integers(0, 3),
    )
    def create(self, grouping: Grouping, rooms: int, minutes: int | None, seed: int) -> None:
        self.classroom = Classroom(
            LessonDraft(
                "Acorns",
                rooms=tuple(RoomDraft(f"Room {number}", topic=f"T{number}") for number in range(rooms)),
                grouping=grouping,
                roster=ROSTER if grouping == "roster" else "",
                minutes=minutes,
                template="We think",
                criteria=("a", "b"),
            ),
            seed=seed,
        )
        self.shown = self.views()
        self.seats: dict[str, dict[str, int]] = {}

    # ── What people and the clock do ────────────────────────────────────────────────────────────────────────────────

    @rule(count=st.integers(1, 3), name=st.sampled_from(["Pupil 1", "Pupil 2", "Pupil", " \u200b"]))
    def join(self, count: int, name: str) -> None:
        for _ in range(count):
            decision = decisions.decide_join(self.classroom.lesson, name, self.classroom.context())
            self.take(decision)

    @rule(seconds=st.integers(0, 100))
    def wait(self, seconds: int) -> None:
        self.classroom.wait(seconds * 1000)

    @rule(data=st.data(), node=NODES, arrives=st.booleans())
    def connect(self, data: st.DataObject, node: str, arrives: bool) -> None:
        person = data.draw(self.people())
        kind = events.ParticipantArrived if arrives else events.ParticipantDeparted
        self.classroom.write((kind(person, node),))

    @rule(node=NODES)
    def lose_node(self, node: str) -> None:
        self.classroom.write((events.NodeLost(node),))

    @rule(data=st.data())
    def teach(self, data: st.DataObject) -> None:
        """What a teacher does often, so that lessons get somewhere."""
        self.ask(data.draw(st.one_of(self.for_teachers())), commands.TEACHER)

    @rule(data=st.data())
    def take_part(self, data: st.DataObject) -> None:
        person = data.draw(self.people())
        self.ask(data.draw(st.one_of(self.for_participants(person))), actor(person))

    @rule(data=st.data())
    def ask_what_is_not_ones_own(self, data: st.DataObject) -> None:
        person = data.draw(self.people())
        command = data.draw(st.one_of(*self.for_teachers(), *self.for_participants(person)))
        roles = [actor(person), Actor("participant"), Actor("projector"), Actor("guardian", person)]
        self.ask(command, data.draw(st.sampled_from(roles)))

    @precondition(lambda self: self.classroom.lesson.phase == "lobby")
    @rule()
    def open_rooms(self) -> None:
        lesson = self.classroom.lesson
        untouched = not any(person.room for person in lesson.present())
        self.ask(commands.OpenRooms(), commands.TEACHER)
        if untouched and lesson.grouping != "roster":
            assert spread(self.classroom.sizes()) <= 1

    @precondition(lambda self: self.classroom.lesson.phase in {"work", "gather"})
    @rule(by=st.sampled_from(["random", "balanced", "home"]))
    def regroup(self, by: str) -> None:
        match by:
            case "random":
                decision = self.ask(commands.Regroup("random"), commands.TEACHER)
            case "balanced":
                decision = self.ask(commands.Regroup("balanced"), commands.TEACHER)
            case _:
                decision = self.ask(commands.Regroup("home"), commands.TEACHER)
                if self.classroom.lesson.grouping != "jigsaw":
                    assert isinstance(decision, Refused)
                return
        assert not isinstance(decision, Refused)
        assert spread(self.classroom.sizes()) <= 1

    @rule(chance=st.integers(0, 9))
    def end(self, chance: int) -> None:
        if chance == 0:
            self.ask(commands.End(), commands.TEACHER)

    def ask(self, command: AnyCommand, who: Actor) -> decisions.Decision:
        decision = self.classroom.ask(command, who)
        if who.role not in {"teacher", "participant"}:
            assert isinstance(decision, Refused)
        self.take(decision)
        return decision

    def take(self, decision: decisions.Decision) -> tuple[AnyEvent, ...]:
        if isinstance(decision, Refused):
            assert decision.message.endswith(".")
            return ()
        return self.classroom.write(decision)

    # ── What they may ask for, with ids that exist and ids that do not ──────────────────────────────────────────────

    def people(self) -> st.SearchStrategy[str]:
        return st.sampled_from([*self.classroom.lesson.people, GHOST])

    def rooms(self) -> st.SearchStrategy[str]:
        return st.sampled_from([*self.classroom.lesson.rooms, GHOST])

    def for_teachers(self) -> list[st.SearchStrategy[AnyCommand]]:
        people, rooms = self.people(), self.rooms()
        some_room, somebody = st.none() | rooms, st.none() | people
        names = st.sampled_from(["Red", "Pupil", "\u202e", "Room 1"])
        return [
            st.builds(commands.OpenRooms),
            st.builds(commands.Assign, st.dictionaries(people, some_room, max_size=3)),
            st.builds(commands.Move, people, some_room),
            st.builds(commands.Regroup, st.sampled_from(["random", "balanced", "roster", "home"]), st.just(ROSTER)),
            st.builds(commands.Rename, names, some_room, somebody),
            st.builds(commands.AddRoom, st.none() | names),
            st.builds(commands.CloseRoom, rooms),
            st.builds(commands.Remove, people),
            st.builds(commands.StartTimer, st.integers(5, 60)),
            st.builds(commands.ExtendTimer, st.integers(5, 60)),
            st.builds(commands.StopTimer),
            st.builds(commands.Lock, some_room),
            st.builds(commands.Unlock, some_room),
            st.builds(commands.Broadcast, st.sampled_from(["Listen", " "])),
            rooms.map(lambda room: commands.Nudge(f"private {room}", room=room)),
            people.map(lambda person: commands.Nudge(f"private {person}", participant=person)),
            st.builds(commands.Spotlight, some_room),
            st.builds(commands.Visit, some_room),
            st.builds(commands.Measure, people, st.booleans()),
            st.builds(commands.ShareRecord, st.booleans()),
            st.builds(commands.Prompt, st.just("Why?"), st.lists(rooms, max_size=2).map(tuple)),
            st.builds(commands.RotateRoles, some_room),
            st.builds(commands.SwapAndBuild, rooms),
            rooms.map(lambda room: commands.CardCommand(room, "hint", f"private {room}")),
            st.builds(commands.Gather),
            st.builds(commands.Chat, st.just("well?"), some_room),
            st.builds(commands.LowerHand, somebody),
        ]

    def for_participants(self, person: str) -> list[st.SearchStrategy[AnyCommand]]:
        return [
            st.builds(commands.Hand, st.sampled_from(["stuck", "check"]), st.just(f"private {person}")),
            st.builds(commands.LowerHand),
            st.builds(commands.Ready, st.booleans()),
            st.builds(commands.Choose, self.rooms()),
            st.builds(commands.Agreement, st.integers(0, 3), st.booleans()),
            st.builds(commands.PulseCommand, st.sampled_from(["too_easy", "right", "too_hard"])),
            st.just(commands.Answer(f"private {person}")),
            st.builds(commands.Chat, st.just("hello"), st.none() | self.rooms()),
            st.builds(commands.Rename, st.sampled_from(["Pupil", "Pupil 9"])),
            st.builds(commands.Leave),
        ]

    # ── What holds ──────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def everyone_at_work_has_an_open_room(self) -> None:
        lesson = self.classroom.lesson
        assert lesson.open_rooms()
        if lesson.phase == "work":
            for person in lesson.present():
                assert person.room is not None
                assert not lesson.rooms[person.room].closed

    @invariant()
    def people_and_rooms_agree_on_who_sits_where(self) -> None:
        lesson = self.classroom.lesson
        sitting = {(room.room, who): seat for room in lesson.rooms.values() for who, seat in room.members.items()}
        assert sitting == {
            (person.room, person.participant): person.seat for person in lesson.present() if person.room is not None
        }

    @invariant()
    def a_seat_is_one_persons_for_ever(self) -> None:
        for room in self.classroom.lesson.rooms.values():
            assert len(set(room.seats.values())) == len(room.seats)
            assert all(seat >= 1 for seat in room.seats.values())
            assert self.seats.get(room.room, {}).items() <= room.seats.items()
            self.seats[room.room] = dict(room.seats)

    @invariant()
    def names_are_distinct(self) -> None:
        for named in (self.classroom.lesson.people.values(), self.classroom.lesson.rooms.values()):
            names = [each.name.casefold() for each in named]
            assert len(set(names)) == len(names)

    @invariant()
    def nothing_due_is_left_undone(self) -> None:
        due = next_due(self.classroom.lesson)
        if due is not None and due <= self.classroom.now:
            assert decisions.decide_due(self.classroom.lesson, self.classroom.now)
        else:
            assert decisions.decide_due(self.classroom.lesson, self.classroom.now) == ()

    @invariant()
    def a_room_is_shown_locked_exactly_when_nobody_may_write(self) -> None:
        lesson = self.classroom.lesson
        later = self.classroom.now + LOCK_GRACE_MS
        for person in lesson.present():
            room = participant_view(lesson, person.participant).get("room")
            if isinstance(room, dict) and person.room is not None:
                assert lesson.can_write(person.room, person.participant, later) is not room["locked"]

    @invariant()
    def patches_take_every_view_from_what_it_was_to_what_it_is(self) -> None:
        views = self.views()
        for who, view in views.items():
            before = self.shown.get(who, {})
            assert apply(before, difference(before, view)) == view
        self.shown = views

    @invariant()
    def p20_private_words_reach_nobody_else(self) -> None:
        lesson = self.classroom.lesson
        for person in lesson.present():
            view = participant_view(lesson, person.participant)
            view.pop("me")
            shown = json.dumps(view)
            assert "pulse" not in shown
            for other in (*lesson.people, *lesson.rooms):
                if other not in {person.participant, person.room}:
                    assert f'"private {other}"' not in shown
        shown = json.dumps(projector_view(lesson))
        assert "private" not in shown
        of_rooms = {room.name for room in lesson.rooms.values()}
        assert not any(f'"{each.name}"' in shown for each in lesson.people.values() if each.name not in of_rooms)

    def views(self) -> dict[str, JSONObject]:
        lesson = self.classroom.lesson
        own = {person: participant_view(lesson, person) for person in lesson.people}
        return {"teacher": teacher_view(lesson), "projector": projector_view(lesson)} | own

    def teardown(self) -> None:
        if hasattr(self, "classroom"):
            assert self.classroom.replay() == self.classroom.lesson


LessonMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)


TestLessonMachine = pytest.mark.model(LessonMachine.TestCase)
