"""How entries lie in a row of a store: one after another, 12 bytes (``at``, length; little-endian) and the body.

Rows joined end to end are again a row, and that, compressed, is all that compacting does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from server.journal import Entry

BLOCK_ENTRIES = 500
"""Entries in one compressed row: beyond some 32 KB, deflate's window, larger rows do not become smaller."""

_HEAD = struct.Struct("<QI")


def pack(entries: Iterable[tuple[int, bytes]]) -> bytes:
    """Pack what was made when: ``(at, body)``."""
    parts: list[bytes] = []
    for at, body in entries:
        parts += (_HEAD.pack(at, len(body)), body)
    return b"".join(parts)


def unpack(last: int, packed: bytes, floor: int = 0) -> list[Entry]:
    """Return the entries of a row, the last of which is ``last``; none is earlier than ``floor`` or the one before."""
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(packed):
        at, length = _HEAD.unpack_from(packed, offset)
        offset += _HEAD.size + length
        if at > floor:
            floor = at
        found.append((floor, packed[offset - length : offset]))
    return [Entry(seq, at, body) for seq, (at, body) in enumerate(found, last - len(found) + 1)]
