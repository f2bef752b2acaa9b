from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.false_alarms import make_room
from bench.noise_gate import fifth_percentile
from server.core.balance import (
    GATE,
    GATE_PEOPLE,
    GATE_UNITS,
    Balance,
    Share,
    balance,
    confirm,
    evenness,
    gate,
    paragraph_mix,
    weigh,
)


def shares(*units: int, seconds: tuple[float, ...] | None = None, crossed: int = 0) -> list[Share]:
    times = seconds or (600.0,) * len(units)
    return [Share(f"p{i}", x, t, crossed) for i, (x, t) in enumerate(zip(units, times, strict=True))]


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ((25, 25, 25, 25), 1.000),
        ((40, 30, 20, 10), 0.667),
        ((1, 1, 1, 0), 0.667),
        ((70, 10, 10, 10), 0.400),
        ((50, 50, 0, 0), 0.333),
        ((100, 0, 0, 0), 0.0),
        ((80, 20), 0.400),
    ],
)
def test_p10_vectors(units: tuple[int, ...], expected: float) -> None:
    assert balance(units, [300] * len(units)) == pytest.approx(expected, abs=0.0005)
    assert evenness(units) == pytest.approx(expected, abs=0.0005)


def test_p10_late_joiner() -> None:
    assert balance((40, 40, 40, 10), (720, 720, 720, 180)) == pytest.approx(1.0)
    assert balance((40, 40, 40, 10), (720,) * 4) == pytest.approx(0.769, abs=0.0005)


def test_p10_nothing_to_compare() -> None:
    assert balance((5,), (60,)) is None
    assert balance((5, 3), (60, 0)) is None
    assert balance((0, 0), (60, 60)) is None
    assert balance((), ()) is None


parts = st.lists(st.tuples(st.integers(0, 500), st.floats(0.1, 7200)), min_size=2, max_size=8)


@given(parts)
def test_p10_equals_the_formula_as_it_is_written(members: list[tuple[int, float]]) -> None:
    units, seconds = [x for x, _ in members], [t for _, t in members]
    value = balance(units, seconds)
    if value is None:
        assert sum(units) == 0
        return
    e = [t / sum(seconds) for t in seconds]
    r = [x / t for x, t in members]
    mean = sum(units) / sum(seconds)
    n = range(len(members))
    weighted = sum(e[i] * e[j] * abs(r[i] - r[j]) for i in n for j in n) / mean / 2
    assert value == pytest.approx(1 - weighted / (1 - min(e)), abs=1e-9)
    assert 0 <= value <= 1


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (20, (0.60, 0.60, 0.57, 0.55, 0.52)),
        (40, (0.70, 0.70, 0.68, 0.68, 0.66)),
        (80, (0.78, 0.79, 0.78, 0.77, 0.76)),
        (160, (0.85, 0.85, 0.84, 0.83, 0.83)),
    ],
)
def test_p11_references(units: int, expected: tuple[float, ...]) -> None:
    assert [gate(n, units) for n in range(2, 7)] == pytest.approx(expected, abs=0.02)


def test_p11_the_table_is_whole_and_the_script_makes_it() -> None:
    assert [len(row) for row in GATE] == [len(GATE_UNITS)] * len(GATE_PEOPLE)
    assert fifth_percentile(2, 20, Random(11)) == GATE[0][0]
    assert fifth_percentile(5, 40, Random(3)) == pytest.approx(GATE[3][1], abs=0.015)


def test_p11_between_the_cells_and_beyond_them() -> None:
    for people in range(2, 9):
        rising = [gate(people, units) for units in range(15, 700)]
        assert rising == sorted(rising)
    assert gate(4, 28) == pytest.approx(1 - 0.43 * (20 / 28) ** 0.5, abs=0.01)
    assert gate(9, 40) == gate(8, 40)
    assert gate(3, 5000) == gate(3, 640)


def test_p11_of_equal_rooms_fewer_than_seven_in_a_hundred_are_signalled_at_any_time() -> None:
    """At each moment, that is: a room that dips below the gate for a while comes back."""
    rng = Random(2)
    rooms = [(people, [0] * people) for people in (2, 3, 4, 5, 6) for _ in range(200)]
    for total in range(1, 241):
        signalled = told = 0
        for people, units in rooms:
            units[rng.randrange(people)] += 1
            if total >= 30 and total % 10 == 0:
                found = weigh(shares(*units))
                told += found.tells
                signalled += found.word in ("leaning", "one voice") or found.unheard
        assert signalled <= 0.07 * told or not told


def test_p11_of_a_thousand_equal_rooms_fewer_than_seven_in_a_hundred_are_ever_signalled() -> None:
    """In forty minutes of looks every half minute: a sign is shown once it has held."""
    rng = Random(8)
    kinds = [[busy] * people for people in (2, 3, 4, 5, 6) for busy in (0.1, 0.2, 0.4, 0.8)]
    rooms = [make_room(chances, rng) for chances in kinds for _ in range(50)]
    assert sum(room.first_signalled(room.held, every=3) is not None for room in rooms) < 70
    # One look is not enough:
    assert sum(room.first_signalled(room.at_one_look, every=3) is not None for room in rooms) > 70


def test_p11_a_room_with_one_voice_does_not_wait() -> None:
    rng = Random(9)
    for _ in range(20):
        room = make_room([0.7, 0.05, 0.05, 0.05], rng)
        at_once, held = room.first_signalled(room.at_one_look), room.first_signalled(room.held)
        assert at_once is not None
        assert held is not None
        assert held - at_once <= 6  # a minute


def test_p11_a_sign_that_has_not_held_leaves_the_word_as_it_was() -> None:
    then, now = shares(20, 20, 19), shares(60, 20, 19)
    assert weigh(now).word == "leaning"
    assert confirm(weigh(now), lambda part: then).word == "shared"
    assert confirm(weigh(now), lambda part: shares(6, 6, 5)).word == "too early"
    assert confirm(weigh(now), lambda part: then if part < 0.7 else shares(50, 20, 19)).word == "shared"
    assert confirm(weigh(now), lambda part: shares(50, 20, 19)).word == "leaning"
    assert confirm(weigh(now), lambda part: shares(0, 0, 0)).word == "leaning"  # there was nothing to see


def test_p13_unheard_has_held_too() -> None:
    found = weigh(shares(40, 40, 2))
    assert found.unheard
    assert not confirm(found, lambda part: shares(10, 10, 2)).unheard
    assert confirm(found, lambda part: shares(20, 20, 1)).unheard
    assert confirm(found, lambda part: shares(20, 20)).unheard  # not there yet


def test_p12_words() -> None:
    assert weigh([]).word == "not started"
    assert weigh(shares(0, 0)).word == "not started"
    alone = weigh(shares(30))
    assert (alone.word, alone.value) == ("working solo", None)
    assert weigh(shares(19, 0)).word == "too early"
    assert weigh(shares(6, 6, 6, 5, 1)).word == "too early"  # 24 units of five people
    assert weigh(shares(6, 6, 6, 5, 2)).word == "shared"
    assert weigh(shares(10, 10)).word == "shared"
    assert weigh(shares(40, 20, 20, 0)).word == "leaning"
    assert weigh(shares(70, 10, 10, 10)).word == "one voice"
    at_the_gate = shares(2, 5, 10, 11, 12, seconds=(599.37,) * 5)  # .675, or .6749999999999999
    assert weigh(at_the_gate).word == "shared"


def test_p13_quietest() -> None:
    found = weigh(shares(40, 40, 5, seconds=(600, 600, 300)))
    assert found.quietest is not None
    assert found.quietest.participant == "p2"
    assert found.quietest.ratio == pytest.approx(5 / 85 / 0.2)
    assert not found.unheard
    assert weigh(shares(40, 40, 3)).unheard
    assert not weigh(shares(9, 9, 0)).unheard  # too early


def test_p13_dominance() -> None:
    found = weigh(shares(60, 20, 20))
    assert found.dominance is not None
    assert (found.dominance.participant, found.dominance.share) == ("p0", 0.6)
    assert found.dominant
    assert not weigh(shares(59, 21, 20)).dominant
    assert not weigh(shares(80, 20)).dominant  # of two, one always has most


def test_p13_cross_edit_share_and_working_in_parallel() -> None:
    apart = weigh(shares(20, 20))
    assert (apart.cross_edit, apart.parallel) == (0.0, True)
    assert not weigh(shares(20, 19)).parallel
    assert not weigh(shares(20, 20, crossed=1)).parallel  # 2 of 40
    assert not weigh(shares(70, 10, 10, 10)).parallel
    assert weigh(shares(2, 2, crossed=5)).cross_edit == 1.0


def test_p13_paragraph_mix() -> None:
    assert paragraph_mix([{"a": 10}, {"b": 30}], ["a", "b"]) == 0
    assert paragraph_mix([{"a": 10, "b": 10}, {"a": 20}], ["a", "b"]) == 0.5
    assert paragraph_mix([{"a": 6, "b": 6, "teacher": 50}, {}], ["a", "b", "c"]) == pytest.approx(0.5)
    assert paragraph_mix([{"a": 10}], ["a"]) is None
    assert paragraph_mix([{"teacher": 10}], ["a", "b"]) is None


def test_p14_the_absent_are_left_out() -> None:
    assert weigh(shares(20, 20, 0, seconds=(600, 600, 0))) == Balance(
        "shared", 1.0, 40, 2, 0.0, weigh(shares(20, 20)).quietest, weigh(shares(20, 20)).dominance
    )
    assert weigh(shares(20, 20, 0)).value == pytest.approx(0.5)  # present and silent: counted
