"""What each page makes a browser fetch: an editor only where there is one, and no more than was agreed on."""

from __future__ import annotations

import json
from typing import TypedDict

import pytest

from server.settings import find_assets

DIST = find_assets().dist
PACKED_KB = {"home": 8.0, "new": 11.5, "join": 4.7, "student": 27.0, "teach": 34.0, "project": 11.5, "report": 17.5}
"""Scripts and styles that a page cannot be drawn without, as they travel. Raise one knowingly: the build prints what it
is now, and esbuild's metafile says of what it is made."""
LATER_KB = {"student": 148.0, "teach": 178.0, "report": 31.5}
"""What a page loads when it is there: the editor, the evidence."""
EDITOR = b"cm-lineWrapping"
"""Stands in CodeMirror's script and nowhere else."""


class Built(TypedDict, total=False):
    file: str
    css: list[str]
    imports: list[str]
    later: list[str]


MANIFEST: dict[str, Built] = json.loads((DIST / "manifest.json").read_bytes())


def first(page: str) -> list[str]:
    built = MANIFEST[page]
    return [*built["css"], built["file"], *built["imports"]]


def packed_kb(names: list[str]) -> float:
    return sum((DIST / f"{name}.gz").stat().st_size for name in names) / 1000


@pytest.mark.parametrize("page", PACKED_KB)
def test_a_page_stays_small(page: str) -> None:
    assert packed_kb(first(page)) <= PACKED_KB[page]
    assert packed_kb(MANIFEST[page]["later"]) <= LATER_KB.get(page, 0)


def test_every_page_has_a_bound() -> None:
    assert set(PACKED_KB) == {page for page, built in MANIFEST.items() if "file" in built}


@pytest.mark.parametrize("page", PACKED_KB)
def test_there_is_an_editor_only_where_one_writes_and_never_in_the_way(page: str) -> None:
    assert not any(EDITOR in (DIST / name).read_bytes() for name in first(page))
    has_editor = any(EDITOR in (DIST / name).read_bytes() for name in MANIFEST[page]["later"])
    assert has_editor == (page in {"student", "teach"})
