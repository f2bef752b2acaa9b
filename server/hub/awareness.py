"""Who is in a room and where their cursors are: the y-protocols awareness states of one room.

Stock clients send back every state they have ever received, so a connection speaks for one client id only and the rest
is passed over. What a state says of a person (name, seat, colour) comes from the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from server.core.wire import AwarenessState, encode_awareness

# The palette of the pages (Okabe and Ito, 2008), for stock editors that colour by `user.color`.
SEAT_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7f6000", "#5c4b99")

_REMEMBERED_CLIENTS = 512
"""Client ids (one for each page load) whose last clock is kept, before those who left are forgotten."""


@dataclass(frozen=True, slots=True)
class Face:
    """How a person appears to the others."""

    participant: str
    name: str
    seat: int


class _Sent(msgspec.Struct):
    """What is taken from a client's state; everything else it says is dropped."""

    cursor: msgspec.Raw = msgspec.Raw(b"null")


@dataclass(slots=True)
class _Client:
    owner: object | None  # the connection that speaks for this client id; None while it is held for its return
    face: Face
    clock: int  # as sent on; see `_next_clock`
    state: str
    opening: str  # of every state it is shown with: the face
    gone_at: float = 0.0  # when its connection closed; meaningful while owner is None


_decoder = msgspec.json.Decoder(_Sent | None)


def _opening(face: Face) -> str:
    """Give the beginning of a state's JSON, up to its cursor."""
    user = {
        "participant": face.participant,
        "name": face.name,
        "seat": face.seat,
        "color": SEAT_COLOURS[(face.seat - 1) % len(SEAT_COLOURS)] if face.seat else "#666666",
    }
    return f'{{"user":{msgspec.json.encode(user).decode()},"cursor":'


def _next_clock(known: _Client | None, clock: int, state: str) -> int | None:
    """Give the clock under which a client's state is sent on, None for one that is out of date.

    A stock client passes over what does not have a higher clock than the last it heard, even of someone it has seen
    leaving; and one that comes back repeats its old clock. It would be invisible until its next renewal, up to 15 s
    later (y-websocket #122). So the clock continues from here, one higher than what anyone can have heard.
    """
    if known is None:
        return clock + 1  # the others may remember it from before this process was started
    if clock > known.clock:
        return clock
    if state == known.state:
        return known.clock  # as it sends back what it hears of itself: a higher clock would be answered for ever
    if clock == known.clock or known.owner is None or "null" in (state, known.state):
        return known.clock + 1
    return None  # what it heard of itself just before it said something new


class RoomAwareness:
    """The states of one room. Time is passed in; what has to be sent is asked for with ``take_changes``."""

    def __init__(self, hold_secs: float, state_bytes: int) -> None:
        self._hold_secs = hold_secs
        self._state_bytes = state_bytes
        self._clients: dict[int, _Client] = {}
        self._changed: set[int] = set()

    def receive(self, owner: object, state: AwarenessState, face: Callable[[], Face]) -> bool:
        """Take in one state that ``owner`` sent for its own client id; False when it is not its own or not usable.

        ``face`` is asked for when a client id, or a connection that speaks for it, is new.
        """
        known = self._clients.get(state.client)
        appearance = known.face if known is not None and known.owner is owner else face()
        if known is not None and known.face.participant != appearance.participant:
            return False
        if len(state.state) > self._state_bytes:
            return False
        try:
            sent = _decoder.decode(state.state)
        except msgspec.DecodeError:
            return False
        opening = known.opening if known is not None and known.face is appearance else _opening(appearance)
        encoded = "null" if sent is None else f"{opening}{bytes(sent.cursor).decode()}}}"
        clock = _next_clock(known, state.clock, encoded)
        if clock is None:
            return False
        if known is None:
            self._clients[state.client] = _Client(owner, appearance, clock, encoded, opening)
        else:
            if known.owner is not owner:
                # It forgot the others when its connection broke, but not their clocks.
                for other in self._clients:
                    self._renew(other)
            known.owner, known.face, known.clock, known.state, known.opening = (
                owner,
                appearance,
                clock,
                encoded,
                opening,
            )
        self._changed.add(state.client)
        return True

    def rename(self, face: Face) -> None:
        """Show a person under a new name or seat from now on."""
        for client, known in self._clients.items():
            if known.face.participant == face.participant and known.face != face:
                opening = _opening(face)
                if known.state != "null":
                    known.state = opening + known.state.removeprefix(known.opening)
                    known.clock += 1
                    self._changed.add(client)
                known.face, known.opening = face, opening

    def release(self, owner: object, now: float) -> None:
        """Hold a leaver's states for its return; one that said goodbye is remembered by its clock."""
        for known in self._clients.values():
            if known.owner is owner:
                known.owner, known.gone_at = None, now

    def expire(self, now: float) -> float | None:
        """Remove who has not come back; give the seconds until the next one is due, or None."""
        due: float | None = None
        for client, known in self._clients.items():
            if known.owner is None and known.state != "null":
                left = known.gone_at + self._hold_secs - now
                if left <= 0:
                    known.clock, known.state = known.clock + 1, "null"
                    self._changed.add(client)
                else:
                    due = left if due is None else min(due, left)
        return due

    def _renew(self, client: int) -> None:
        known = self._clients[client]
        if known.state != "null":
            known.clock += 1
            self._changed.add(client)

    def take_changes(self) -> bytes | None:
        """Give the frame with all states that changed since the last call, or None."""
        if not self._changed:
            return None
        frame = self._encode(self._changed)
        self._changed.clear()
        if len(self._clients) > _REMEMBERED_CLIENTS:
            self._clients = {client: known for client, known in self._clients.items() if known.state != "null"}
        return frame

    def everyone(self) -> bytes | None:
        """Give the frame with all present states, for a late joiner; None in an empty room."""
        present = [client for client, known in self._clients.items() if known.state != "null"]
        return self._encode(present) if present else None

    def _encode(self, clients: Iterable[int]) -> bytes:
        return encode_awareness(
            [AwarenessState(client, self._clients[client].clock, self._clients[client].state) for client in clients]
        )
