"""The registry's own rules."""

from __future__ import annotations

from server.hub.registry import new_lesson_id


def test_a_lessons_id_can_be_typed_behind_a_command() -> None:
    made = {new_lesson_id() for _ in range(2_000)}  # one in 64 would begin with a dash by itself
    assert len(made) == 2_000
    assert not any(each.startswith("-") for each in made)
