"""How evenly the work in a room is shared, and whether that can be told from chance. Rules P10 to P13.

The measure is a Gini coefficient over rates of work, weighted by presence and corrected for the size of the group.
A room is signalled while it is less even than chance would have it at one look (the noise gate), and the odds against
equal writers, who work in bursts, are 20 to 1: however often one looks, at most 1 equal room in 20 ever gets there.

Sources: Deltas, "The Small-Sample Bias of the Gini Coefficient", Review of Economics and Statistics 85 (2003). Robbins,
"Statistical Methods Related to the Law of the Iterated Logarithm", Annals of Mathematical Statistics 41 (1970): Ville's
inequality for the odds that a mixture of all divisions gives. Kish, "Survey Sampling" (1965): the design effect.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from math import lgamma, log, sqrt
from typing import Final, Literal

import msgspec

from server.core.authorship import SLOT_SECS

Word = Literal["not started", "working solo", "too early", "shared", "leaning", "one voice"]

ONE_VOICE: Final = 0.40
UNHEARD: Final = 0.20
DOMINANT: Final = 0.60
DOMINANT_PEOPLE: Final = 3
PARALLEL_BALANCE: Final = 0.70
PARALLEL_CROSS_EDIT: Final = 0.05
PARALLEL_UNITS: Final = 40

ODDS: Final = 20
"""The odds against equal writers from which a sign is shown.

With the gate alone 25 equal rooms in 100 are signalled at some time of an hour, and nearly all whose people work in
bursts or come one after another; with these odds 1 to 5 are. ``python -m bench.false_alarms`` prints the figures, and
what the waiting costs a room that does need the teacher.
"""

BURST_SLOTS: Final = 18
"""A longer burst counts as several, for one who never stops would else be a single piece of evidence.

With 12 slots, 10 equal rooms in 100 are signalled when bursts of 45 seconds on average may last for minutes; with 18
slots 5; with no limit one voice that never pauses is signalled after 8 minutes, in one room of ten after 15.
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
    sure: bool = False
    """Whether the odds are against equal writers; not asked of a room that gives no sign."""

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
        return self.tells and quiet and self.sure

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


def weigh(
    shares: Iterable[Share], *, begun: bool = False, worked: Callable[[str], Iterable[int]] | None = None
) -> Balance:
    """Compare the people who were there; shares without presence are left out (P14).

    ``begun``: somebody has worked, though perhaps nobody who is measured. ``worked`` gives the slots in which a
    participant worked, rising; it is asked only about a room that gives a sign. Without it no two slots are one burst.
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
    found = Balance(
        word(value, people, units),
        value,
        units,
        people,
        cross_edit,
        Quietest(present[least].participant, ratios[least]),
        Dominance(most.participant, most.units / units),
    )
    if not found.below and not (found.tells and ratios[least] < UNHEARD):
        return found
    effect = 1.0 if worked is None else clumping([worked(share.participant) for share in present], seconds)
    if log_odds([share.units for share in present], [share.seconds for share in present], effect) >= log(ODDS):
        return msgspec.structs.replace(found, sure=True)
    # Nothing speaks for "shared" where there is but one voice yet.
    return msgspec.structs.replace(found, word="too early" if found.word == "one voice" else "shared")


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


def log_odds(units: Sequence[int], seconds: Sequence[float], effect: float) -> float:
    """Compute the logarithm of the odds against equal writers: of all divisions of the work alike to the equal one.

    Each divided unit goes to i with the chance e_i of P10 when they are equal, and with any chances, none likelier than
    others, when they are not; so the odds are (n-1)!·Πx_i! / (K+n-1)! / Πe_i^x_i. They are a martingale among equal
    writers: however often one looks, at most 1 room in ``ODDS`` ever shows as many. ``effect`` is how many units are
    one piece of evidence.
    """
    people, total = len(units), sum(seconds)
    return (
        lgamma(people)
        - lgamma(people + sum(units) / effect)
        + sum(lgamma(1 + x / effect) - x / effect * log(t / total) for x, t in zip(units, seconds, strict=True))
    )


def clumping(worked: Iterable[Iterable[int]], seconds: float) -> float:
    """Tell how many slots of work are one piece of evidence, at least 1, for people type in bursts and then rest.

    For equal writers who work in a part d of the slots, in bursts of b slots after rests without memory, the variance
    of the units is (1-d)²·Σb²/Σb times their number. ``worked`` gives each person's slots, rising; ``seconds`` is the
    presence of all of them.
    """
    units = squares = 0
    for slots in worked:
        length, last = 0, -2
        for slot in slots:
            length = length + 1 if slot == last + 1 and length < BURST_SLOTS else 1
            squares += 2 * length - 1  # what the burst's square grows by
            units += 1
            last = slot
    busy = min(1.0, units * SLOT_SECS / seconds)
    return max(1.0, (1 - busy) ** 2 * squares / units) if units else 1.0


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
