"""What people write, made fit to stand beside what others wrote: names, room names, lines and prose.

Markup is kept as text: escaping is the pages' matter. What goes is what cannot be seen and can only deceive: control
characters, bidirectional overrides (they reverse the rest of the line) and blank letters (a name nobody can read out).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from server.errors import Malformed

PERSON_NAME_MAX = 40
ROOM_NAME_MAX = 60

_JOINERS = frozenset("\u200c\u200d")  # ZWNJ, ZWJ: Persian and Indic spelling, emoji of families and trades
_JOINABLE = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})  # not Cn: an emoji newer than this Python's Unicode tables is "unassigned"
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols by category, blank on every screen
# Never to be drawn (Unicode, Default_Ignorable_Code_Point), as far as it is not of a category above. Spelling and emoji
# need joiners and selectors; what is not assigned goes, and none of them tells two names apart.
_IGNORABLE = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2065\ufe00-\ufe0f\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def key(name: str) -> str:
    """Give the form under which two names count as the same: those that look the same but for capitals."""
    return unicodedata.normalize("NFC", _IGNORABLE.sub("", name)).casefold()


def clean_line(text: str) -> str:
    """Give the text on one line, in NFC, without what cannot be seen; empty when nothing visible is left."""
    if not text.isprintable() or not text.isascii():
        text = "".join(char for index, char in enumerate(text) if char.isspace() or _is_seen(text, index))
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return text if any(unicodedata.category(char)[0] not in "MZ" for char in text) else ""


def clean_prose(text: str) -> str:
    """Give text of several lines in NFC, without control characters and bidirectional overrides, stripped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isprintable():
        text = "".join(
            char
            for char in text
            if char in "\n\t" or not (char in _BIDI_CONTROLS or unicodedata.category(char) in {"Cc", "Cs"})
        )
    return unicodedata.normalize("NFC", text).strip()


def clean_person_name(text: str) -> str | Malformed:
    name = clean_line(text)
    if not name:
        return Malformed("Please write a name that others can read, such as your first name.")
    if len(name) > PERSON_NAME_MAX:
        return Malformed("This name is too long: please use at most {most} letters.", most=PERSON_NAME_MAX)
    return name


def clean_room_name(text: str) -> str | Malformed:
    name = clean_line(text)
    if not name:
        return Malformed("Please write a name for the room, such as “Table 1”.")
    if len(name) > ROOM_NAME_MAX:
        return Malformed("This room name is too long: please use at most {most} letters.", most=ROOM_NAME_MAX)
    return name


def distinct(name: str, taken: Collection[str], longest: int) -> str:
    """Give the name, or the first of "name (2)", "name (3)" … whose key is not in ``taken``, kept to ``longest``."""
    candidate, count = name, 1
    while key(candidate) in taken:
        count += 1
        suffix = f" ({count})"
        candidate = name[: longest - len(suffix)].rstrip() + suffix
    return candidate


def _is_seen(text: str, index: int) -> bool:
    char = text[index]
    if char in _JOINERS:  # only where it joins: "Sam" with a joiner inside would pass for a second "Sam"
        around = text[index - 1 : index] + text[index + 1 : index + 2]
        return len(around) == 2 and all(unicodedata.category(each) in _JOINABLE for each in around)
    category = unicodedata.category(char)
    return char not in _BLANK and category not in _UNSEEN and not (category == "Cn" and _IGNORABLE.match(char))
