"""Which room needs the teacher, and why (P16); and an order of rooms that keeps still enough to be read.

Rooms are compared by kind of need alone, never by how good or fast they are, and only for the teacher.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, get_args

import msgspec

from server.core.balance import Balance
from server.core.events import Kind, Pulse
from server.core.lesson import Lesson

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""The most needed first."""

QUIET_SECS: Final = 120
PULSES: Final = 2
STEADY_SECS: Final = 10


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a room stands where it stands. ``since`` in ms, for kinds that begin at a moment.

    ``participant`` is whom it is about, ``participants`` everyone whose hand is up, the longest wait first. Pulses are
    private: the kind ``pulse`` says what was felt (``pulse``) and never by whom.
    """

    kind: Kind
    since: int | None = None
    participant: str | None = None
    participants: tuple[str, ...] = ()
    pulse: Pulse | None = None


def reasons(
    lesson: Lesson, room: str, balance: Balance | None, quiet_since: int | None, begun: bool, now: int
) -> list[Reason]:
    """Give every reason that holds for a room, the most needed first; the last is always how far its work is.

    ``balance`` is None in a lesson without participation; ``quiet_since`` is None unless two people could be writing.
    """
    state = lesson.rooms[room]
    found: list[Reason] = []
    hands = sorted((person.hand.since, person.participant) for person in lesson.members(room) if person.hand)
    if hands:
        found.append(Reason("help", hands[0][0], hands[0][1], tuple(participant for _, participant in hands)))
    # A group that has said its text is ready may be silent.
    if quiet_since is not None and not state.ready and now - quiet_since >= QUIET_SECS * 1000:
        found.append(Reason("quiet", quiet_since))
    if balance is not None and balance.word == "one voice" and balance.dominance is not None:
        found.append(Reason("one_voice", participant=balance.dominance.participant))
    if balance is not None and balance.unheard and balance.quietest is not None:
        found.append(Reason("unheard", participant=balance.quietest.participant))
    pulses = Counter(person.pulse for person in lesson.members(room))
    felt: Pulse = max(("too_hard", "too_easy"), key=pulses.__getitem__)
    if pulses[felt] >= PULSES:
        found.append(Reason("pulse", pulse=felt))
    if balance is not None and balance.word == "leaning" and balance.dominance is not None:
        found.append(Reason("leaning", participant=balance.dominance.participant))
    if balance is not None and balance.parallel:
        found.append(Reason("parallel"))
    found.append(Reason("done" if state.ready else "under_way" if begun else "not_started"))
    return found


def order(needs: Mapping[str, Reason], last_visits: Mapping[str, int]) -> list[str]:
    """Order rooms by need: the longest wait for help first, other ties by the longest time since a teacher's visit.

    ``last_visits`` in ms, without the rooms that had none, which come first. Among equals the given order stays.
    """

    def urgency(room: str) -> tuple[int, int, int]:
        reason = needs[room]
        waiting = reason.since or 0 if reason.kind == "help" else 0
        return KINDS.index(reason.kind), waiting, last_visits.get(room, 0)

    return sorted(needs, key=urgency)


def steady(
    previous: Sequence[str], wanted: Sequence[str], now: int, last_moved: Mapping[str, int]
) -> tuple[list[str], dict[str, int]]:
    """Go from the previous order towards the wanted one, without moving a room that moved less than 10 s ago.

    As few rooms as possible jump; that others shift by a place is no jump. Returns the new order and when (ms) each
    room last moved: keep both for the next call.
    """
    rank = {room: index for index, room in enumerate(wanted)}
    shown = [room for room in previous if room in rank]
    still = _longest_rising([rank[room] for room in shown])
    kept = [
        room
        for room in shown
        if rank[room] in still or now - last_moved.get(room, now - STEADY_SECS * 1000) < STEADY_SECS * 1000
    ]
    staying = set(kept)
    known = set(shown)
    moved = {room: at for room, at in last_moved.items() if room in rank}
    for room in wanted:
        if room not in staying:
            place = next((index for index, other in enumerate(kept) if rank[other] > rank[room]), len(kept))
            kept.insert(place, room)
            if room in known:
                moved[room] = now
    return kept, moved


def _longest_rising(ranks: Sequence[int]) -> set[int]:
    """Find a longest rising subsequence by patience sorting."""
    tops: list[int] = []
    below: dict[int, int | None] = {}
    for rank in ranks:
        pile = bisect_left(tops, rank)
        below[rank] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [rank]
    rising: set[int] = set()
    rank_or_none = tops[-1] if tops else None
    while rank_or_none is not None:
        rising.add(rank_or_none)
        rank_or_none = below[rank_or_none]
    return rising
