"""A live document: what the journal holds of one room's text, and the sockets that share it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pycrdt
import structlog

from server.core.admission import UNLIMITED, Admitted, Holdings
from server.core.admission import Limits as AdmissionLimits
from server.core.wire import encode_sync_step2, encode_update
from server.errors import Refused
from server.hub.awareness import RoomAwareness
from server.hub.transport import prepare
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)

_APPLY_TOGETHER = 16
"""So many updates are merged and applied at once, or fewer when somebody asks for the document: 1.5 µs each against 5.3
one by one (3,200 keystrokes, 2026-11), and never more than 50 µs late."""
_CROWD = 30
"""From so many sockets on, presence keeps to ``Limits.awareness_interval_secs`` also when text goes out."""


class Seat(Protocol):
    """One socket in a room, as the room sees it."""

    author: str

    def send(self, frame: bytes) -> None:
        """Queue one frame."""
        ...

    def send_prepared(self, frame: bytes) -> None:
        """Queue one frame made by ``transport.prepare``."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        ...


@dataclass(slots=True)
class _Pending:
    """An update that was admitted and is on its way through the journal."""

    update: bytes
    author: str
    new_clients: tuple[int, ...]
    admitted_at: float  # monotonic


class LiveRoom:
    """One room's document in memory. All methods are synchronous: one owner, no half-made state between awaits.

    ``admit`` runs ahead of ``apply``: an update is admitted on arrival, and applied and sent when the journal has made
    it durable. After a failed write ``forget`` takes the admission back.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._admission = AdmissionLimits(
            max_update_bytes=limits.update_bytes,
            max_document_units=limits.document_units,
            max_history_units=limits.history_units,
        )
        self._document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self._text = self._document.get("summary", type=pycrdt.Text)
        self._unapplied: list[bytes] = []
        """Durable and sent, not yet in the document: see ``_APPLY_TOGETHER``."""
        self._admitted = Holdings()
        self._must_restore = False
        self._pending: deque[_Pending] = deque()
        self.owners: dict[int, str] = {}
        """Author of each Yjs client id whose text is durable."""
        self.seats: set[Seat] = set()
        self.awareness = RoomAwareness(limits.awareness_hold_secs, limits.awareness_state_bytes)
        self._flush: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._hold: asyncio.TimerHandle | None = None
        self._presence_waits = False
        """Presence goes out with the text that is on its way."""

    # ── the document ──

    def admit(self, update: bytes, author: str, *, writable: bool) -> Admitted | Refused:
        """Check an update against what is held and what is on its way. The caller journals it when it ``is_new``.

        Where the room is not ``writable``, only what repeats the document is admitted: every handshake does that.
        """
        admitted = self._holdings().admit(update, author, self._admission, writable=writable)
        if isinstance(admitted, Admitted) and admitted.is_new:
            self._pending.append(_Pending(update, author, self._new_clients(admitted), time.monotonic()))
        return admitted

    def apply(self, updates: Sequence[tuple[str, bytes]]) -> None:
        """Apply durable updates ``(author, update)`` in the journal's order, and send them to everyone as one frame."""
        now = time.monotonic()
        holdings = self._holdings()
        slowest = 0.0
        applied: list[bytes] = []
        for author, update in updates:
            if self._pending and self._pending[0].update == update:
                pending = self._pending.popleft()
                slowest = max(slowest, now - pending.admitted_at)
                clients = pending.new_clients
            else:
                # From the journal's history, or admitted by another process: limits were asked for then.
                admitted = holdings.admit(update, author, UNLIMITED)
                if isinstance(admitted, Refused):
                    log.warning("document.entry_refused", reason=admitted.reason)
                    continue
                clients = self._new_clients(admitted)
            for client in clients:
                self.owners.setdefault(client, author)
            applied.append(update)
        if not applied:
            return
        self._metrics.updates.value += len(applied)
        if slowest:
            self._metrics.echo_seconds.observe(slowest)
        self._unapplied += applied
        if len(self._unapplied) >= _APPLY_TOGETHER:
            self._apply()
        if self.seats:
            frame = prepare(encode_update(applied[0] if len(applied) == 1 else pycrdt.merge_updates(*applied)))
            # The writer's cursor arrived with its text: in one write to each socket the two cost little more than one.
            if (presence := self._take_company()) is not None:
                frame += prepare(presence)
            for seat in self.seats:
                seat.send_prepared(frame)

    def _apply(self) -> None:
        """Bring the document up to date."""
        if unapplied := self._unapplied:
            self._unapplied = []
            self._document.apply_update(unapplied[0] if len(unapplied) == 1 else pycrdt.merge_updates(*unapplied))

    def _new_clients(self, admitted: Admitted) -> tuple[int, ...]:
        owners = self.owners
        return tuple(struct.client for struct in admitted.update.structs if struct.client not in owners)

    def forget(self, update: bytes) -> None:
        """Take back the admission of an update that could not be stored."""
        for index, pending in enumerate(self._pending):
            if pending.update is update:
                del self._pending[index]
                break
        self._must_restore = True
        if self._presence_waits and not self._pending:
            self._presence_waits = False
            self.awareness_changed()

    def _holdings(self) -> Holdings:
        """Give what has been admitted, made anew if something was taken back: once for all that failed together."""
        if self._must_restore:
            self._must_restore = False
            self._apply()
            self._admitted = Holdings.restore(self._document.get_update(), self.owners, UNLIMITED)
            for pending in self._pending:
                self._admitted.admit(pending.update, pending.author, UNLIMITED)
        return self._admitted

    def update_since(self, state_vector: bytes) -> bytes:
        """Give the sync step 2 frame for a peer with this state vector. Raises ValueError for bytes that are none."""
        self._apply()
        return encode_sync_step2(self._document.get_update(state_vector))

    @property
    def state_vector(self) -> bytes:
        """What is durable of the document, as a Yjs state vector."""
        self._apply()
        return self._document.get_state()

    @property
    def text(self) -> str:
        """The text as it stands."""
        self._apply()
        return str(self._text)

    # ── the room ──

    def send(self, frame: bytes) -> None:
        """Send one message to every socket in the room, the sender's included: its echo is its receipt."""
        prepared = prepare(frame)
        for seat in self.seats:
            seat.send_prepared(prepared)

    def enter(self, seat: Seat) -> None:
        """Add a socket and show it who is here."""
        self.seats.add(seat)
        if everyone := self.awareness.everyone():
            seat.send(everyone)

    def leave(self, seat: Seat) -> None:
        """Remove a socket; its cursor stays a little while for its return."""
        self.seats.discard(seat)
        self.awareness.release(seat, time.monotonic())
        self._expire()

    def awareness_changed(self) -> None:
        """Send presence soon: with text that is under way, else at once after a quiet spell or at the room's pace."""
        if self._pending and len(self.seats) <= _CROWD:
            self._presence_waits = True
        elif self._flush is None:
            wait = self._flushed_at + self._limits.awareness_interval_secs - time.monotonic()
            self._flush = asyncio.get_running_loop().call_later(max(0.0, wait), self._flush_awareness)

    def _take_company(self) -> bytes | None:
        """Give the presence that goes out with text.

        A table's may, more often than ``awareness_interval_secs``; a crowd's, which costs its square, keeps the pace.
        """
        if not self._presence_waits:
            return None
        self._presence_waits = False
        now = time.monotonic()
        if now - self._flushed_at < self._limits.awareness_interval_secs * len(self.seats) / _CROWD:
            self.awareness_changed()
            return None
        self._flushed_at = now
        return self.awareness.take_changes()

    def _flush_awareness(self) -> None:
        self._flush = None
        self._flushed_at = time.monotonic()
        if presence := self.awareness.take_changes():
            self.send(presence)

    def _expire(self) -> None:
        """Show who has gone for good, and look again when the next one's time to return is over."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        due = self.awareness.expire(time.monotonic())
        if due is not None:
            self._hold = asyncio.get_running_loop().call_later(due, self._expire)
        self.awareness_changed()

    def close(self, code: int, reason: str, *, only: Iterable[Seat] | None = None) -> None:
        """Close the room's sockets, or some of them."""
        for seat in tuple(self.seats if only is None else only):
            seat.close(code, reason)

    def stop(self) -> None:
        """Drop what is scheduled."""
        for timer in (self._flush, self._hold):
            if timer is not None:
                timer.cancel()
