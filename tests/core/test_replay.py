from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.replay import STEP_MS, Replay, Step
from server.core.update import Update, decode_update
from tests.writers import Table

START = 1_000_000
SESSIONS: dict[str, Any] = json.loads(Path(__file__).with_name("yjs_sessions.json").read_text())


class Room(Table):
    def __init__(self) -> None:
        super().__init__(self._take)
        self.replay = Replay(START)
        self.at = 0

    def _take(self, update: bytes, author: str, away_secs: float | None) -> None:
        self.replay.take(decoded(update), author, START + self.at)


def decoded(data: bytes) -> Update:
    update = decode_update(data)
    assert isinstance(update, Update)
    return update


def play(steps: list[Step]) -> str:
    """Apply the splices as a page does, on UTF-16 units."""
    text = b""
    for step in steps:
        for position, deleted, inserted in msgspec.to_builtins(step)[2]:
            assert 2 * (position + deleted) <= len(text)
            text = text[: 2 * position] + inserted.encode("utf-16-le") + text[2 * (position + deleted) :]
    return text.decode("utf-16-le")


def test_p15_a_second_of_typing_is_one_step() -> None:
    room = Room()
    room.type("mia", "Acorns fall.")
    room.at = STEP_MS
    room.type("mia", " In autumn.")
    assert msgspec.to_builtins(room.replay.steps()) == [
        [0, "mia", [[0, 0, "Acorns fall."]]],
        [1000, "mia", [[12, 0, " In autumn."]]],
    ]


def test_p15_what_two_do_in_one_second_is_a_step_of_each() -> None:
    room = Room()
    room.type("mia", "Acorns fall.")
    room.at = 5000
    room.write("tom", "When? ", 0)
    room.write("mia", " In autumn.")
    room.at = 5500
    room.delete("tom", "fall")
    room.write("mia", "drop", 13)
    steps = room.replay.steps()
    assert [(step.at, step.author) for step in steps] == [(0, "mia"), (5500, "tom"), (5500, "mia")]
    assert play(steps) == room.text == "When? Acorns drop. In autumn."
    assert play(steps[:2]) == "When? Acorns ."


def test_p15_what_comes_and_goes_within_a_second_is_no_step() -> None:
    room = Room()
    room.write("mia", "Acorns")
    room.delete("tom", "Acorns")
    assert room.replay.steps() == []


def test_p15_what_was_typed_on_and_deleted_at_once_deletes_what_stood() -> None:
    room = Room()
    room.write("mia", "Acorns")
    room.at = 2000
    room.write("mia", " fall")
    room.delete("mia", "Acorns fall")
    assert msgspec.to_builtins(room.replay.steps())[1:] == [[2000, "mia", [[0, 6, ""]]]]


@pytest.mark.parametrize("gap", [0, 10, 400, STEP_MS])
@pytest.mark.parametrize("name", SESSIONS)
def test_p15_the_last_step_leaves_the_text_of_yjs(name: str, gap: int) -> None:
    replay = Replay(0)
    for index, sent in enumerate(SESSIONS[name]["updates"]):
        replay.take(decoded(b64decode(sent["update"])), sent["author"], index * gap)
    assert play(replay.steps()) == SESSIONS[name]["text"] == replay.text()


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 700))
def test_p15_every_step_of_any_session_is_what_was_seen_then(seed: int, gap: int) -> None:
    rng = Random(seed)
    room = Room()
    for _ in range(60):
        name = rng.choice(("mia", "tom", "zoe"))
        copy = str(room.writers[name].text)
        start = rng.randint(0, len(copy))
        choice = rng.random()
        if choice < 0.5:
            room.type(name, rng.choice(("word ", "😀", "مرحبا", "\n")), start)
        elif choice < 0.8:
            room.delete(name, copy[start : start + rng.randint(0, 9)])
        elif room.writers[name].away:
            room.come_back(name, 30)
        elif sum(writer.away for writer in room.writers.values()) < 2:
            room.leave(name)
        room.at += gap
        if rng.random() < 0.1:
            # Asking in the middle ends a step there and changes nothing else.
            assert play(room.replay.steps()) == room.replay.text()
    assert play(room.replay.steps()) == room.replay.text()
