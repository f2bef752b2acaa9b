"""Print how often truly equal rooms are ever signalled, and how soon and how surely unequal ones are.

Each person works in a part of the ten-second slots: each slot by chance, or in bursts with rests between them. "One
look" is the noise gate alone, "shown" what the server says. Run it from the root of the repository; the seed is fixed,
and it takes some ten minutes.

    python -m bench.false_alarms
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from server.core.balance import UNHEARD, Balance, Share, weigh, word

ROOMS = 1000
SLOTS = 360
SEED = 5
_GRACE_SLOTS = 6
_UNFINISHED_SLOTS = 180
"""Bursts begin so long before the lesson, that it does not begin with everybody at the start of one."""

Write = Callable[[float, Random, int], list[int]]
"""Gives the slots in which somebody works: how large a part of them, and of how many."""


def by_chance(busy: float, rng: Random, slots: int) -> list[int]:
    return [slot for slot in range(slots) if rng.random() < busy]


def in_bursts(length: Callable[[Random], float], pause: float = 0.0) -> Write:
    """Write for ``length`` seconds, then rest for as long as chance has it; ``pause`` of a burst's slots stay empty."""

    def write(busy: float, rng: Random, slots: int) -> list[int]:
        if not busy:
            return []
        rest = max(2.0, 53 * (1 - pause) / busy - 45)  # 45 s touch 5.3 slots
        at = -_UNFINISHED_SLOTS * 10 * (1 + rng.random())
        worked: set[int] = set()
        while at < slots * 10:
            end = at + length(rng)
            worked.update(slot for slot in range(max(0, int(at // 10)), int(end // 10) + 1) if rng.random() >= pause)
            at = end + rng.expovariate(1 / rest)
        return sorted(slot for slot in worked if slot < slots)

    return write


def half_a_minute_or_a_whole(rng: Random) -> float:
    return rng.uniform(30, 60)


def any_length(rng: Random) -> float:
    return rng.expovariate(1 / 45)


@dataclass(frozen=True, slots=True)
class Room:
    """The slots in which each person worked, and those between which each was there."""

    worked: list[list[int]]
    there: list[range]

    def done(self, slot: int) -> list[list[int]]:
        """Give the slots in which each person worked, of the first ``slot`` slots."""
        return [worked[: bisect_left(worked, slot)] for worked in self.worked]

    def shares(self, slot: int) -> list[Share]:
        return [
            Share(str(person), len(done), 10.0 * (min(slot, there.stop) - there.start))
            for person, (done, there) in enumerate(zip(self.done(slot), self.there, strict=True))
            if slot > there.start and (there.start < _GRACE_SLOTS or slot - there.start >= _GRACE_SLOTS)
        ]

    def look(self, slot: int) -> Balance:
        """Weigh what was done until the end of so many slots, as the server does."""
        return weigh(self.shares(slot), worked=lambda person: self.done(slot)[int(person)])

    def first_signalled(self, signals: Callable[[Balance], bool], every: int = 1) -> int | None:
        """Give the slot after which the room is first signalled, if it is looked at every so many slots."""
        return next((slot for slot in range(every, SLOTS + 1, every) if signals(self.look(slot))), None)


def shown(found: Balance) -> bool:
    """Whether the teacher is told that a room is less than shared, or somebody unheard."""
    return found.below or found.unheard


def at_one_look(found: Balance) -> bool:
    """Whether the noise gate alone would say so."""
    said = word(found.value, found.people, found.slots)
    unheard = found.quietest is not None and found.quietest.ratio < UNHEARD
    return said in ("leaning", "one voice") or (said == "shared" and unheard)


def together(people: int) -> list[range]:
    return [range(SLOTS)] * people


def one_late(people: int) -> list[range]:
    """The last comes after ten minutes."""
    return [*together(people - 1), range(60, SLOTS)]


def one_by_one(people: int) -> list[range]:
    """Each comes three minutes after the one before."""
    return [range(18 * person, SLOTS) for person in range(people)]


def one_leaves(people: int) -> list[range]:
    """The last goes after ten minutes."""
    return [*together(people - 1), range(60)]


def make_room(
    chances: Sequence[float], rng: Random, write: Write = by_chance, there: list[range] | None = None
) -> Room:
    """Let everyone work for an hour; ``chances`` is how large a part of the slots each works in."""
    stays = there or together(len(chances))
    worked = [write(busy, rng, SLOTS) for busy in chances]
    return Room([[slot for slot in each if slot in stay] for each, stay in zip(worked, stays, strict=True)], stays)


bursts = in_bursts(half_a_minute_or_a_whole)

EQUAL: list[tuple[str, Write, Callable[[int], list[range]]]] = [
    ("by chance", by_chance, together),
    ("by chance, one late", by_chance, one_late),
    ("by chance, one by one", by_chance, one_by_one),
    ("by chance, one leaves", by_chance, one_leaves),
    ("bursts of 30-60 s", bursts, together),
    ("the same, one late", bursts, one_late),
    ("the same, one by one", bursts, one_by_one),
    ("bursts of any length", in_bursts(any_length), together),
    ("bursts, 15 % empty", in_bursts(half_a_minute_or_a_whole, 0.15), together),
    ("bursts, 30 % empty", in_bursts(half_a_minute_or_a_whole, 0.30), together),
]
UNEQUAL = {
    "70, 10, 10 and 10 %": (2.8, 0.4, 0.4, 0.4),
    "4, 3, 2 and 1 parts": (1.6, 1.2, 0.8, 0.4),
    "80 and 20 %": (1.6, 0.4),
    "free rider of 4": (4 / 3, 4 / 3, 4 / 3, 0),
    "one voice of 4": (3.7, 0.1, 0.1, 0.1),
}


def _print_equal(rng: Random) -> None:
    print(f"Of {ROOMS} equal rooms, ever signalled in an hour of looks every minute: one look > shown")
    for name, write, there in EQUAL:
        for busy in (0.05, 0.1, 0.2, 0.5, 0.9):
            cells = []
            for people in (2, 3, 5, 8):
                made = [make_room([busy] * people, rng, write, there(people)) for _ in range(ROOMS)]
                dipped = [room for room in made if room.first_signalled(at_one_look, every=6) is not None]
                told = [room for room in dipped if room.first_signalled(shown, every=6) is not None]
                cells.append(f"n={people} {len(dipped) / ROOMS:6.1%} > {len(told) / ROOMS:5.1%}")
            print(f"{name:22} busy {busy:3.0%}  {'   '.join(cells)}", flush=True)


def _print_unequal(rng: Random, rooms: int = 300) -> None:
    print(f"Of {rooms} unequal rooms: minute by which half and nine in ten are signalled; found by 20, by 40")
    for title, write in (("by chance", by_chance), ("bursts of 30-60 s", bursts)):
        for name, parts in UNEQUAL.items():
            for busy in (0.1, 0.25):
                cells = []
                made = [make_room([part * busy for part in parts], rng, write) for _ in range(rooms)]
                for how, signals in (("one look", at_one_look), ("shown", shown)):
                    first = sorted((room.first_signalled(signals) or 10 * SLOTS) / 6 for room in made)
                    quantiles = (first[rooms // 2], first[rooms * 9 // 10])
                    half, most = (f"{at:4.1f}" if at <= SLOTS / 6 else "   -" for at in quantiles)
                    found = " ".join(f"{sum(at <= end for at in first) / rooms:4.0%}" for end in (20, 40))
                    cells.append(f"{how} {half} {most} {found}")
                print(f"{title:18} {name:20} busy {busy:3.0%}  {'   '.join(cells)}", flush=True)


def main() -> None:
    rng = Random(SEED)
    _print_equal(rng)
    _print_unequal(rng)


if __name__ == "__main__":
    main()
