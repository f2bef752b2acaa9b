"""Who is in a room and where their cursors are: the y-protocols awareness states of one room.

Stock clients send back every state they have ever received, so a connection speaks for one client id only and the rest
is passed over. What a state says of a person (name, seat, colour) comes from the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from server.core.wire import AwarenessState, encode_var_bytes, encode_var_uint, join_awareness

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


_GONE = b"null"
"""The state of a client that is not there any more."""
_MOVED = 64
"""How far a clock is put forward when its client comes from another process, whose last word may not be here."""
_UNHEARD_SECS = 40.0
"""Clients renew their state every 15 s; one of another process that does not is gone, and the news of it was lost."""


class Told(msgspec.Struct, array_like=True, frozen=True):
    """A client's state as one process tells it to the others; ``clock`` and ``state`` as they are sent to clients."""

    client: int
    participant: str
    clock: int
    state: bytes


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """The owner of a client that is connected to another process."""

    node: str


@dataclass(slots=True)
class _Client:
    owner: object | None  # the connection that speaks for this client id; None while it is held for its return
    face: Face
    clock: int  # as sent on; see `_next_clock`
    state: bytes
    opening: bytes  # of every state it is shown with: the face
    number: bytes  # its id, as it is written
    gone_at: float = 0.0  # when its connection closed; of another process's client, when it was heard of last


_decoder = msgspec.json.Decoder(_Sent | None)


def _opening(face: Face) -> bytes:
    """Give the beginning of a state's JSON, up to its cursor."""
    user = {
        "participant": face.participant,
        "name": face.name,
        "seat": face.seat,
        "color": SEAT_COLOURS[(face.seat - 1) % len(SEAT_COLOURS)] if face.seat else "#666666",
    }
    return b'{"user":' + msgspec.json.encode(user) + b',"cursor":'


def _next_clock(known: _Client | None, clock: int, state: bytes) -> int | None:
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
    if clock == known.clock or known.owner is None or _GONE in (state, known.state):
        return known.clock + 1
    return None  # what it heard of itself just before it said something new


class RoomAwareness:
    """The states of one room. Time is passed in; what has to be sent is asked for with ``take_changes``."""

    def __init__(self, hold_secs: float, state_bytes: int) -> None:
        self._hold_secs = hold_secs
        self._state_bytes = state_bytes
        self._clients: dict[int, _Client] = {}
        self._changed: set[int] = set()
        self._need = False

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
        encoded = _GONE if sent is None else b"%b%b}" % (opening, sent.cursor)
        moved = known is not None and isinstance(known.owner, _Elsewhere)
        if moved and known is not None:
            known.owner = None
        clock = _next_clock(known, state.clock, encoded)
        if clock is None:
            return False
        if moved and known is not None:
            clock = max(clock, known.clock + _MOVED)
        if known is None:
            self._clients[state.client] = _Client(
                owner, appearance, clock, encoded, opening, encode_var_uint(state.client)
            )
        else:
            if known.owner is not owner:
                # It forgot the others when its connection broke, but not their clocks.
                for other in self._clients:
                    self._renew(other)
                self._need = True
                known.owner, known.face, known.opening = owner, appearance, opening
            known.clock = clock
            known.state = encoded
        self._changed.add(state.client)
        return True

    def speaker(self, client: int) -> str | None:
        """Name the participant who was first to be present under a client id."""
        known = self._clients.get(client)
        return None if known is None else known.face.participant

    def rename(self, face: Face) -> None:
        """Show a person under a new name or seat from now on."""
        for client, known in self._clients.items():
            elsewhere = isinstance(known.owner, _Elsewhere)
            if known.face.participant == face.participant and known.face != face and not elsewhere:
                opening = _opening(face)
                if known.state != _GONE:
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
            elsewhere = isinstance(known.owner, _Elsewhere)
            if (known.owner is None or elsewhere) and known.state != _GONE:
                left = known.gone_at + (_UNHEARD_SECS if elsewhere else self._hold_secs) - now
                if left <= 0:
                    known.clock, known.state = known.clock + 1, _GONE
                    self._changed.add(client)
                else:
                    due = left if due is None else min(due, left)
        return due

    def _renew(self, client: int) -> None:
        known = self._clients[client]
        # The clock of another process's client is that process's to count: it is asked instead.
        if known.state != _GONE and not isinstance(known.owner, _Elsewhere):
            known.clock += 1
            self._changed.add(client)

    # ── other processes ──

    def own_changes(self) -> list[Told]:
        """Give what has changed since ``take_changes`` of this process's clients."""
        return [
            Told(client, known.face.participant, known.clock, known.state)
            for client in self._changed
            if not isinstance((known := self._clients[client]).owner, _Elsewhere)
        ]

    def take_need(self) -> bool:
        """Tell, once, whether other processes must renew what they told: somebody came back who forgot it."""
        need, self._need = self._need, False
        return need and bool(self.nodes())

    def renew_own(self) -> bool:
        """Renew everyone of this process; tell whether there is anyone."""
        for client in self._clients:
            self._renew(client)
        return bool(self._changed)

    def hear(self, node: str, states: Iterable[Told], now: float) -> bool:
        """Take in what another process tells of its clients; tell whether anything is new."""
        heard = False
        for told in states:
            known = self._clients.get(told.client)
            if known is None:
                face = Face(told.participant, "", 0)
                number = encode_var_uint(told.client)
                self._clients[told.client] = _Client(_Elsewhere(node), face, told.clock, told.state, b"", number, now)
            elif known.state != _GONE and known.face.participant != told.participant:
                continue
            elif told.state == _GONE and not (known.owner is None or isinstance(known.owner, _Elsewhere)):
                # It has come from there to here, and they have just given up waiting for it.
                if told.clock < known.clock:
                    continue
                known.clock = told.clock + 1
            elif told.clock > known.clock:
                known.owner, known.face, known.opening = _Elsewhere(node), Face(told.participant, "", 0), b""
                known.clock, known.state, known.gone_at = told.clock, told.state, now
            else:
                continue
            self._changed.add(told.client)
            heard = True
        return heard

    def nodes(self) -> set[str]:
        """Name the other processes whose clients are present."""
        return {
            known.owner.node
            for known in self._clients.values()
            if isinstance(known.owner, _Elsewhere) and known.state != _GONE
        }

    def release_node(self, node: str, gone_at: float) -> bool:
        """Hold the clients of a process that lets go, as of ``gone_at``; tell whether there are any."""
        owner = _Elsewhere(node)
        held = [known for known in self._clients.values() if known.owner == owner]
        for known in held:
            known.owner, known.gone_at = None, gone_at
        return bool(held)

    def take_changes(self) -> bytes | None:
        """Give the frame with all states that changed since the last call, or None."""
        if not self._changed:
            return None
        frame = self._encode(self._changed)
        self._changed.clear()
        if len(self._clients) > _REMEMBERED_CLIENTS:
            self._clients = {client: known for client, known in self._clients.items() if known.state != _GONE}
        return frame

    def everyone(self) -> bytes | None:
        """Give the frame with all present states, for a late joiner; None in an empty room."""
        present = [client for client, known in self._clients.items() if known.state != _GONE]
        return self._encode(present) if present else None

    def _encode(self, clients: Iterable[int]) -> bytes:
        shown = [self._clients[client] for client in clients]
        return join_awareness(
            [known.number + encode_var_uint(known.clock) + encode_var_bytes(known.state) for known in shown]
        )
