from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.patch import JSON, JSONObject, apply, difference

# No booleans beside numbers under one key, and no null outside lists: what ``difference`` asks of its arguments.
leaves: st.SearchStrategy[JSON] = st.integers() | st.text(max_size=3)
values: st.SearchStrategy[JSON] = st.recursive(
    leaves | st.lists(leaves | st.none(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
states: st.SearchStrategy[JSONObject] = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)

RFC_7386_EXAMPLES: list[tuple[JSON, JSON, JSON]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7386_EXAMPLES)
def test_apply_follows_the_examples_of_rfc_7386_appendix_a(target: JSON, patch: JSON, result: JSON) -> None:
    assert apply(target, patch) == result


@given(states, states)
def test_the_difference_applied_to_the_old_state_gives_the_new(old: JSONObject, new: JSONObject) -> None:
    assert apply(old, difference(old, new)) == new


@given(states)
def test_equal_states_differ_by_nothing(state: JSONObject) -> None:
    assert difference(state, dict(state)) == {}


def test_the_difference_holds_what_changed_and_no_more() -> None:
    old: JSONObject = {"rooms": {"a": {"size": 1, "ready": False}, "b": {"size": 2}}, "timer": {"ends_at": 1}}
    new: JSONObject = {"rooms": {"a": {"size": 2, "ready": False}, "b": {"size": 2}}, "here": 3}
    assert difference(old, new) == {"rooms": {"a": {"size": 2}}, "timer": None, "here": 3}


def test_apply_changes_neither_argument() -> None:
    old: JSONObject = {"a": {"b": 1}}
    patch: JSONObject = {"a": {"b": 2, "c": {"d": 3}}}
    new = apply(old, patch)
    assert (old, patch) == ({"a": {"b": 1}}, {"a": {"b": 2, "c": {"d": 3}}})
    assert new == {"a": {"b": 2, "c": {"d": 3}}}
