"""Print the noise gate of P11: the 5th percentile of the balance among truly equal writers, by chance alone.

The null model: ``n`` people, present all the time, each as likely as any other to be the one at work in each of ``K``
units. Run it from the root of the repository; the seed is fixed, so that it always prints the table that
``server/core/balance.py`` holds.

    python -m bench.noise_gate
"""

from __future__ import annotations

from math import floor
from random import Random

from server.core.balance import GATE_PEOPLE, GATE_UNITS, evenness

DRAWS = 40_000
SEED = 11


def fifth_percentile(people: int, units: int, rng: Random) -> float:
    """Draw ``DRAWS`` rooms of equal writers; give the balance that fewer than 5 in 100 fall below."""
    everyone = range(people)
    values = []
    for _ in range(DRAWS):
        drawn = rng.choices(everyone, k=units)
        values.append(evenness([drawn.count(person) for person in everyone]))
    values.sort()
    # Rounded down, for many rooms have just this value and are not below it.
    return floor(values[DRAWS // 20] * 1000 + 1e-6) / 1000


def main() -> None:
    rng = Random(SEED)
    for people in GATE_PEOPLE:
        row = [fifth_percentile(people, units, rng) for units in GATE_UNITS]
        print(f"    ({', '.join(f'{value:.3f}' for value in row)}),  # n = {people}", flush=True)


if __name__ == "__main__":
    main()
