"""What Chromium has printed: the sheets of a PDF, each with its words.

Reads the PDFs that Chromium writes (Skia, PDF 1.4: plain objects, content streams packed with zlib, glyphs named by a
ToUnicode map), and no others.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_FONT_OR_GLYPHS = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-F]+)> Tj")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One side of paper; sizes in points. ``words`` stand in the order they were drawn in, without any space."""

    width: float
    height: float
    words: str


def read_sheets(pdf: bytes) -> list[Sheet]:
    """Give the sheets of a PDF, first to last."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    return [_sheet(objects, body) for body in objects.values() if re.search(rb"/Type /Page\b", body)]


def _sheet(objects: dict[int, bytes], page: bytes) -> Sheet:
    fonts = {name: _letters(objects, int(number)) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page)}
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", page)
    assert box is not None
    letters: dict[bytes, str] = {}
    words = ""
    for font, glyphs in _FONT_OR_GLYPHS.findall(_stream(objects, page, b"Contents")):
        if font:
            letters = fonts[font]
        words += "".join(letters.get(glyphs[at : at + 4], "") for at in range(0, len(glyphs), 4))
    return Sheet(float(box[1]), float(box[2]), re.sub(r"\s", "", words))


def _letters(objects: dict[int, bytes], font: int) -> dict[bytes, str]:
    """Give what each glyph of a font stands for."""
    if b"/ToUnicode" not in objects[font]:
        return {}
    table = _stream(objects, objects[font], b"ToUnicode")
    found = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for glyph, letter in re.findall(rb"<(\w+)> <(\w+)>", block):
            found[glyph] = bytes.fromhex(letter.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, letter in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", block):
            for step in range(int(last, 16) - int(first, 16) + 1):
                found[b"%04X" % (int(first, 16) + step)] = chr(int(letter, 16) + step)
    return found


def _stream(objects: dict[int, bytes], holder: bytes, key: bytes) -> bytes:
    number = re.search(rb"/" + key + rb" (\d+) 0 R", holder)
    assert number is not None
    body = objects[int(number[1])]
    content = _STREAM.search(body)
    assert content is not None
    return zlib.decompress(content[1]) if b"/FlateDecode" in body else content[1]
