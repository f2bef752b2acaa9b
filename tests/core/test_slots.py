from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.core.slots import Slots


@given(st.lists(st.integers(-5, 40)), st.integers(-9, 45), st.integers(0, 50))
def test_p2_slots_are_a_set_in_order(indexes: list[int], start: int, size: int) -> None:
    slots, model = Slots(indexes), set(indexes)
    assert set(slots) == model
    assert slots == Slots(reversed(indexes))
    assert list(slots) == sorted(model)
    assert len(slots) == len(model)
    assert slots.count(range(start, start + size)) == len(model & set(range(start, start + size)))
    assert all((index in slots) == (index in model) for index in range(-9, 45))
    assert set().union(slots, {99}) == model | {99}
    assert eval(repr(slots)) == slots
