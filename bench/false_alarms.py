"""Print how often truly equal rooms are signalled, and how soon others: at one look, and when a sign must have held.

Rooms of forty minutes in which each person works in each ten-second slot with a chance of their own; the dashboard
looks every ten seconds. Run it from the root of the repository; the seed is fixed.

    python -m bench.false_alarms
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from server.core.balance import Balance, Share, confirm, weigh

SLOTS = 240
SEED = 5


@dataclass(frozen=True, slots=True)
class Room:
    """Everyone's units after each slot."""

    units: list[tuple[int, ...]]

    def shares(self, slot: int) -> list[Share]:
        """Give the shares after so many slots."""
        seconds = max(1, slot) * 10.0
        done = self.units[slot - 1] if slot else (0,) * len(self.units[0])
        return [Share(str(person), units, seconds) for person, units in enumerate(done)]

    def at_one_look(self, slot: int) -> Balance:
        """Weigh what was done until then."""
        return weigh(self.shares(slot))

    def held(self, slot: int) -> Balance:
        """Weigh as the server does: a sign that has held."""
        return confirm(self.at_one_look(slot), lambda part: self.shares(int(slot * part)))

    def first_signalled(self, found: Callable[[int], Balance], every: int = 1) -> int | None:
        """Give the slot after which the room is first shown as less than shared, or somebody as unheard."""
        for slot in range(every, len(self.units) + 1, every):
            balance = found(slot)
            if balance.below or balance.unheard:
                return slot
        return None


def make_room(chances: Sequence[float], rng: Random, slots: int = SLOTS) -> Room:
    """Let everyone work by chance; ``chances`` is how likely each is to work in a slot."""
    units = [0] * len(chances)
    room = Room([])
    for _ in range(slots):
        for person, chance in enumerate(chances):
            units[person] += rng.random() < chance
        room.units.append(tuple(units))
    return room


def main() -> None:
    rng = Random(SEED)
    print("1,000 rooms of each kind         ever signalled        median minute    nine in ten by minute")
    print("                               one look     held     one look   held     one look   held")
    for busy in (0.1, 0.3, 0.6):
        kinds = {f"{people} equal": [busy] * people for people in (2, 3, 4, 5, 6)}
        kinds |= {
            "one voice of 4": [busy, busy / 7, busy / 7, busy / 7],
            "free rider of 4": [busy, busy, busy, 0],
            "4, 3, 2 and 1 parts": [busy, busy * 0.75, busy * 0.5, busy * 0.25],
        }
        for name, chances in kinds.items():
            rooms = [make_room(chances, rng) for _ in range(1000)]
            columns: list[tuple[str, str, str]] = []
            for which in (Room.at_one_look, Room.held):
                first = sorted(
                    slot / 6
                    for room in rooms
                    if (slot := room.first_signalled(lambda slot, room=room, which=which: which(room, slot)))  # type: ignore[misc]
                )
                median, most = (f"{first[int(len(first) * part)]:.1f}" if first else "-" for part in (0.5, 0.9))
                columns.append((f"{len(first) / len(rooms):.1%}", median, most))
            cells = [cell for pair in zip(*columns, strict=True) for cell in pair]
            print(f"{name:20} busy {busy:.0%}  " + " ".join(f"{cell:>9}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
