"""Who sits where, from the lobby to the home groups of a jigsaw."""

from __future__ import annotations

from collections import Counter

import pytest

from server.core.commands import (
    AddRoom,
    Choose,
    CloseRoom,
    Gather,
    Leave,
    LessonDraft,
    Move,
    OpenRooms,
    Regroup,
    RoomDraft,
    Spotlight,
)
from server.core.events import DocumentUpdated, Grouping, RoomSpotlit, Seated
from server.errors import Conflict, Malformed, NotFound
from tests.classroom import Classroom, spread


def class_of(grouping: Grouping, rooms: int = 3, pupils: int = 0) -> tuple[Classroom, list[str]]:
    classroom = Classroom(LessonDraft("Acorns", room_count=rooms, grouping=grouping))
    return classroom, classroom.join_many(pupils)


@pytest.mark.parametrize("grouping", ["random", "self", "teacher", "jigsaw"])
@pytest.mark.parametrize(("pupils", "rooms"), [(0, 3), (1, 3), (5, 3), (30, 7), (7, 7)])
def test_opening_seats_everyone_evenly(grouping: Grouping, pupils: int, rooms: int) -> None:
    classroom, people = class_of(grouping, rooms, pupils)
    assert not any(classroom.sizes()), "the lobby seats nobody by itself"
    classroom.do(OpenRooms())
    assert sum(classroom.sizes()) == len(people)
    assert spread(classroom.sizes()) <= 1


def test_random_groups_are_random() -> None:
    def groups(seed: int) -> list[dict[str, int]]:
        classroom = Classroom(LessonDraft("Acorns", room_count=2), seed=seed)
        classroom.join_many(6)
        classroom.do(OpenRooms())
        return [room.members for room in classroom.lesson.open_rooms()]

    assert groups(1) == groups(1)
    assert any(groups(1) != groups(seed) for seed in range(2, 6))


def test_opening_leaves_those_the_teacher_seated_where_they_are() -> None:
    classroom, people = class_of("teacher", rooms=2, pupils=5)
    first, second = classroom.rooms()
    for person in people[:3]:
        classroom.do(Move(person, second))
    classroom.do(OpenRooms())
    assert list(classroom.lesson.rooms[second].members) == people[:3]
    assert list(classroom.lesson.rooms[first].members) == people[3:]


def test_who_comes_late_sits_down_in_the_smallest_room_at_once() -> None:
    classroom, _ = class_of("teacher", rooms=3, pupils=5)
    classroom.do(OpenRooms())
    late = classroom.join_one("Late")
    assert classroom.lesson.people[late].room == classroom.rooms()[2]
    classroom.do(Gather())
    later = classroom.join_one("Later")
    assert classroom.lesson.people[later].room == classroom.rooms()[0]
    assert classroom.lesson.people[later].seat == 3


def test_closing_a_room_seats_its_people_in_the_smallest_others_first() -> None:
    classroom, people = class_of("teacher", rooms=3, pupils=6)
    classroom.do(OpenRooms())
    first, second, third = classroom.rooms()
    classroom.do(Spotlight(second))
    classroom.do(Move(people[0], third))
    decided = classroom.do(CloseRoom(second))
    assert [type(event).__name__ for event in decided] == ["Seated", "Seated", "RoomClosed", "RoomSpotlit"]
    assert (classroom.rooms(), classroom.sizes()) == ([first, third], [3, 3])
    assert classroom.lesson.spotlight is None


def test_closing_a_room_that_is_not_spotlit_leaves_the_spotlight_alone() -> None:
    classroom, _ = class_of("teacher", rooms=2)
    first, second = classroom.rooms()
    classroom.do(Spotlight(first))
    assert RoomSpotlit(None) not in classroom.do(CloseRoom(second))


def test_the_last_room_stays_open() -> None:
    classroom, _ = class_of("teacher", rooms=1)
    assert isinstance(classroom.refuse(CloseRoom(classroom.rooms()[0])), Conflict)


def test_a_room_added_has_the_template_as_its_first_text() -> None:
    classroom = Classroom(LessonDraft("Acorns", room_count=1, template="We think"))
    added = classroom.do(AddRoom())
    assert isinstance(added[1], DocumentUpdated)
    assert (added[1].room, added[1].author) == (classroom.rooms()[1], "system")


# ── Free choice ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_people_choose_while_there_is_room() -> None:
    classroom, (ada, bo, cy) = class_of("self", rooms=2, pupils=3)
    first, second = classroom.rooms()
    for person in (ada, bo):
        classroom.do(Choose(first), by=person)
    assert classroom.do(Choose(first), by=ada) == ()
    refusal = classroom.refuse(Choose(first), by=cy)
    assert isinstance(refusal, Conflict)
    assert "Table 1" in refusal.message
    classroom.do(Choose(second), by=ada)
    classroom.do(Choose(first), by=cy)
    classroom.do(OpenRooms())
    assert classroom.sizes() == [2, 1]


def test_a_choice_is_refused_kindly_where_it_cannot_be_made() -> None:
    classroom, (ada, bo) = class_of("self", rooms=3, pupils=2)
    first, second, _ = classroom.rooms()
    assert isinstance(classroom.refuse(Choose("ghost"), by=ada), NotFound)
    classroom.do(CloseRoom(second))
    assert isinstance(classroom.refuse(Choose(second), by=ada), Conflict)
    classroom.do(OpenRooms())
    classroom.do(Gather())
    assert isinstance(classroom.refuse(Choose(first), by=bo), Conflict)
    classroom, (ada,) = class_of("random", pupils=1)
    assert isinstance(classroom.refuse(Choose(classroom.rooms()[0]), by=ada), Conflict)


# ── Rosters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_roster_seats_people_as_they_join_and_the_rest_at_opening() -> None:
    classroom = Classroom(LessonDraft("Acorns", grouping="roster", roster="Ada, Red\nBo, Blue\nCy, Blue"))
    classroom.join("bo", "Stranger", "ADA")
    assert classroom.names_by_room() == {"Red": ["ADA"], "Blue": ["bo"]}
    classroom.do(OpenRooms())
    assert classroom.names_by_room() == {"Red": ["ADA", "Stranger"], "Blue": ["bo"]}
    classroom.join("Cy", "Late")
    assert classroom.names_by_room() == {"Red": ["ADA", "Late", "Stranger"], "Blue": ["Cy", "bo"]}


def test_a_roster_whose_room_has_closed_seats_in_the_smallest() -> None:
    classroom = Classroom(LessonDraft("Acorns", grouping="roster", roster="Ada, Red\nBo, Blue"))
    classroom.do(CloseRoom(classroom.rooms()[0]))
    classroom.do(OpenRooms())
    classroom.join("Ada")
    assert classroom.names_by_room() == {"Blue": ["Ada"]}


def test_regrouping_by_a_roster_makes_its_groups_the_rooms() -> None:
    classroom, _ = class_of("random", rooms=2)
    classroom.join("Ada", "Bo", "Cy", "Stranger")
    classroom.do(OpenRooms())
    classroom.do(Regroup("roster", "Ada, table 1\nBo, Red\nCy, Red"))
    assert classroom.names_by_room() == {"Table 1": ["Ada", "Stranger"], "Red": ["Bo", "Cy"]}
    seats = [person.seat for person in classroom.lesson.members(classroom.rooms()[1])]
    assert sorted(seats) == [1, 2]


def test_a_pasted_roster_holds_for_those_who_join_later() -> None:
    classroom, _ = class_of("random", 2, 0)
    classroom.do(Regroup("roster", "Ana, Foxes\nBen, Owls\nCleo, Owls"))
    classroom.join("Ben", "Ana")
    classroom.do(OpenRooms())
    classroom.join("Cleo")
    assert classroom.names_by_room() == {"Foxes": ["Ana"], "Owls": ["Ben", "Cleo"]}


def test_regrouping_by_the_lessons_own_roster_needs_no_text() -> None:
    classroom = Classroom(LessonDraft("Acorns", grouping="roster", roster="Ada, Red\nBo, Blue"))
    ada, bo = classroom.join("Ada", "Bo")
    classroom.do(OpenRooms())
    classroom.do(Move(ada, classroom.lesson.people[bo].room))
    classroom.do(Regroup("roster"))
    assert classroom.names_by_room() == {"Red": ["Ada"], "Blue": ["Bo"]}


def test_regrouping_by_a_roster_at_fault_names_the_line() -> None:
    classroom, _ = class_of("random")
    assert isinstance(classroom.refuse(Regroup("roster")), Malformed)
    assert "Line 2" in classroom.refuse(Regroup("roster", "Ada, Red\nBo")).message
    assert isinstance(classroom.refuse(Regroup("roster", "\n".join(f"P{n}, G{n}" for n in range(61)))), Conflict)


# ── Regrouping ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_regrouping_evenly_moves_as_few_as_it_can() -> None:
    classroom, people = class_of("teacher", rooms=3, pupils=9)
    classroom.do(OpenRooms())
    for person in (people[0], people[3]):
        classroom.do(Leave(), by=person)
    decided = classroom.do(Regroup("balanced"))
    assert len([event for event in decided if isinstance(event, Seated)]) == 1
    assert spread(classroom.sizes()) <= 1


def test_regrouping_at_random_seats_everyone_anew() -> None:
    classroom, people = class_of("random", rooms=4, pupils=22)
    first = classroom.rooms()[0]
    for person in people[:9]:
        classroom.do(Move(person, first))
    classroom.do(Regroup())
    assert sum(classroom.sizes()) == 22
    assert spread(classroom.sizes()) <= 1


# ── Jigsaw ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def jigsaw(pupils: int, topics: int) -> Classroom:
    rooms = tuple(RoomDraft(f"Experts {number}", topic=f"Topic {number}") for number in range(topics))
    classroom = Classroom(LessonDraft("Trees", rooms=rooms, grouping="jigsaw", template="We learnt"))
    classroom.join_many(pupils)
    return classroom


@pytest.mark.parametrize(("pupils", "topics"), [(16, 4), (17, 4), (23, 4), (5, 4), (30, 5), (2, 2), (200, 4)])
def test_experts_go_home_so_that_every_home_hears_about_every_topic(pupils: int, topics: int) -> None:
    classroom = jigsaw(pupils, topics)
    classroom.do(OpenRooms())
    topic_of = {
        person.participant: classroom.lesson.rooms[person.room or ""].topic for person in classroom.lesson.present()
    }
    decided = classroom.do(Regroup("home"))
    homes = classroom.lesson.open_rooms()
    assert [room.name for room in homes] == [f"Home {number}" for number in range(1, pupils // topics + 1)]
    assert spread(classroom.sizes()) <= 1
    assert sum(classroom.sizes()) == pupils
    for home in homes:
        assert len(Counter(topic_of[participant] for participant in home.members)) == topics
        assert sorted(home.members.values()) == list(range(1, len(home.members) + 1))
    assert sum(isinstance(event, DocumentUpdated) for event in decided) == len(homes)


def test_a_late_joiner_after_experts_went_home_sits_in_a_home() -> None:
    classroom = jigsaw(8, 4)
    classroom.do(OpenRooms())
    classroom.do(Regroup("home"))
    late = classroom.join_one("Late")
    assert classroom.lesson.rooms[classroom.lesson.people[late].room or ""].name == "Home 1"


def test_home_groups_are_refused_where_they_make_no_sense() -> None:
    classroom, _ = class_of("random", pupils=4)
    assert isinstance(classroom.refuse(Regroup("home")), Conflict)
    classroom = jigsaw(8, 4)
    assert isinstance(classroom.refuse(Regroup("home")), Conflict)
    classroom.do(OpenRooms())
    classroom.do(Regroup("home"))
    assert isinstance(classroom.refuse(Regroup("home")), Conflict)
    classroom = jigsaw(1, 4)
    classroom.do(OpenRooms())
    assert isinstance(classroom.refuse(Regroup("home")), Conflict)
