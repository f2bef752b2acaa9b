"""What of the students' writing arrived, when, and whether everyone ends with the same text.

Every unit a student types has an identity, (client, clock), and every update that arrives says which ranges of them it
holds. So a batch of ten updates in one frame counts as ten deliveries, and a missing one is missed. A cursor counts as
delivered when it or a later one of the same client has been seen: servers may leave out what is overtaken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pycrdt

from bench.client import Client, clock, encode_frame
from bench.editor import ROOT, Editor
from server.core.update import Update, decode_update
from server.core.wire import AwarenessUpdate, SyncStep2, SyncUpdate, decode_message

_SYNC_REPLY = 4
"""Hocuspocus's own message: as sync."""


@dataclass(slots=True, eq=False)
class Member:
    """One student of a room: a socket, an editor, and when each unit and each cursor was sent (`clock`)."""

    client: Client
    editor: Editor
    sent_at: list[float] = field(default_factory=list)
    cursor_at: list[float] = field(default_factory=list)  # of the cursor with clock 1 + clocks_ahead at index 0
    heard: dict[int, int] = field(default_factory=dict)  # client id -> clock of the last cursor known of it
    clocks_ahead: int = 0  # what the server has added to one's awareness clock; a stock client goes on from there

    @property
    def cursor_clock(self) -> int:
        """The clock of the last cursor sent, or as the server counts it."""
        return len(self.cursor_at) + self.clocks_ahead

    def say_hello(self) -> None:
        """Start to synchronise, as a stock provider does."""
        self.cursor_at.append(clock())
        self.client.write(b"".join(encode_frame(message) for message in self.editor.hello()))

    def press_key(self) -> None:
        """Type one unit and move the cursor behind it."""
        units = len(self.sent_at)
        update = self.editor.key(units)
        cursor = self.editor.cursor(self.cursor_clock + 1, units + 1)
        now = clock()
        self.sent_at.append(now)
        self.cursor_at.append(now)
        self.client.write(encode_frame(update) + encode_frame(cursor))

    def messages(self) -> Iterator[tuple[float, bytes]]:
        """Give the y-websocket messages received since the last call, with their time of arrival."""
        skip = len(self.editor.prefix)
        for at, payload in self.client.take_messages():
            message = payload[skip:]
            yield at, b"\x00" + message[1:] if message[:1] == bytes((_SYNC_REPLY,)) else message


@dataclass(slots=True)
class Tally:
    """What one stage delivered; latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    cursor_latencies: list[float] = field(default_factory=list)
    frames: int = 0
    lost: int = 0
    stale_cursors: int = 0


class Room:
    """The members of one document, and what each is known to have."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._writers = {member.editor.client: index for index, member in enumerate(members)}
        self._known = [[bytearray() for _ in members] for _ in members]  # [recipient][writer][clock]
        self._judged = [0 for _ in members]  # units of each writer that earlier stages have judged
        self._first_received: list[bytes] = []

    def read(self, tally: Tally) -> None:
        """Add to the tally what has arrived since the last call."""
        for row in self._known:
            for flags, member in zip(row, self.members, strict=True):
                flags.extend(bytes(len(member.sent_at) - len(flags)))
        for index, member in enumerate(self.members):
            for at, message in member.messages():
                tally.frames += 1
                self._note(index, at, message, tally)

    def missing(self) -> tuple[int, int]:
        """Give how many of the stage's updates, and of the last cursors, some classmate does not have yet."""
        updates = cursors = 0
        for recipient, row in enumerate(self._known):
            for writer, flags in enumerate(row):
                if recipient != writer:
                    updates += flags.count(0, self._judged[writer])
                    cursors += self._heard(recipient, writer) < self.members[writer].cursor_clock
        return updates, cursors

    def close_stage(self, tally: Tally, give_up_secs: float) -> None:
        """Count what has not arrived as lost, and among the latencies with ``give_up_secs``."""
        updates, cursors = self.missing()
        tally.lost += updates
        tally.latencies += [give_up_secs] * updates
        tally.stale_cursors += cursors
        self._judged = [len(member.sent_at) for member in self.members]

    def _heard(self, recipient: int, writer: int) -> int:
        return self.members[recipient].heard.get(self.members[writer].editor.client, 0)

    def _note(self, recipient: int, at: float, frame: bytes, tally: Tally) -> None:
        message = decode_message(frame)
        if isinstance(message, SyncUpdate | SyncStep2):
            if recipient == 0:
                self._first_received.append(message.update)
            update = decode_update(message.update)
            if isinstance(update, Update):
                for struct in update.structs:
                    self._note_units(recipient, at, struct.client, struct.clock, struct.length, tally)
        elif isinstance(message, AwarenessUpdate):
            for state in message.states:
                writer = self._writers.get(state.client)
                if writer is not None and state.state != "null":
                    self._note_cursor(self.members[recipient], self.members[writer], at, state.clock, tally)

    def _note_cursor(self, recipient: Member, writer: Member, at: float, cursor_clock: int, tally: Tally) -> None:
        before = recipient.heard.get(writer.editor.client, 0)
        if recipient is writer:
            writer.clocks_ahead += max(0, cursor_clock - writer.cursor_clock)
        if cursor_clock > before:
            first, last = (max(1, each - writer.clocks_ahead) for each in (before, cursor_clock))
            # The first one was the greeting.
            tally.cursor_latencies += [at - each for each in writer.cursor_at[first:last]]
            recipient.heard[writer.editor.client] = cursor_clock

    def _note_units(self, recipient: int, at: float, client: int, first: int, length: int, tally: Tally) -> None:
        writer = self._writers.get(client)
        if writer is None:
            return
        flags = self._known[recipient][writer]
        sent_at = self.members[writer].sent_at
        for unit in range(first, first + length):
            if not flags[unit]:
                flags[unit] = 1
                tally.latencies.append(at - sent_at[unit])

    def expected_text(self) -> str:
        """Give the text that everything typed makes, by an independent engine."""
        return text_of(member.editor.update(unit) for member in self.members for unit in range(len(member.sent_at)))

    def first_text(self) -> str:
        """Give the text that the updates received by the first member make."""
        return text_of(self._first_received)


def text_of(updates: Iterator[bytes] | Sequence[bytes]) -> str:
    """Give the text after applying Yjs updates to an empty document."""
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = document.get(ROOT, type=pycrdt.Text)
    with document.transaction():
        for update in updates:
            document.apply_update(update)
    return str(text)
