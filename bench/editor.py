"""What a student's editor sends, key by key: one Yjs update and one cursor.

The bytes are those of Yjs 13.6 and y-codemirror.next: an update holds one unit after the writer's own last one; a
cursor is an awareness state of about 300 bytes with both ends of the selection and the person's name and colours.
"""

from __future__ import annotations

import json
from typing import Final

from server.core.wire import (
    AwarenessState,
    encode_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update,
    encode_var_string,
    encode_var_uint,
)

ROOT: Final = "summary"
EMPTY_UPDATE: Final = b"\x00\x00"
EMPTY_STATE_VECTOR: Final = b"\x00"
_TEXT: Final = b"the acorns were leached in the river and ground on flat stones "


class Editor:
    """One client id that types on at the end of its own run. ``prefix`` stands before every message."""

    __slots__ = ("_id", "_state", "client", "prefix")

    def __init__(self, client: int, name: str, prefix: bytes = b"") -> None:
        self.client = client
        self.prefix = prefix
        self._id = encode_var_uint(client)
        place = {"type": None, "tname": ROOT, "item": "ITEM", "assoc": -1}
        state = {
            "user": {"name": name, "color": "#0072b2", "colorLight": "#0072b233"},
            "cursor": {"anchor": place, "head": place},
        }
        self._state = json.dumps(state, separators=(",", ":"))

    def update(self, clock: int) -> bytes:
        """Give the update that inserts unit ``clock``."""
        head = b"\x01\x01" + self._id + encode_var_uint(clock)
        unit = _TEXT[clock % len(_TEXT)]
        if clock == 0:
            return head + b"\x04\x01" + encode_var_string(ROOT) + bytes((1, unit, 0))
        return head + b"\x84" + self._id + encode_var_uint(clock - 1) + bytes((1, unit, 0))

    def paste(self, text: str) -> bytes:
        """Give the message that puts ``text`` into an empty document."""
        head = b"\x01\x01" + self._id + b"\x00\x04\x01" + encode_var_string(ROOT)
        return self.prefix + encode_update(head + encode_var_string(text) + b"\x00")

    def key(self, clock: int) -> bytes:
        """Give the message that carries `update`."""
        return self.prefix + encode_update(self.update(clock))

    def cursor(self, clock: int, units: int) -> bytes:
        """Give the awareness message number ``clock`` (from 1) of a cursor behind the ``units``-th unit."""
        item = f'{{"client":{self.client},"clock":{units - 1}}}' if units else "null"
        state = self._state.replace('"ITEM"', item)
        return self.prefix + encode_awareness([AwarenessState(self.client, clock, state)])

    def hello(self) -> list[bytes]:
        """Give what a stock provider sends on opening: step 1 of an empty document, its (empty) step 2, its cursor."""
        messages = [
            self.prefix + encode_sync_step1(EMPTY_STATE_VECTOR),
            self.prefix + encode_sync_step2(EMPTY_UPDATE),
            self.cursor(1, 0),
        ]
        if self.prefix:
            messages.insert(0, self.prefix + b"\x02\x00" + encode_var_string("token"))
        return messages


def hocuspocus_prefix(room: str) -> bytes:
    """Give what Hocuspocus wants in front of every message."""
    return encode_var_string(room)
