"""Every rule by which participation is measured and shown has a test that carries its number in its name."""

from __future__ import annotations

import re
from pathlib import Path

RULES = {f"p{number}" for number in range(1, 24)}


def test_every_rule_has_a_test_named_after_it() -> None:
    named = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        for name in re.findall(r"def test_(\w+)", path.read_text()):
            named |= set(re.findall(r"(?:^|_)(p\d+)(?=_|$)", name))
    assert named & RULES == RULES
