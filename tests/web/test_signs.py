"""No state is told by colour alone (P22): it has a word, in every language, and a shape; and so has every author."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest

from server.core.attention import KINDS
from server.core.balance import Word
from server.web.templates import LANGUAGES

STATIC = Path(__file__).parents[2] / "static"
KEYS = {
    "not started": "not_started",
    "working solo": "solo",
    "too early": "too_early",
    "shared": "shared",
    "leaning": "leaning",
    "one voice": "one_voice",
}
TOKENS = (STATIC / "css" / "tokens.css").read_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_p22_every_state_has_a_word_and_every_word_its_meaning(language: str) -> None:
    catalogue = json.loads((STATIC / "messages" / language / "teach.json").read_text())
    words = [catalogue[f"word.{KEYS[word]}"] for word in get_args(Word)]
    assert len(set(words)) == len(words)
    assert all(catalogue[f"word.{KEYS[word]}.means"] for word in get_args(Word))


def test_p22_every_reason_and_word_has_a_shape() -> None:
    drawn = set(re.findall(r"^\s+(\w+): svg", (STATIC / "src" / "teach" / "signs.js").read_text(), re.MULTILINE))
    shape_of = re.search(r"SHAPE_OF = {(.*)}", (STATIC / "src" / "teach" / "words.js").read_text())
    assert shape_of is not None
    other = dict(re.findall(r'(\w+): "(\w+)"', shape_of[1]))
    shown = {KEYS[word] for word in get_args(Word)} | set(KINDS) - {"under_way"}  # which shows the word instead
    assert {other.get(each, each) for each in shown} <= drawn | {"hand", "check"}


def test_p22_authors_are_told_apart_by_their_lines() -> None:
    lines = re.findall(r"^\.seat-([1-8]) \{.*--seat-line: (\w+); --seat-thick: (\w+)", TOKENS, re.MULTILINE)
    assert len(lines) == 8
    assert len({line[1:] for line in lines}) == 8


def test_p22_no_two_authors_have_the_same_lightness_and_hue_to_someone_who_sees_no_red_or_green() -> None:
    seats = re.findall(r"--seat-[1-8]: light-dark\(#(\w{6}), #(\w{6})\)", TOKENS)
    assert len(seats) == 8
    for theme in zip(*seats, strict=True):
        seen = [_without_green(colour) for colour in theme[:6]]
        for one, other in combinations(seen, 2):
            assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 0.08


def _without_green(colour: str) -> tuple[float, ...]:
    """Give a colour as seen with deuteranopia, in linear light (Machado, Oliveira and Fernandes 2009, severity 1)."""
    red, green, blue = ((int(colour[at : at + 2], 16) / 255) ** 2.2 for at in (0, 2, 4))
    return (
        0.367322 * red + 0.860646 * green - 0.227968 * blue,
        0.280085 * red + 0.672501 * green + 0.047413 * blue,
        -0.011820 * red + 0.042940 * green + 0.968881 * blue,
    )
