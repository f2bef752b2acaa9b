"""How evenly the work in a room is shared, and whether that can be told from chance. Rules P10 to P13.

The measure is a Gini coefficient over rates of work, weighted by presence and corrected for the size of the group.

Source: Deltas, "The Small-Sample Bias of the Gini Coefficient", Review of Economics and Statistics 85 (2003).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from math import sqrt
from typing import Final, Literal

import msgspec

Word = Literal["not started", "working solo", "too early", "shared", "leaning", "one voice"]

ONE_VOICE: Final = 0.40
UNHEARD: Final = 0.20
DOMINANT: Final = 0.60
DOMINANT_PEOPLE: Final = 3
PARALLEL_BALANCE: Final = 0.70
PARALLEL_CROSS_EDIT: Final = 0.05
PARALLEL_UNITS: Final = 40

LOOKS: Final = (8 / 12, 9 / 12, 10 / 12, 11 / 12)
"""When a sign must have been there already, as parts of a room's time: it is shown once it has held for a third of it.

The gate lets 5 equal rooms in 100 through at each look, and a dashboard looks all the time: see the figures that
``python -m bench.false_alarms`` prints, with what the waiting costs a room that does need the teacher.
"""

GATE_PEOPLE: Final = (2, 3, 4, 5, 6, 7, 8)
GATE_UNITS: Final = (20, 40, 80, 160, 320, 640)
GATE: Final[tuple[tuple[float, ...], ...]] = (
    # Made by bench/noise_gate.py; the columns are GATE_UNITS.
    (0.600, 0.700, 0.775, 0.850, 0.893, 0.921),  # n = 2
    (0.600, 0.700, 0.787, 0.850, 0.893, 0.925),  # n = 3
    (0.566, 0.683, 0.775, 0.841, 0.889, 0.921),  # n = 4
    (0.550, 0.675, 0.768, 0.837, 0.884, 0.917),  # n = 5
    (0.520, 0.660, 0.760, 0.830, 0.878, 0.914),  # n = 6
    (0.500, 0.650, 0.750, 0.820, 0.873, 0.910),  # n = 7
    (0.485, 0.635, 0.739, 0.814, 0.868, 0.907),  # n = 8
)


class Share(msgspec.Struct, frozen=True, gc=False):
    """One person's part: ``units`` of work in ``seconds`` of presence, of which ``crossed`` on a classmate's words.

    ``crossed`` counts a slot once for each classmate (P9).
    """

    participant: str
    units: int
    seconds: float
    crossed: int = 0


class Quietest(msgspec.Struct, frozen=True, gc=False):
    """Who works least for the time they are there; ``ratio`` of part in the work to part in the presence."""

    participant: str
    ratio: float


class Dominance(msgspec.Struct, frozen=True, gc=False):
    """Who works most; ``share`` of all units."""

    participant: str
    share: float


class Balance(msgspec.Struct, frozen=True):
    """What can be said of a room, or of a stretch of its time; None where there is nothing to compare."""

    word: Word
    value: float | None
    slots: int
    people: int
    cross_edit: float | None = None
    quietest: Quietest | None = None
    dominance: Dominance | None = None
    heard_lately: bool = False
    """Whether the quietest was not so quiet at an earlier look."""

    @property
    def below(self) -> bool:
        """Whether it is less even than chance would have it."""
        return self.word in ("leaning", "one voice")

    @property
    def tells(self) -> bool:
        """Whether there is enough work to say anything."""
        return self.word in ("shared", "leaning", "one voice")

    @property
    def unheard(self) -> bool:
        quiet = self.quietest is not None and self.quietest.ratio < UNHEARD
        return self.tells and quiet and not self.heard_lately

    @property
    def dominant(self) -> bool:
        enough = self.tells and self.people >= DOMINANT_PEOPLE
        return enough and self.dominance is not None and self.dominance.share >= DOMINANT

    @property
    def parallel(self) -> bool:
        """Whether they work side by side on parts of their own; that is a way of working, not a fault."""
        if self.value is None or self.cross_edit is None or self.slots < PARALLEL_UNITS:
            return False
        return self.value >= PARALLEL_BALANCE and self.cross_edit < PARALLEL_CROSS_EDIT


def weigh(shares: Iterable[Share], *, begun: bool = False) -> Balance:
    """Compare the people who were there; shares without presence are left out (P14).

    ``begun``: somebody has worked, though perhaps nobody who is measured.
    """
    present = [share for share in shares if share.seconds > 0]
    units = sum(share.units for share in present)
    people = len(present)
    if not units:
        return Balance("too early" if begun else "not started", None, 0, people)
    cross_edit = min(1.0, sum(share.crossed for share in present) / units)
    if people == 1:
        return Balance("working solo", None, units, people, cross_edit)
    value = balance([share.units for share in present], [share.seconds for share in present])
    seconds = sum(share.seconds for share in present)
    ratios = [_ratio(share, units, seconds) for share in present]
    least = min(range(people), key=ratios.__getitem__)
    most = max(present, key=lambda share: share.units)
    return Balance(
        word(value, people, units),
        value,
        units,
        people,
        cross_edit,
        Quietest(present[least].participant, ratios[least]),
        Dominance(most.participant, most.units / units),
    )


def confirm(found: Balance, look: Callable[[float], Sequence[Share]]) -> Balance:
    """Take back a sign that has not held at every one of ``LOOKS``; ``look`` gives the shares of that part of the time.

    The word is then the last one that did hold. A look before there was anything to see contradicts nothing.
    """
    if not (found.below or found.unheard):
        return found
    looks = [list(look(part)) for part in LOOKS]
    if found.unheard and found.quietest is not None:
        heard_lately = any(_hears(shares, found.quietest.participant) for shares in looks)
        found = msgspec.structs.replace(found, heard_lately=heard_lately)
    if found.below:
        for earlier in map(weigh, reversed(looks)):
            if earlier.value is not None and not _below_gate(earlier.value, earlier.people, earlier.slots):
                return msgspec.structs.replace(found, word=earlier.word)
    return found


def _hears(shares: Sequence[Share], participant: str) -> bool:
    units, seconds = sum(share.units for share in shares), sum(share.seconds for share in shares)
    return any(
        share.participant == participant and share.seconds > 0 and _ratio(share, units, seconds) >= UNHEARD
        for share in shares
        if units
    )


def _ratio(share: Share, units: int, seconds: float) -> float:
    return share.units / units / (share.seconds / seconds)


def balance(units: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Compute B of P10 from each member's units and seconds of presence: 1 is perfectly shared, 0 is one voice.

    None when fewer than two were present (seconds above 0) or nothing was done.
    """
    there = [(x, t) for x, t in zip(units, seconds, strict=True) if t > 0]
    total_units, total_seconds = sum(x for x, _ in there), sum(t for _, t in there)
    if len(there) < 2 or total_units == 0:
        return None
    # With e = t/Σt, r = x/t and r̄ = Σx/Σt, e_i·e_j·|r_i − r_j|/r̄ is |x_i·t_j − x_j·t_i| / (Σx·Σt).
    spread = sum(abs(x * other_t - other_x * t) for i, (x, t) in enumerate(there) for other_x, other_t in there[:i])
    least = min(t for _, t in there) / total_seconds
    return max(0.0, 1 - spread / (total_units * total_seconds) / (1 - least))


def evenness(amounts: Sequence[int]) -> float:
    """Compute B for equal presence, which is 1 − n/(n−1)·G; at least two amounts, and not all 0."""
    people = len(amounts)
    spread = sum((2 * rank - people + 1) * amount for rank, amount in enumerate(sorted(amounts)))
    return 1 - spread / ((people - 1) * sum(amounts))


def gate(people: int, units: int) -> float:
    """Give q05 of P11: the balance that truly equal writers fall below 5 times in 100.

    Chance shrinks with the square root of the units, so between the table's columns the value is linear in 1/√K.
    Beyond the table the nearest cell holds: more than 640 units or 8 people never raise the gate.
    """
    row = GATE[min(max(people, GATE_PEOPLE[0]), GATE_PEOPLE[-1]) - GATE_PEOPLE[0]]
    if units <= GATE_UNITS[0]:
        return row[0]
    if units >= GATE_UNITS[-1]:
        return row[-1]
    column = bisect_right(GATE_UNITS, units)
    low, high = 1 / sqrt(GATE_UNITS[column - 1]), 1 / sqrt(GATE_UNITS[column])
    part = (low - 1 / sqrt(units)) / (low - high)
    return row[column - 1] + part * (row[column] - row[column - 1])


def word(value: float | None, people: int, units: int) -> Word:
    """Say it in words first (P12)."""
    if units == 0:
        return "not started"
    if people == 1 or value is None:
        return "working solo"
    if units < max(20, 5 * people):
        return "too early"
    if not _below_gate(value, people, units):
        return "shared"
    return "one voice" if value <= ONE_VOICE else "leaning"


def _below_gate(value: float, people: int, units: int) -> bool:
    return value < gate(people, units) - 1e-9  # equal to the gate is not below it, whatever the last bit says


def paragraph_mix(paragraphs: Iterable[dict[str, int]], present: Collection[str]) -> float | None:
    """Tell how mixed the paragraphs are (P13): 1 when all have an equal part in each, 0 when each has one author.

    ``paragraphs`` gives the standing units by author. None when fewer than two are present or nothing of theirs stands.
    """
    if len(present) < 2:
        return None
    mixed = total = 0.0
    for paragraph in paragraphs:
        amounts = [paragraph.get(participant, 0) for participant in present]
        length = sum(amounts)
        total += length
        if length and max(amounts) < length:
            mixed += length * evenness(amounts)
    return mixed / total if total else None
