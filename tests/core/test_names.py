from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import names
from server.errors import Malformed


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Sam \t Lee\n", "Sam Lee"),
        ("Zoe\u0308", "Zoë"),
        ("Sam\u200b\u202e", "Sam"),
        ("S\u200dam", "Sam"),
        ("Sam\x00\x1b[31m", "Sam[31m"),
        ("Sam\u2066 Lee\u2069", "Sam Lee"),
        ("<b>Sam</b>", "<b>Sam</b>"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("Sam\u3164", "Sam"),
        ("Sam\u2065\U000e0fff", "Sam"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("東京", "東京"),
    ],
)
def test_a_name_keeps_what_is_seen_and_loses_what_deceives(written: str, kept: str) -> None:
    assert names.clean_person_name(written) == kept


@pytest.mark.parametrize(
    "written", ["", "   ", "\u200b", "\u202e\u202c", "\u3164", "\u2800", "\u0301", "\u200d", "\U000e0080", "x" * 300]
)
def test_a_name_nobody_can_read_or_too_long_is_refused_with_a_sentence(written: str) -> None:
    refusal = names.clean_person_name(written)
    assert isinstance(refusal, Malformed)
    assert refusal.message.endswith(".")


def test_a_name_is_as_long_as_it_is_after_cleaning() -> None:
    assert names.clean_person_name(" \u200b" * 40 + "x" * 40) == "x" * 40
    assert names.clean_room_name("x" * 60) == "x" * 60
    assert isinstance(names.clean_room_name("x" * 61), Malformed)


@given(st.text(max_size=80))
def test_a_clean_line_is_one_line_stays_clean_and_can_be_stored(text: str) -> None:
    line = names.clean_line(text)
    assert names.clean_line(line) == line
    assert line == line.strip()
    assert unicodedata.is_normalized("NFC", line)
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(char) for char in line}
    line.encode()


@given(st.text(st.characters(), max_size=80))
def test_clean_prose_keeps_lines_and_can_be_stored(text: str) -> None:
    prose = names.clean_prose(text)
    assert names.clean_prose(prose) == prose
    assert not set(prose) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\x00\x1b\r")
    prose.encode()


def test_prose_keeps_line_breaks_tabs_and_direction_marks() -> None:
    assert names.clean_prose("one\r\ntwo\rthree\tfour \u200fعربي\u202e\x07 ") == "one\ntwo\nthree\tfour \u200fعربي"


def test_a_name_taken_gets_the_next_number() -> None:
    assert names.distinct("Sam", set(), 40) == "Sam"
    assert names.distinct("Sam", {"sam"}, 40) == "Sam (2)"
    assert names.distinct("SAM", {"sam", "sam (2)"}, 40) == "SAM (3)"


@pytest.mark.parametrize("unseen", ["\u034f", "\ufe0f", "\ufe00", "\u180b", "\u17b4", "\U000e0100", "\u2065"])
def test_names_that_look_the_same_are_kept_apart(unseen: str) -> None:
    for twin in (f"Zoë{unseen}", f"Zo{unseen}ë", f"Zoe{unseen}\u0308"):
        cleaned = names.clean_person_name(twin)
        assert isinstance(cleaned, str)
        assert names.distinct(cleaned, {names.key("Zoë")}, 40).endswith(" (2)"), ascii(cleaned)
    assert names.distinct("東\u200c京", {names.key("東京")}, 40).endswith(" (2)")


def test_a_numbered_name_stays_within_its_length() -> None:
    name = names.distinct("x" * 40, {"x" * 40}, 40)
    assert name == "x" * 36 + " (2)"
