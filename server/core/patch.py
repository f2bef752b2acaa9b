"""JSON merge patch (RFC 7386) between two states of a view."""

from __future__ import annotations

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
JSONObject = dict[str, JSON]


def difference(old: JSONObject, new: JSONObject) -> JSONObject:
    """Give the patch that turns ``old`` into ``new``; empty when they are equal.

    It shares parts of ``new``: it is to be sent, not changed. ``new`` holds no null outside lists (null removes a key),
    and no key changes between a number and a boolean: Python calls 1 and true equal, and to compare whole branches in C
    keeps what has not changed, nearly everything, nearly free.
    """
    patch: JSONObject = dict.fromkeys(old.keys() - new.keys())
    for name, after in new.items():
        before = old.get(name)
        if before is after or before == after:
            continue
        patch[name] = difference(before, after) if isinstance(before, dict) and isinstance(after, dict) else after
    return patch


def apply(old: JSON, patch: JSON) -> JSON:
    """Give ``old`` as changed by ``patch`` (RFC 7386, section 2); neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    new: JSONObject = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        else:
            new[name] = apply(new.get(name), value)
    return new
