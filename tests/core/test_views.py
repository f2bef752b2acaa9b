"""Who sees what (P20), asked as each role."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from server.core import commands, events
from server.core.commands import (
    AddRoom,
    Agreement,
    Broadcast,
    Chat,
    CloseRoom,
    End,
    Gather,
    Hand,
    LessonDraft,
    Lock,
    LowerHand,
    Move,
    Nudge,
    OpenRooms,
    PulseCommand,
    Ready,
    Rename,
    RoomDraft,
    Spotlight,
    StartTimer,
    Visit,
)
from server.core.patch import JSON, JSONObject
from server.core.views import (
    PARTICIPANT_MESSAGES,
    TEACHER_MESSAGES,
    participant_view,
    projector_view,
    teacher_view,
)
from tests.classroom import EPOCH, Classroom


class Class(Classroom):
    """Ada and Bo at the red table, Cy at the blue one, and everything that can be said or kept quiet about them."""

    def __init__(self) -> None:
        super().__init__(
            LessonDraft(
                "Acorns",
                task="Why?",
                rooms=(RoomDraft("Red", topic="Roots"), RoomDraft("Blue")),
                criteria=("Says why",),
                starters=("I think",),
                grouping="teacher",
            )
        )
        self.ada, self.bo, self.cy = self.join("Ada", "Bo", "Cy")
        self.red, self.blue = self.rooms()

    def work(self) -> None:
        self.do(commands.Assign({self.ada: self.red, self.bo: self.red, self.cy: self.blue}))
        self.do(OpenRooms())

    def everything(self) -> None:
        self.work()
        self.write(tuple(events.ParticipantArrived(person, "n") for person in self.lesson.people))
        for person, number in ((self.ada, 1), (self.bo, 2), (self.cy, 3)):
            self.wait(1000)
            self.do(Hand("check", f"note {number}"), by=person)
            self.do(PulseCommand("too_hard"), by=person)
            self.do(Nudge(f"nudge {number}", participant=person))
            self.do(Chat(f"talk {number}"), by=person)
        self.do(Nudge("nudge red", room=self.red))
        self.do(Nudge("nudge blue", room=self.blue))
        self.do(Broadcast("to all"))
        self.do(commands.Measure(self.bo, False))
        self.do(Agreement(0, True), by=self.cy)
        self.do(Ready(), by=self.cy)
        self.do(Visit(self.blue))
        self.do(Spotlight(self.blue))
        self.do(StartTimer(60))


def keys(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def at(view: JSON, *path: str) -> JSON:
    for name in path:
        assert isinstance(view, dict), path
        view = view[name]
    return view


# ── P20 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

ONLY_A_TEACHERS = {
    "code",
    "figures",
    "triage",
    "note",
    "measured",
    "joined_at",
    "created_at",
    "visits",
    "visiting",
    "people",
    "members",
    "pulses",
    "nodes",
    "token",
    "roster",
}


def test_p20_a_participant_sees_nothing_that_is_only_the_teachers() -> None:
    classroom = Class()
    classroom.everything()
    for person in classroom.lesson.people:
        view = participant_view(classroom.lesson, person)
        assert not ONLY_A_TEACHERS & set(keys(view))


def test_p20_a_participant_sees_no_reason_pulse_or_private_word_of_another() -> None:
    classroom = Class()
    classroom.everything()
    view = participant_view(classroom.lesson, classroom.ada)
    me = view.pop("me")
    assert isinstance(me, dict)
    assert me["pulse"] == "too_hard"
    shown = json.dumps(view)
    for private in ("note", "check", "too_hard", "nudge 2", "nudge 3", "nudge blue", "talk 3", "Cy", classroom.cy):
        assert private not in shown
    for public in ("nudge 1", "nudge red", "to all", "talk 1", "talk 2", "Bo"):
        assert public in shown
    assert set(keys(view["table"])) == {classroom.ada, classroom.bo, "name", "seat", "here", "hand"}
    assert at(view, "table", classroom.bo, "hand") is True


def test_p20_a_projector_shows_no_person_and_nothing_said_among_them() -> None:
    classroom = Class()
    classroom.everything()
    view = projector_view(classroom.lesson)
    shown = json.dumps(view)
    for person in classroom.lesson.people.values():
        assert person.participant not in shown
        assert f'"{person.name}"' not in shown
    for private in ("note", "check", "too_hard", "nudge", "talk"):
        assert private not in shown
    assert not (ONLY_A_TEACHERS - {"code"}) & set(keys(view))


def test_p20_who_has_left_sees_the_title_and_no_more() -> None:
    classroom = Class()
    classroom.everything()
    classroom.do(commands.Remove(classroom.ada))
    for gone in (classroom.ada, "ghost"):
        assert participant_view(classroom.lesson, gone) == {
            "lesson": {"id": "lesson", "title": "Acorns", "phase": "work"}
        }


def test_a_pulse_reaches_the_teacher_only_as_one_of_three() -> None:
    classroom = Class()
    classroom.do(PulseCommand("too_hard"), by=classroom.ada)
    classroom.do(PulseCommand("right"), by=classroom.bo)
    assert "pulse" not in set(keys(teacher_view(classroom.lesson)))
    classroom.do(PulseCommand("right"), by=classroom.cy)
    assert at(teacher_view(classroom.lesson), "people", classroom.ada, "pulse") == "too_hard"


# ── What each view holds ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_teacher_sees_the_whole_lesson() -> None:
    classroom = Class()
    classroom.everything()
    view = teacher_view(classroom.lesson)
    assert view["lesson"] == {
        "id": "lesson",
        "title": "Acorns",
        "task": "Why?",
        "criteria": ["Says why"],
        "starters": ["I think"],
        "grouping": "teacher",
        "phase": "work",
        "code": "ABC234",
        "participation": True,
        "demonstration": False,
        "created_at": EPOCH,
        "all_locked": False,
        "record_shared": False,
        "hint": "",
        "stretch": "",
    }
    assert at(view, "rooms", classroom.blue) == {
        "name": "Blue",
        "topic": "",
        "position": 1,
        "closed": False,
        "locked": False,
        "ready": True,
        "met": [0],
        "members": {classroom.cy: 1},
        "visits": 1,
    }
    assert at(view, "people", classroom.bo) == {
        "name": "Bo",
        "room": classroom.red,
        "seat": 2,
        "here": True,
        "joined_at": EPOCH,
        "hand": {"reason": "check", "note": "note 2", "since": EPOCH + 2000},
        "pulse": "too_hard",
        "measured": False,
    }
    talk = at(view, "talk", classroom.blue)
    assert isinstance(talk, dict)
    assert list(talk.values()) == [{"author": classroom.cy, "name": "Cy", "text": "talk 3", "at": EPOCH + 3000}]
    assert isinstance(view["messages"], dict)
    assert [message for message in view["messages"].values() if isinstance(message, dict) and "room" in message] == [
        {"text": "nudge red", "kind": "nudge", "at": EPOCH + 3000, "room": classroom.red},
        {"text": "nudge blue", "kind": "nudge", "at": EPOCH + 3000, "room": classroom.blue},
    ]
    assert view["timer"] == {"ends_at": EPOCH + 63_000, "ran_out": False}
    assert view["spotlight"] == {"room": classroom.blue}
    assert view["visiting"] == classroom.blue


def test_a_participant_sees_their_own_room() -> None:
    classroom = Class()
    classroom.everything()
    view = participant_view(classroom.lesson, classroom.bo)
    assert view["me"] == {
        "participant": classroom.bo,
        "name": "Bo",
        "seat": 2,
        "room": classroom.red,
        "pulse": "too_hard",
        "hand": {"reason": "check", "since": EPOCH + 2000, "place": 2},
    }
    assert view["room"] == {
        "room": classroom.red,
        "name": "Red",
        "topic": "Roots",
        "ready": False,
        "met": [],
        "locked": False,
    }
    assert view["spotlight"] == {"room": classroom.blue, "name": "Blue"}
    assert "lobby" not in view
    assert "rooms" not in view


def test_a_projector_sees_numbers_and_rooms() -> None:
    classroom = Class()
    classroom.everything()
    classroom.write((events.ParticipantDeparted(classroom.ada, "n"),))
    classroom.do(AddRoom("Green"))
    classroom.do(CloseRoom(classroom.rooms()[-1]))
    assert projector_view(classroom.lesson) == {
        "lesson": {
            "id": "lesson",
            "title": "Acorns",
            "task": "Why?",
            "phase": "work",
            "code": "ABC234",
            "demonstration": False,
        },
        "joined": 3,
        "here": 2,
        "rooms": {
            classroom.red: {"name": "Red", "ready": False, "size": 2},
            classroom.blue: {"name": "Blue", "ready": True, "size": 1},
        },
        "timer": {"ends_at": EPOCH + 63_000, "ran_out": False},
        "broadcast": {"text": "to all", "at": EPOCH + 3000},
        "spotlight": {"room": classroom.blue, "name": "Blue"},
    }


def test_the_lobby_counts_who_has_come() -> None:
    classroom = Class()
    view = participant_view(classroom.lesson, classroom.ada)
    assert view["lobby"] == {"count": 3}
    assert view["me"] == {"participant": classroom.ada, "name": "Ada", "seat": 0}
    assert not {"room", "table", "talk", "rooms"} & view.keys()
    classroom.do(commands.Remove(classroom.bo))
    assert at(participant_view(classroom.lesson, classroom.ada), "lobby", "count") == 2
    people = teacher_view(classroom.lesson)["people"]
    assert isinstance(people, dict)
    assert list(people) == [classroom.ada, classroom.cy]


def test_who_may_choose_sees_the_rooms_that_take_them() -> None:
    classroom = Classroom(LessonDraft("Acorns", room_count=2, grouping="self"))
    ada, bo, cy = classroom.join("Ada", "Bo", "Cy")
    first, second = classroom.rooms()
    for person in (ada, bo):
        classroom.do(commands.Choose(first), by=person)
    full = {"name": "Table 1", "topic": "", "position": 0, "size": 2, "open": False}
    free = {"name": "Table 2", "topic": "", "position": 1, "size": 0, "open": True}
    assert participant_view(classroom.lesson, cy)["rooms"] == {first: full, second: free}
    assert participant_view(classroom.lesson, ada)["rooms"] == {first: full | {"open": True}, second: free}
    classroom.do(OpenRooms())
    assert "rooms" in participant_view(classroom.lesson, cy)
    classroom.do(Gather())
    assert "rooms" not in participant_view(classroom.lesson, cy)


def test_a_room_says_why_nobody_may_write() -> None:
    classroom = Class()

    def reason() -> JSON:
        room = participant_view(classroom.lesson, classroom.ada)["room"]
        assert isinstance(room, dict)
        assert room["locked"] is ("lock_reason" in room)
        return room.get("lock_reason")

    classroom.do(Move(classroom.ada, classroom.red))
    assert reason() == "lobby"
    classroom.do(OpenRooms())
    assert reason() is None
    classroom.do(Lock(classroom.red))
    assert reason() == "teacher"
    classroom.do(commands.Unlock())
    classroom.do(StartTimer(5))
    classroom.wait(60_000)
    assert reason() == "time"
    assert at(teacher_view(classroom.lesson), "lesson", "lock_reason") == "time"
    classroom.do(Gather())
    assert reason() == "gather"
    classroom.do(End())
    assert reason() == "ended"


def test_places_in_the_queue_follow_the_wait() -> None:
    classroom = Class()
    classroom.everything()

    def place(person: str) -> JSON:
        return at(participant_view(classroom.lesson, person), "me", "hand", "place")

    assert [place(person) for person in classroom.lesson.people] == [1, 2, 3]
    classroom.do(LowerHand(classroom.ada))
    assert [place(classroom.bo), place(classroom.cy)] == [1, 2]
    classroom.wait(1)
    classroom.do(Hand(), by=classroom.ada)
    assert place(classroom.ada) == 3


def test_the_end_lowers_every_hand_and_stops_the_clock() -> None:
    classroom = Class()
    classroom.everything()
    classroom.do(End())
    for view in (teacher_view(classroom.lesson), participant_view(classroom.lesson, classroom.ada)):
        assert "hand" not in set(keys(view))
        assert "timer" not in view


def test_talk_shows_the_name_a_person_has_now() -> None:
    classroom = Class()
    classroom.work()
    classroom.do(Chat("hello"), by=classroom.ada)
    classroom.do(Chat("well?", room=classroom.red))

    def names() -> list[JSON]:
        talk = participant_view(classroom.lesson, classroom.bo)["talk"]
        assert isinstance(talk, dict)
        return [at(line, "name") for line in talk.values()]

    assert names() == ["Ada", ""]
    classroom.do(Rename("Adah", participant=classroom.ada))
    assert names() == ["Adah", ""]
    classroom.do(Chat("and I"), by=classroom.bo)
    assert names() == ["Adah", "", "Bo"]


def test_messages_in_a_view_are_the_latest() -> None:
    classroom = Class()
    for number in range(TEACHER_MESSAGES + 5):
        classroom.do(Broadcast(f"message {number}"))
    for view, kept in (
        (teacher_view(classroom.lesson), TEACHER_MESSAGES),
        (participant_view(classroom.lesson, classroom.ada), PARTICIPANT_MESSAGES),
    ):
        messages = view["messages"]
        assert isinstance(messages, dict)
        assert len(messages) == kept
        assert at(list(messages.values())[-1], "text") == f"message {TEACHER_MESSAGES + 4}"


@pytest.mark.parametrize("role", ["teacher", "participant", "projector"])
def test_a_view_is_json_without_null(role: str) -> None:
    classroom = Class()
    for grow in (lambda: None, classroom.everything, lambda: classroom.do(End())):
        grow()
        view: JSONObject
        match role:
            case "teacher":
                view = teacher_view(classroom.lesson)
            case "participant":
                view = participant_view(classroom.lesson, classroom.ada)
            case _:
                view = projector_view(classroom.lesson)
        assert "null" not in json.dumps(view)
        assert json.loads(json.dumps(view)) == view
