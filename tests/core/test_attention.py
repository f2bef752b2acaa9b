from __future__ import annotations

from random import Random

from server.core import events
from server.core.attention import Reason, order, reasons, steady
from server.core.balance import Share, weigh
from server.core.lesson import Lesson

NOW = 1_000_000


def lesson() -> Lesson:
    lesson = Lesson("lesson")
    lesson.apply(events.LessonCreated("Acorns", "ABC234"), 0)
    lesson.apply(events.RoomAdded("r", "Oak"), 0)
    for seat, name in enumerate(("mia", "tom", "zoe"), 1):
        lesson.apply(events.ParticipantJoined(name, name), 0)
        lesson.apply(events.Seated(name, "r", seat), 0)
    lesson.apply(events.RoomsOpened(), 0)
    return lesson


def kinds(
    lesson: Lesson, *units: int, quiet_since: int | None = None, crossed: int = 20, begun: bool = True
) -> list[str]:
    names = ("mia", "tom", "zoe")
    balance = weigh([Share(name, x, 600, crossed) for name, x in zip(names, units, strict=False)])
    return [reason.kind for reason in reasons(lesson, "r", balance, quiet_since, begun, NOW)]


def test_p16_a_room_that_works_is_under_way_then_done() -> None:
    state = lesson()
    assert kinds(state, 0, 0, 0, begun=False) == ["not_started"]
    assert kinds(state, 20, 20, 20) == ["under_way"]
    state.apply(events.ReadyMarked("r", True), 1)
    assert kinds(state, 20, 20, 20) == ["done"]


def test_p16_help_names_everyone_who_waits_the_longest_first() -> None:
    state = lesson()
    state.apply(events.HandRaised("zoe", "stuck"), 10)
    state.apply(events.HandRaised("mia", "check"), 20)
    first = reasons(state, "r", None, None, True, NOW)[0]
    assert first == Reason("help", 10, "zoe", ("zoe", "mia"))


def test_p13_p16_quiet_after_two_minutes_unless_done() -> None:
    state = lesson()
    assert kinds(state, 20, 20, 20, quiet_since=NOW - 119_999) == ["under_way"]
    assert kinds(state, 20, 20, 20, quiet_since=NOW - 120_000) == ["quiet", "under_way"]
    state.apply(events.ReadyMarked("r", True), 1)
    assert kinds(state, 20, 20, 20, quiet_since=NOW - 120_000) == ["done"]


def test_p16_balance_reasons() -> None:
    state = lesson()
    assert kinds(state, 60, 2, 3) == ["one_voice", "unheard", "under_way"]
    assert kinds(state, 40, 40, 1) == ["unheard", "leaning", "under_way"]
    assert kinds(state, 40, 20, 12) == ["leaning", "under_way"]
    assert kinds(state, 20, 20, 20, crossed=0) == ["parallel", "under_way"]
    assert kinds(state, 10, 1, 1) == ["under_way"]  # too early


def test_p16_two_pulses_of_one_kind_and_never_whose() -> None:
    state = lesson()
    state.apply(events.PulseGiven("mia", "too_hard"), 1)
    state.apply(events.PulseGiven("tom", "too_easy"), 1)
    assert kinds(state, 20, 20, 20) == ["under_way"]
    state.apply(events.PulseGiven("zoe", "too_easy"), 1)
    assert reasons(state, "r", None, None, True, NOW)[0] == Reason("pulse", pulse="too_easy")


def test_p16_without_participation_no_reason_is_made_from_amounts() -> None:
    state = lesson()
    assert [reason.kind for reason in reasons(state, "r", None, NOW - 200_000, True, NOW)] == ["quiet", "under_way"]


def test_p16_order_by_need_then_by_the_longest_time_since_a_visit() -> None:
    needs = {
        "a": Reason("under_way"),
        "b": Reason("quiet", 500),
        "c": Reason("help", 900),
        "d": Reason("quiet", 400),
        "e": Reason("help", 800),
        "f": Reason("done"),
        "g": Reason("one_voice"),
        "h": Reason("unheard"),
        "i": Reason("leaning"),
        "j": Reason("pulse"),
        "k": Reason("parallel"),
        "l": Reason("quiet", 700),
        "m": Reason("not_started"),
    }
    visits = {"b": 50, "d": 100}
    assert "".join(order(needs, visits)) == "eclbdghjikmfa"


def test_p16_a_room_does_not_jump_twice_in_ten_seconds() -> None:
    shown, moved = steady("abcd", "dabc", 0, {})
    assert ("".join(shown), moved) == ("dabc", {"d": 0})
    shown, moved = steady(shown, "abcd", 9_999, moved)
    assert "".join(shown) == "dabc"
    shown, moved = steady(shown, "abcd", 10_000, moved)
    assert ("".join(shown), moved) == ("abcd", {"d": 10_000})


def test_p16_rooms_that_come_and_go_are_placed_at_once() -> None:
    shown, moved = steady("abc", "axc", 0, {"b": -5})
    assert ("".join(shown), moved) == ("axc", {})


def test_p16_steady_order_reaches_the_wanted_one() -> None:
    rng = Random(5)
    shown: list[str] = []
    moved: dict[str, int] = {}
    wanted = list("abcdefghij")
    for now in range(0, 300_000, 1000):
        if now < 250_000 and rng.random() < 0.5:
            rng.shuffle(wanted)
        before = dict(moved)
        shown, moved = steady(shown, wanted, now, moved)
        assert sorted(shown) == sorted(wanted)
        for room, at in moved.items():
            if before.get(room) != at and room in before:
                assert at - before[room] >= 10_000
    assert shown == wanted
