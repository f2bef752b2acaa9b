"""A live document: what the journal holds of one room's text, and the sockets that share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
import pycrdt
import structlog

from server.core.admission import Admitted, Holdings, foreign_client, stands_apart
from server.core.admission import Limits as AdmissionLimits
from server.core.update import Update, decode_update
from server.core.wire import encode_sync_step2, encode_update
from server.errors import Forbidden, Malformed, Refused, Unavailable
from server.hub.awareness import RoomAwareness
from server.hub.company import Company, Pace
from server.hub.frozen import FrozenRoom, freeze_holdings, thaw_holdings
from server.hub.transport import prepare
from server.metrics import Metrics
from server.settings import Limits

log = structlog.get_logger(__name__)

_APPLY_TOGETHER = 16
"""So many updates are merged and applied at once, or fewer when somebody asks for the document: 1.5 µs each against 5.3
one by one (3,200 keystrokes, 2026-11), and never more than 50 µs late."""

EMPTY_STATE_VECTOR = b"\x00"
_KEPT_BYTES = 16_384
"""From this length on the answer to whoever joins is kept for the next: a whole class comes at once, and 100,000
characters with their history take 1 ms to write (2026-11-22, 2 shared cores)."""


class Seat(Protocol):
    """One socket in a room, as the room sees it."""

    author: str

    def send(self, frame: bytes) -> None:
        """Queue one frame."""
        ...

    @property
    def write(self) -> Callable[[bytes], object]:
        """What sends one frame made by ``transport.prepare``; when it is another, ``LiveRoom.rewire`` is called."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        ...


Failed = Callable[[Refused], None]
"""Told why an update that was admitted is not part of the document after all: ``Unavailable`` when it could not be
stored, else because another process was quicker to store what it cannot stand beside."""


class _Pending(msgspec.Struct):
    """An update that was admitted and is on its way through the journal."""

    update: bytes
    contents: Update
    author: str
    new_clients: tuple[int, ...]
    """Client ids that are to be the author's by it."""
    failed: Failed
    admitted_at: float  # monotonic
    holds: bool = True
    """Whether it is sure to count when it comes, unless another's comes before it: see ``LiveRoom._decide``."""


def _too_late() -> Forbidden:
    return Forbidden("Another device was quicker to write under the same number.", reason="another_was_first")


def _merge(updates: Sequence[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)


class LiveRoom:
    """One room's document in memory. All methods are synchronous: one owner, no half-made state between awaits.

    ``admit`` runs ahead of ``apply``: an update is admitted on arrival, and applied and sent when the journal has made
    it durable. After a failed write ``forget`` takes the admission back.

    Other processes admit to the same document, each by what it has received. So whether an entry counts is decided
    when it comes back from the journal, by what came before it there: for every process the same. What was admitted
    here is decided already, as long as nothing of others that it touches comes in between.
    """

    def __init__(self, limits: Limits, metrics: Metrics, pace: Pace, broke: Callable[[], None]) -> None:
        """``pace`` is the one that the presence of all rooms keeps.

        ``broke`` is called when the document engine has failed: the lesson must be read anew from its journal.
        """
        self.broke = broke
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
        self._whole: bytes | None = None
        """The answer to whoever joins, if it is long; until something is added."""
        self._reached: dict[int, int] = {}
        """The clocks that they reach, by client, and perhaps what came before them."""
        self._admitted = Holdings()
        self._must_restore = False
        self._pending: list[_Pending] = []  # few, and a deque takes 0.7 kB a room
        self._beginnings: dict[int, int] | None = None
        """Where, by client, what is pending begins; known while ``apply`` needs it."""
        self.owners: dict[int, str] = {}
        """Author of each Yjs client id whose text is durable."""
        self.shown: tuple[str, str] | None = None
        """The text as the class was last shown it, and that as HTML (``web.views``): 7 ms for 3,000 characters."""
        self.seats: set[Seat] = set()
        self._writes: list[Callable[[bytes], object]] | None = None
        """Those of the seats, as long as they are known."""
        self.awareness = RoomAwareness(limits.awareness_hold_secs, limits.awareness_state_bytes)
        self.company = Company(self.awareness, self.seats, pace, self.send, self._text_comes)

    # ── the document ──

    def admit(self, update: bytes, author: str, failed: Failed, *, writable: bool) -> Admitted | Refused:
        """Check an update against what is held and what is on its way. The caller journals it when it ``is_new``.

        Where the room is not ``writable``, only what repeats the document is admitted: every handshake does that.
        Everyone in the room hears the client id of whoever comes: until they write, it is theirs by their presence.
        """
        admitted = self._holdings().admit(update, author, self._admission, writable=writable)
        if isinstance(admitted, Admitted) and admitted.is_new:
            contents = admitted.update
            claimed = self._claimed(contents, author)
            if any(self.awareness.speaker(client) not in (None, author) for client in claimed):
                self._must_restore = True
                return foreign_client()
            self._pending.append(_Pending(update, contents, author, claimed, failed, time.monotonic()))
        return admitted

    def apply(self, updates: Sequence[tuple[str, bytes]]) -> float:
        """Apply durable updates ``(author, update)`` in the journal's order, and send them to everyone as one frame.

        Returns how many seconds ago the oldest of those was admitted that were admitted here.
        """
        now = time.monotonic()
        slowest = 0.0
        counted = 0
        together: list[bytes] = []
        apart: list[list[bytes]] = []
        self._beginnings = None
        self._holdings()
        for author, update in updates:
            own = self._take_pending(author, update)
            if own is not None and now - own.admitted_at > slowest:
                slowest = now - own.admitted_at
            contents = own.contents if own is not None and own.holds else self._decide(author, update)
            if contents is None:
                if own is not None:
                    own.failed(_too_late())
                continue
            for client in own.new_clients if own is not None else self._claimed(contents, author):
                # What is all covered by another's counts, as a repetition; but its author's page shows other words.
                if self.owners.setdefault(client, author) != author and own is not None:
                    own.failed(_too_late())
            if self._says_again(contents):
                self._apply()
                self._reached = {struct.client: struct.clock + struct.length for struct in contents.structs}
                apart.append(together)
                together = []
            self._unapplied.append(update)
            together.append(update)
            counted += 1
        if not counted:
            return slowest
        self._metrics.updates.value += counted
        if len(self._unapplied) >= _APPLY_TOGETHER:
            self._apply()
        if self.seats:
            frame = b"".join([prepare(encode_update(_merge(each))) for each in (*apart, together) if each])
            # The writer's cursor arrived with its text: in one write to each socket the two cost little more than one.
            if (presence := self.company.take_with_text()) is not None:
                frame += prepare(presence)
            self._write(frame)
        return slowest

    def _claimed(self, contents: Update, author: str) -> tuple[int, ...]:
        """Name the client ids of an admitted update that are its author's, and not durable yet."""
        owners, admitted = self.owners, self._admitted.owners
        for struct in contents.structs:
            if struct.client not in owners:
                break
        else:
            return ()  # as with every key but the first
        clients = [struct.client for struct in contents.structs]
        return tuple([client for client in clients if client not in owners and admitted.get(client) == author])

    def _take_pending(self, author: str, update: bytes) -> _Pending | None:
        """Give what was admitted here and is now durable; None for what another process admitted, and for history."""
        if not self._pending:
            return None
        head = self._pending[0]
        if head.update != update or head.author != author:
            return None
        self._pending.pop(0)
        if not head.holds:
            self._beginnings = None
        elif self._beginnings is not None:
            for struct in head.contents.structs:
                self._beginnings[struct.client] = struct.clock + struct.length
        return head

    def _says_again(self, contents: Update) -> bool:
        """Tell whether an update says something again of units that came just before it, and reach where it ends.

        What stands there came first. Merged, nobody knows which of the two would: a forger could turn text into its
        collected remains, and with it what others wrote beside it; and each process merges other updates.
        """
        reached = self._reached
        again = False
        for struct in contents.structs:
            again = again or struct.clock < reached.get(struct.client, 0)
            reached[struct.client] = struct.clock + struct.length
        return again

    def _apply(self) -> None:
        """Bring the document up to date."""
        if unapplied := self._unapplied:
            self._unapplied = []
            self._whole = None
            try:
                self._document.apply_update(_merge(unapplied))
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # pyo3's: it can be imported from nowhere
                    raise
                # Not one more call: using a document after a panic can end the process.
                self._document = pycrdt.Doc()
                self._text = self._document.get("summary", type=pycrdt.Text)
                self.broke()
                raise Unavailable("This text is being read again. Try again in a moment.", reason="panic") from None

    def _decide(self, author: str, update: bytes) -> Update | None:
        """Decide whether an entry counts, by what came before it in the journal; None when it does not."""
        contents = decode_update(update)
        if isinstance(contents, Malformed):
            return None
        holdings = self._holdings()
        if not self._pending:
            return contents if holdings.count(contents, author) else None
        if self._beginnings is None:
            self._beginnings = {}
            for pending in self._pending:
                for struct in pending.contents.structs:
                    clock = self._beginnings.get(struct.client, struct.clock)
                    self._beginnings[struct.client] = min(clock, struct.clock)
        if stands_apart(contents, self._beginnings):
            return contents if holdings.count(contents, author) else None
        # It meets text that is on its way from here, but came first: that text gives way, as in every other process.
        holdings = self._admitted = self._durable()
        counts = holdings.count(contents, author)
        self._admit_pending()
        return contents if counts else None

    def forget(self, update: bytes) -> None:
        """Take back the admission of an update that could not be stored."""
        for index, pending in enumerate(self._pending):
            if pending.update is update:
                del self._pending[index]
                break
        self._must_restore = True
        if not self._pending:
            self.company.text_failed()

    def _holdings(self) -> Holdings:
        """Give what has been admitted, made anew if something was taken back: once for all that failed together."""
        if self._must_restore:
            self._must_restore = False
            self._admitted = self._durable()
            self._admit_pending()
        return self._admitted

    def _durable(self) -> Holdings:
        """Give what is held of what is durable, as if nothing had ever been on its way."""
        self._apply()
        return self._admitted.part(self._document.get_update(), self.owners)

    def _admit_pending(self) -> None:
        for pending in self._pending:
            pending.holds = self._admitted.count(pending.contents, pending.author)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is on its way, so that what is admitted and what is durable are the same."""
        return not self._pending and not self._must_restore

    def freeze(self) -> FrozenRoom:
        """Give a copy of what is durable. The room must be ``at_rest``."""
        self._apply()
        return FrozenRoom(self._document.get_update(), freeze_holdings(self._admitted))

    def thaw(self, frozen: FrozenRoom) -> None:
        """Begin from a copy. Raises ValueError for one that is damaged; the room is of no use then."""
        self._admitted = thaw_holdings(frozen.holdings)
        self.owners = dict(self._admitted.owners)
        self._document.apply_update(frozen.update)

    def update_since(self, state_vector: bytes) -> bytes:
        """Give the sync step 2 frame for a peer with this state vector. Raises ValueError for bytes that are none."""
        self._apply()
        if state_vector == EMPTY_STATE_VECTOR and self._whole is not None:
            return self._whole
        answer = encode_sync_step2(self._document.get_update(state_vector))
        if state_vector == EMPTY_STATE_VECTOR and len(answer) >= _KEPT_BYTES:
            self._whole = answer
        return answer

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

    def _text_comes(self) -> bool:
        return bool(self._pending)

    # ── the room ──

    def send(self, frame: bytes) -> None:
        """Send one message to every socket in the room, the sender's included: its echo is its receipt."""
        self._write(prepare(frame))

    def _write(self, prepared: bytes) -> None:
        if self._writes is None:
            self._writes = [seat.write for seat in self.seats]
        for write in self._writes:
            write(prepared)

    def rewire(self) -> None:
        """Ask the seats anew how they are written to."""
        self._writes = None

    def enter(self, seat: Seat) -> None:
        """Add a socket and show it who is here."""
        self.seats.add(seat)
        self.rewire()
        if everyone := self.awareness.everyone():
            seat.send(everyone)

    def leave(self, seat: Seat) -> None:
        """Remove a socket; its cursor stays a little while for its return."""
        self.seats.discard(seat)
        self.rewire()
        self.awareness.release(seat, time.monotonic())
        self.company.look_again()

    def close(self, code: int, reason: str, *, only: Iterable[Seat] | None = None) -> None:
        """Close the room's sockets, or some of them."""
        for seat in tuple(self.seats if only is None else only):
            seat.close(code, reason)

    def stop(self) -> None:
        """Drop what is scheduled."""
        self.company.stop()
