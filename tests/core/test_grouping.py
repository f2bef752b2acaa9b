from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import grouping
from server.errors import Malformed
from tests.classroom import spread


def people(count: int) -> list[str]:
    return [f"p{number}" for number in range(count)]


def counts(placement: dict[str, str], rooms: list[str]) -> list[int]:
    found = Counter(placement.values())
    return [found[room] for room in rooms]


def test_no_class_size_leaves_a_room_empty_while_another_has_two() -> None:
    rng = random.Random(1)
    for k in range(1, 61):
        rooms = [f"r{number}" for number in range(k)]
        for n in range(201):
            placement = grouping.shuffle(people(n), dict.fromkeys(rooms, 0), rng)
            sizes = counts(placement, rooms)
            assert len(placement) == n
            assert spread(sizes) <= 1, (n, k)


def test_dealing_fills_the_smallest_room_first_and_the_first_among_equals() -> None:
    assert grouping.deal(["x", "y", "z"], {"a": 2, "b": 0, "c": 1}) == {"x": "b", "y": "b", "z": "c"}


def test_shuffling_seats_every_person_everywhere_sooner_or_later() -> None:
    rng = random.Random(1)
    seen = {grouping.shuffle(people(4), {"a": 0, "b": 0}, rng)["p0"] for _ in range(40)}
    assert seen == {"a", "b"}


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(0, 30))
def test_balancing_evens_sizes_out_and_moves_as_few_as_it_can(sizes: list[int], waiting: int) -> None:
    seated = {f"r{room}": [f"{room}-{seat}" for seat in range(size)] for room, size in enumerate(sizes)}
    unseated = people(waiting)
    placement = grouping.balance(seated, unseated)
    after = counts(placement, list(seated))
    total = sum(sizes) + waiting
    assert set(placement) == {*unseated, *(person for members in seated.values() for person in members)}
    assert spread(after) <= 1
    floor, larger = divmod(total, len(sizes))
    over = sorted((size - floor for size in sizes), reverse=True)
    must_move = sum(max(0, each - (index < larger)) for index, each in enumerate(over))
    moved = sum(placement[person] != room for room, members in seated.items() for person in members)
    assert moved == must_move


def test_balancing_moves_those_who_sat_down_last() -> None:
    placement = grouping.balance({"a": ["1", "2", "3", "4"], "b": []}, [])
    assert placement == {"1": "a", "2": "a", "3": "b", "4": "b"}


@given(st.integers(1, 40), st.integers(1, 12), st.randoms(use_true_random=False))
def test_free_choice_within_the_rule_ends_at_most_one_apart(n: int, k: int, rng: random.Random) -> None:
    sizes = {f"r{number}": 0 for number in range(k)}
    for _ in range(n):
        allowed = [room for room in sizes if grouping.may_choose(room, sizes, n)]
        assert allowed, "somebody has nowhere to sit"
        sizes[rng.choice(allowed)] += 1
    assert spread(list(sizes.values())) <= 1


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_home_groups_mix_every_topic_as_evenly_as_numbers_allow(sizes: list[int], rng: random.Random) -> None:
    experts = [[f"t{topic}-{number}" for number in range(size)] for topic, size in enumerate(sizes)]
    homes = grouping.count_homes(sizes)
    groups = grouping.mix_homes(experts, homes, rng)
    assert sorted(person for group in groups for person in group) == sorted(itertools.chain(*experts))
    assert spread([len(group) for group in groups]) <= 1
    for topic, size in enumerate(sizes):
        found = [sum(person.startswith(f"t{topic}-") for person in group) for group in groups]
        assert spread(found) <= 1
        if size >= homes:
            assert min(found) >= 1, "a home without an expert, though there are enough"


@given(st.integers(2, 8), st.integers(0, 200))
def test_evenly_spread_experts_give_every_home_every_topic(topics: int, n: int) -> None:
    """Sizes of expert rooms that differ by at most one are what opening the rooms of a jigsaw makes."""
    n = max(n, topics)
    floor, larger = divmod(n, topics)
    sizes = [floor + (index < larger) for index in range(topics)]
    homes = grouping.count_homes(sizes)
    assert homes == floor
    assert -(-n // homes) < 2 * topics


def test_an_absent_expert_does_not_make_one_home_of_the_whole_class() -> None:
    assert grouping.count_homes([7, 7, 7, 1]) == 4
    assert grouping.count_homes([3, 5, 4]) == 3


ROSTERS = [
    "Ada, Red\nBo, Blue",
    "Ada\tRed\nBo\tBlue\n",
    "Ada;Red\r\nBo;Blue\r\n",
    "\ufeffname, group\nAda, Red\n\n   \nBo, Blue",
    '"Ada","Red"\n"Bo","Blue"',
    "Name;Room;;\nAda;Red;;\nBo;Blue;;",
    "الاسم، المجموعة\nAda، Red\nBo، Blue",
    "Ada, Red\nAda, red\nBo , Blue ",
]


@pytest.mark.parametrize("text", ROSTERS)
def test_a_roster_is_read_as_people_and_spreadsheets_write_it(text: str) -> None:
    lines = grouping.parse_roster(text)
    assert not isinstance(lines, Malformed), lines
    assert [(line.name, line.group) for line in lines] == [("Ada", "Red"), ("Bo", "Blue")]


def test_a_name_with_a_comma_keeps_it() -> None:
    lines = grouping.parse_roster("Lovelace, Ada; Red\nHopper, Grace, Blue")
    assert not isinstance(lines, Malformed), lines
    assert [line.name for line in lines] == ["Lovelace, Ada", "Hopper, Grace"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("name, group\n", "empty"),
        ("Ada, Red\n\nBo\n", "Line 3"),
        ("Ada, Red\n, Blue", "Line 2"),
        ("Ada, Red\nBo, " + "x" * 61, "Line 2"),
        ("Ada, Red\n" + "x" * 41 + ", Red", "Line 2"),
        ("Ada, Red\nBo, Red\nada, Blue", "Line 3"),
        ("\u200b\u202e, Red", "Line 1"),
    ],
)
def test_a_roster_at_fault_is_refused_with_the_line(text: str, said: str) -> None:
    refusal = grouping.parse_roster(text)
    assert isinstance(refusal, Malformed)
    assert said in refusal.message


@given(st.text(max_size=200))
def test_any_text_is_a_roster_or_a_sentence(text: str) -> None:
    lines = grouping.parse_roster(text)
    if isinstance(lines, Malformed):
        assert lines.message
    else:
        assert lines
