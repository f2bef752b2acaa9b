"""Who sits with whom: pure arithmetic over ids of people and rooms.

Unless a teacher or a roster says otherwise, the sizes of rooms never differ by more than one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

from server.core import names
from server.errors import Malformed

_SEPARATORS = "\t;؛,،"  # the first of these that a line holds is its separator: "Lovelace, Ada; Group 1" is one name
_HEADER_NAMES = frozenset({"name", "names", "first name", "student", "students", "الاسم"})
_HEADER_GROUPS = frozenset({"group", "groups", "room", "table", "team", "المجموعة"})


def deal(people: Sequence[str], sizes: Mapping[str, int]) -> dict[str, str]:
    """Give each person in turn the smallest room, the first in order among equals. ``sizes`` must not be empty."""
    heap = [(size, order, room) for order, (room, size) in enumerate(sizes.items())]
    heapify(heap)
    placement: dict[str, str] = {}
    for person in people:
        size, order, room = heap[0]
        heapreplace(heap, (size + 1, order, room))
        placement[person] = room
    return placement


def shuffle(people: Sequence[str], sizes: Mapping[str, int], rng: random.Random) -> dict[str, str]:
    """Deal people in random order, to rooms that already hold ``sizes``."""
    order = list(people)
    rng.shuffle(order)
    return deal(order, sizes)


def balance(seated: Mapping[str, Sequence[str]], unseated: Sequence[str]) -> dict[str, str]:
    """Even the sizes out while as many as possible stay where they are; the last to sit down are the first to move."""
    count = sum(map(len, seated.values())) + len(unseated)
    floor, larger = divmod(count, len(seated))
    by_size = sorted(seated, key=lambda room: -len(seated[room]))  # stable: equal rooms keep their order
    places = {room: floor + (index < larger) for index, room in enumerate(by_size)}
    staying = {room: members[: places[room]] for room, members in seated.items()}
    moving = [person for room, members in seated.items() for person in members[places[room] :]]
    placement = {person: room for room, members in staying.items() for person in members}
    return placement | deal([*moving, *unseated], {room: len(members) for room, members in staying.items()})


def may_choose(room: str, sizes: Mapping[str, int], people: int) -> bool:
    """Tell whether one more may sit down in ``room`` so that sizes can still end at most one apart.

    ``sizes`` are those of the open rooms without the person who asks, ``people`` counts everybody, them included.
    """
    floor, larger = divmod(people, len(sizes))
    if sizes[room] < floor:
        return True
    return sizes[room] == floor and sum(size > floor for size in sizes.values()) < larger


def count_homes(experts: Sequence[int]) -> int:
    """Give the number of home groups for a jigsaw with these numbers of experts, one for each topic.

    As many as the rarest topic has experts, so that every home hears about every topic; but more, and some homes
    without that topic, where it would make homes of twice as many people as there are topics (someone was missing).
    """
    largest_home = max(2, 2 * len(experts) - 1)
    return max(1, min(experts), -(-sum(experts) // largest_home))


def mix_homes(experts: Sequence[Sequence[str]], homes: int, rng: random.Random) -> list[list[str]]:
    """Deal the experts of each topic out to home groups.

    Dealt in one round after another, topic by topic: both the sizes of homes and each topic's experts in them differ
    by at most one.
    """
    groups: list[list[str]] = [[] for _ in range(homes)]
    dealt = 0
    for topic in experts:
        order = list(topic)
        rng.shuffle(order)
        for person in order:
            groups[dealt % homes].append(person)
            dealt += 1
    return groups


@dataclass(frozen=True, slots=True)
class RosterLine:
    number: int
    name: str
    group: str


def parse_roster(text: str) -> tuple[RosterLine, ...] | Malformed:
    """Read ``name, group`` from each line (comma, semicolon or tab), as a spreadsheet or a person writes it.

    Blank lines, a byte order mark, a heading, quotes and empty trailing columns are passed over.
    """
    lines: list[RosterLine] = []
    group_of: dict[str, RosterLine] = {}
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        content = raw.strip().strip(_SEPARATORS).strip()
        if not content:
            continue
        separator = next((each for each in _SEPARATORS if each in content), None)
        if separator is None:
            return Malformed(
                "Line {number} of the roster has no group: write “{line}, Group 1”.",
                number=number,
                line=_shortened(content),
            )
        before, _, after = content.rpartition(separator)
        before, after = before.strip().strip("\"'"), after.strip().strip("\"'")
        if not lines and names.key(before) in _HEADER_NAMES and names.key(after) in _HEADER_GROUPS:
            continue
        name, group = names.clean_person_name(before), names.clean_room_name(after)
        if isinstance(name, Malformed):
            return Malformed("Line {number} of the roster: {problem}", number=number, problem=name)
        if isinstance(group, Malformed):
            return Malformed("Line {number} of the roster: {problem}", number=number, problem=group)
        line = RosterLine(number, name, group)
        earlier = group_of.setdefault(names.key(name), line)
        if names.key(earlier.group) != names.key(group):
            return Malformed(
                "Line {number} of the roster puts {name} in {group}, but line {earlier_number} in {earlier_group}: "
                "add a letter to tell two people apart, or keep one line.",
                number=number,
                name=name,
                group=group,
                earlier_number=earlier.number,
                earlier_group=earlier.group,
            )
        if earlier is line:
            lines.append(line)
    if not lines:
        return Malformed("The roster is empty: write a name and a group on each line, such as “Ada, Group 1”.")
    return tuple(lines)


def _shortened(content: str) -> str:
    return names.clean_line(content)[:40]
