from __future__ import annotations

from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.false_alarms import at_one_look, bursts, by_chance, make_room, one_by_one, one_late, shown, together
from bench.noise_gate import fifth_percentile
from server.core.balance import (
    GATE,
    GATE_PEOPLE,
    GATE_UNITS,
    Balance,
    Share,
    balance,
    clumping,
    evenness,
    gate,
    log_odds,
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


KINDS_OF_EQUAL_ROOMS = {
    "by chance": (by_chance, together),
    "one late": (by_chance, one_late),
    "one by one": (by_chance, one_by_one),
    "in bursts": (bursts, together),
    "in bursts, one by one": (bursts, one_by_one),
}


@pytest.mark.parametrize("kind", KINDS_OF_EQUAL_ROOMS)
def test_p11_of_equal_rooms_of_every_kind_fewer_than_seven_in_a_hundred_are_ever_signalled(kind: str) -> None:
    """In an hour of looks every minute."""
    write, there = KINDS_OF_EQUAL_ROOMS[kind]
    rng = Random(8)
    rooms = [
        make_room([busy] * people, rng, write, there(people))
        for people in (2, 3, 5, 8)
        for busy in (0.05, 0.2, 0.5)
        for _ in range(20)
    ]
    dipped = [room for room in rooms if room.first_signalled(at_one_look, every=6) is not None]
    assert sum(room.first_signalled(shown, every=6) is not None for room in dipped) < 0.07 * len(rooms)
    assert len(dipped) > 0.14 * len(rooms)  # one look is not enough


def test_p11_slots_of_one_burst_are_not_so_many_pieces_of_evidence() -> None:
    rng = Random(8)
    rooms = [make_room([0.2] * 5, rng, bursts) for _ in range(100)]
    last = [room.look(240) for room in rooms]
    assert sum(map(shown, last)) < 7
    assert sum(map(shown, (weigh(room.shares(240)) for room in rooms))) > 20


@pytest.mark.parametrize(
    ("chances", "minutes"),
    [((0.7, 0.05, 0.05, 0.05), 3), ((0.4, 0.4, 0.4, 0), 4), ((0.95, 0.05, 0.05, 0.05), 6)],
    ids=("one voice", "free rider", "one who never pauses"),
)
def test_p11_a_room_that_needs_the_teacher_does_not_wait_long(chances: tuple[float, ...], minutes: int) -> None:
    rng = Random(9)
    for _ in range(20):
        room = make_room(chances, rng)
        at_once, told = room.first_signalled(at_one_look), room.first_signalled(shown)
        assert at_once is not None
        assert told is not None
        assert told - at_once <= minutes * 6


def test_p11_the_odds_are_of_all_divisions_alike_to_the_equal_one() -> None:
    # Of two people's three units, 3 and 0: 1 in 4 if all divisions are alike, 1 in 8 if each unit is either's.
    assert exp(log_odds([3, 0], [60, 60], 1)) == pytest.approx(2)
    # Who was there for a quarter of the time: a quarter of the units is equal, and half of them is not.
    assert log_odds([30, 10], [450, 150], 1) < 0 < log_odds([20, 20], [450, 150], 1)
    assert log_odds([40, 20], [60, 60], 2) == pytest.approx(log_odds([20, 10], [60, 60], 1))


def test_p11_the_odds_are_a_martingale_among_equal_writers() -> None:
    """So that one may look at any time: what they are now is what they will be on average after the next unit."""
    for units in ([0, 0, 0], [5, 1, 0], [9, 30, 2]):
        seconds = [300.0, 200.0, 100.0]
        chances = [part / sum(seconds) for part in seconds]
        after = [[x + (person == other) for other, x in enumerate(units)] for person in range(3)]
        average = sum(c * exp(log_odds(next_, seconds, 1)) for c, next_ in zip(chances, after, strict=True))
        assert average == pytest.approx(exp(log_odds(units, seconds, 1)))


def test_p11_a_sign_waits_for_the_odds() -> None:
    doubtful, sure = shares(12, 12, 2), shares(36, 36, 6)
    assert weigh(doubtful).value == weigh(sure).value
    assert [weigh(found).word for found in (doubtful, sure)] == ["shared", "leaning"]
    assert weigh(shares(18, 2, 1)).word == "one voice"
    # All of it in one go: one voice perhaps, and nothing that speaks for shared.
    in_one_go = {"p0": range(18), "p1": range(2), "p2": range(1)}
    assert weigh(shares(18, 2, 1), worked=in_one_go.__getitem__).word == "too early"


def test_p11_a_burst_is_one_piece_of_evidence() -> None:
    everyone = 2 * 1800.0
    assert clumping([range(0, 100, 2), range(0, 100, 2)], everyone) == 1
    assert clumping([[0, 1, 2, 10, 11, 12], [20, 21, 22, 40, 41, 42]], everyone) == pytest.approx(
        3 * (1 - 12 / 360) ** 2
    )
    assert clumping([range(18), []], everyone) == pytest.approx(18 * (1 - 18 / 360) ** 2)
    assert clumping([range(36), []], everyone) == pytest.approx(18 * (1 - 36 / 360) ** 2)  # as two
    assert clumping([range(180), range(180)], everyone) == 1  # who always works does so evenly
    assert clumping([[], []], everyone) == 1


def test_p13_unheard_waits_for_the_odds() -> None:
    assert weigh(shares(12, 12, 0)).unheard
    assert not weigh(shares(12, 12, 0), worked={"p0": range(12), "p1": range(12), "p2": []}.__getitem__).unheard


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
