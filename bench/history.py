"""A document with a past: typed and deleted key by key, in many places."""

from __future__ import annotations

import random

import pycrdt

from bench.editor import ROOT

KEYS_AN_UPDATE = 200
"""The keys are sent merged by so many: the same document, within every server's limits for one sender."""


def write_history(client: int, typed: int, deleted: int, rng: random.Random) -> tuple[list[bytes], str]:
    """Give the updates of a writer who types and deletes so many characters, and the text they leave."""
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=client)
    text = document.get(ROOT, type=pycrdt.Text)
    keys: list[bytes] = []
    subscription = document.observe(lambda event: keys.append(event.update))
    length, to_type, to_delete = 0, typed, deleted
    while to_type or to_delete:
        burst = min(to_type, rng.randint(5, 60))
        place = rng.randint(0, length)
        for _ in range(burst):
            text.insert(place, rng.choice("etaoin shrdlu"))
            place += 1
        length += burst
        to_type -= burst
        for _ in range(min(length, to_delete, -(-burst * deleted // typed)) if to_type else to_delete):
            place = place - 1 if place else 0
            del text[place]
            length -= 1
            to_delete -= 1
    document.unobserve(subscription)
    merged = [
        pycrdt.merge_updates(*keys[first : first + KEYS_AN_UPDATE]) for first in range(0, len(keys), KEYS_AN_UPDATE)
    ]
    return merged, str(text)
