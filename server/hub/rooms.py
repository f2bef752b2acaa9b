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

_COMPANY_SECS = 0.015
"""How long presence waits for text that is on its way through the journal; a commit takes a third of it."""
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
        self._admitted = Holdings()
        self._must_restore = False
        self._pending: deque[_Pending] = deque()
        self.owners: dict[int, str] = {}
        """Author of each Yjs client id whose text is durable."""
        self.seats: set[Seat] = set()
        self.awareness = RoomAwareness(limits.awareness_hold_secs, limits.awareness_state_bytes)
        self._flush: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0

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
        self._metrics.updates.inc(len(applied))
        if slowest:
            self._metrics.echo_seconds.observe(slowest)
        merged = applied[0] if len(applied) == 1 else pycrdt.merge_updates(*applied)
        self._document.apply_update(merged)
        if self.seats:
            frame = prepare(encode_update(merged))
            # The writer's cursor arrived with its text: in one write to each socket the two cost little more than one.
            if self._flush is not None and self._presence_may_go() and (presence := self._take_presence()):
                frame += prepare(presence)
            for seat in self.seats:
                seat.send_prepared(frame)

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

    def _holdings(self) -> Holdings:
        """Give what has been admitted, made anew if something was taken back: once for all that failed together."""
        if self._must_restore:
            self._must_restore = False
            self._admitted = Holdings.restore(self._document.get_update(), self.owners, UNLIMITED)
            for pending in self._pending:
                self._admitted.admit(pending.update, pending.author, UNLIMITED)
        return self._admitted

    def update_since(self, state_vector: bytes) -> bytes:
        """Give the sync step 2 frame for a peer with this state vector. Raises ValueError for bytes that are none."""
        return encode_sync_step2(self._document.get_update(state_vector))

    @property
    def state_vector(self) -> bytes:
        """What is durable of the document, as a Yjs state vector."""
        return self._document.get_state()

    @property
    def text(self) -> str:
        """The text as it stands."""
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
        loop = asyncio.get_running_loop()
        self.awareness.release(seat, loop.time())
        self.awareness_changed()

    def awareness_changed(self) -> None:
        """Send presence soon: with text that is under way, else at once after a quiet spell or at the room's pace."""
        if self._flush is None:
            loop = asyncio.get_running_loop()
            wait = self._flushed_at + self._limits.awareness_interval_secs - loop.time()
            self._flush = loop.call_later(max(_COMPANY_SECS if self._pending else 0.0, wait), self._flush_awareness)

    def _presence_may_go(self) -> bool:
        """Tell whether presence may go with text. A table's does; a crowd's, which costs its square, keeps the pace."""
        since = asyncio.get_running_loop().time() - self._flushed_at
        return since >= self._limits.awareness_interval_secs * min(1.0, len(self.seats) / _CROWD)

    def _flush_awareness(self) -> None:
        if presence := self._take_presence():
            self.send(presence)

    def _take_presence(self) -> bytes | None:
        loop = asyncio.get_running_loop()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._flushed_at = loop.time()
        due = self.awareness.expire(self._flushed_at)
        if due is not None:
            self._flush = loop.call_later(due, self._flush_awareness)
        return self.awareness.take_changes()

    def close(self, code: int, reason: str, *, only: Iterable[Seat] | None = None) -> None:
        """Close the room's sockets, or some of them."""
        for seat in tuple(self.seats if only is None else only):
            seat.close(code, reason)

    def stop(self) -> None:
        """Drop what is scheduled."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
