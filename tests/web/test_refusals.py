"""Every refusal that can reach a person is a template in the code and a sentence in every other language."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from server import errors
from server.core import grouping
from server.errors import Conflict, Malformed, Refused, fill
from server.settings import find_assets
from server.web.templates import LANGUAGES, Pages, isolated

SERVER = Path(__file__).parents[2] / "server"
OTHERS = [language for language in LANGUAGES if language != "en"]
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Refused)}

CLOSES_A_TEXT = {
    "core/admission.py",
    "core/update.py",
    "core/wire.py",
    "hub/connection.py",
    "hub/document_socket.py",
}
"""Modules whose refusals become the reason of a websocket's close, which is for whoever writes a client."""
FOR_PROGRAMS = {
    "Another device was quicker to write under the same number.",  # a close, too
    "The server lost its memory of the last moment.",  # a close, too
    "This is not a message: {error}.",  # a close, too
    "Too many open windows of this lesson.",  # a close, too
    "Storage does not answer.",  # /readyz
    "There is no lesson {lesson}.",  # the command line
    "Redis does not give the secret that signs tokens. Start again when it is back.",  # the log
}


@dataclass(frozen=True)
class Made:
    """One place in the code that makes a refusal; ``template`` is None where it is not written out."""

    place: str
    module: str
    template: str | None
    values: frozenset[str]


@cache
def made() -> tuple[Made, ...]:
    return tuple(each for path in sorted(SERVER.rglob("*.py")) for each in made_in(path))


def made_in(path: Path) -> Iterator[Made]:
    tree = ast.parse(path.read_text())
    module = str(path.relative_to(SERVER))
    known = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "server.errors"
        for alias in node.names
        if alias.name in KINDS
    }
    own = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and known & names(*node.bases)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and known & names(node.func)]
    for kind in own:
        calls += [node for node in ast.walk(kind) if isinstance(node, ast.Call) and names(node.func) == {"__init__"}]
    for call in calls:
        first = call.args[0] if call.args else None
        written = isinstance(first, ast.Constant) and isinstance(first.value, str)
        yield Made(
            f"{module}:{call.lineno}",
            module,
            str(first.value) if isinstance(first, ast.Constant) and written else None,
            frozenset(keyword.arg or "**" for keyword in call.keywords) - {"reason"},
        )


def names(*nodes: ast.expr) -> set[str]:
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    return plain | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def fields(template: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", template))


def catalogue(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((find_assets().messages / language / "refusals.json").read_text())
    return read


def for_people() -> set[str]:
    return {
        each.template
        for each in made()
        if each.template is not None and each.module not in CLOSES_A_TEXT and each.template not in FOR_PROGRAMS
    }


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(find_assets())


def test_every_template_is_written_out_with_all_its_values() -> None:
    assert len(made()) > 100
    assert [each.place for each in made() if each.template is None] == []
    assert [each.place for each in made() if each.template and set(fields(each.template)) != each.values] == []


def test_what_is_for_programs_only_is_still_said() -> None:
    assert {each.template for each in made()} >= FOR_PROGRAMS
    assert {each.module for each in made()} >= CLOSES_A_TEXT


@pytest.mark.parametrize("language", OTHERS)
def test_every_refusal_has_a_sentence_in_every_language_and_none_is_left_over(language: str) -> None:
    translated = catalogue(language)
    assert sorted(for_people() - set(translated)) == [], "not translated"
    assert sorted(set(translated) - for_people()) == [], "left over"
    assert [template for template, text in translated.items() if fields(template) != fields(text)] == []


def test_a_value_comes_out_as_it_was_written() -> None:
    for room in ("{name}", "{room}", "{0.__class__}", "100 % %s %(room)s", "{", "}}", r"\g<0> \1"):
        refused = Conflict("{room} is closed: choose another room.", room=room)
        assert refused.message == str(refused) == f"{room} is closed: choose another room."
    assert fill("{first} {second}", {"first": "{second}", "second": "{first}"}) == "{second} {first}"
    assert Malformed("A {brace} without a value.").message == "A {brace} without a value."


@pytest.mark.parametrize("room", ["{name}", "{room}", "100 % %s", r"\g<0>", "}{", "Table 1 (2)"])
def test_a_value_comes_out_as_it_was_written_in_arabic(pages: Pages, room: str) -> None:
    refused = Conflict("{room} is closed: choose another room.", room=room)
    assert pages.say(refused, "ar") == f"غرفة «{isolated(room)}» مغلقة: اختر غرفة أخرى."
    assert pages.say(refused, "en") == refused.message


def test_a_refusal_within_a_refusal_is_translated_too(pages: Pages) -> None:
    refused = grouping.parse_roster("Ada, Group 1\n" + "{number}" * 6 + ", Group 2")
    assert isinstance(refused, Malformed)
    assert refused.message == "Line 2 of the roster: This name is too long: please use at most 40 letters."
    said = pages.say(refused, "ar")
    assert said == "السطر 2 من القائمة: " + catalogue("ar")[
        "This name is too long: please use at most {most} letters."
    ].replace("{most}", "40")


def test_what_no_catalogue_has_is_said_in_english(pages: Pages) -> None:
    assert pages.say(Malformed("This is not a state vector."), "ar") == "This is not a state vector."
