"""The document socket: the y-websocket protocol over one room.

Binary frames, one message a frame, never an empty or a text frame: any of these ends a stock client.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Iterable, Sequence

from starlette.websockets import WebSocket

from server.clock import now_ms
from server.core.commands import Actor
from server.core.events import TEACHER_AUTHOR
from server.core.wire import (
    AwarenessQuery,
    AwarenessState,
    AwarenessUpdate,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode_message,
    encode_awareness,
    encode_sync_step1,
    encode_var_uint,
    first_awareness_client,
)
from server.errors import Forbidden, Malformed, Refused, TooFast, Unavailable
from server.hub.awareness import Face
from server.hub.connection import Connection, RateLimit
from server.hub.inbox import Inbox
from server.hub.lessons import LiveLesson
from server.hub.rooms import EMPTY_STATE_VECTOR
from server.hub.transport import Payload
from server.metrics import Metrics
from server.settings import Limits

_CLIENT_AT = 4
"""Where a cursor's frame names its client: after the kind, a length of two bytes and a count."""
_BUILDS_ON_MISSING = frozenset({"gap", "unknown_origin", "unknown_deletion"})
"""Reasons to refuse what an answer to our sync step 1 that is still under way may make whole."""


class DocumentSocket:
    """One person's connection to one room's text."""

    def __init__(
        self,
        websocket: WebSocket,
        lesson: LiveLesson,
        room: str,
        actor: Actor,
        *,
        limits: Limits,
        metrics: Metrics,
        inbox: Inbox,
    ) -> None:
        self.actor = actor
        self.room = room
        self.author = TEACHER_AUTHOR if actor.role == "teacher" else actor.participant or actor.role
        self._lesson = lesson
        self._live = lesson.room(room)
        self._limits = limits
        self._updates = RateLimit(limits.update_rate, limits.update_burst, time.monotonic())
        self._questions = RateLimit(limits.question_rate, limits.question_burst, time.monotonic())
        self._peer_state_vector = EMPTY_STATE_VECTOR
        self._may_write = actor.role in {"teacher", "participant"}
        self._awareness_client: int | None = None
        self._own_client = b""  # the same, as it is written
        self._away_since_ms: int | None = None  # text that comes in a sync step 2 was written since then
        self._resyncing = False
        self._asked = False  # our step 1 is on its way, and the peer's step 2 has not come yet
        self._early: list[bytes] = []  # updates that came before that answer and build on what it brings
        self._early_bytes = 0
        self._held: list[bytes] = []  # what builds on text that may be durable but is not here, and all after it
        self._held_bytes = 0
        self._caught_up = False
        self._patience: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._connection = Connection(
            websocket,
            kind="document",
            limits=limits,
            metrics=metrics,
            catch_up=self._catch_up,
            message_rate=(limits.message_rate, limits.message_burst),
            inbox=inbox,
            rewired=self._live.rewire,
        )
        self.send = self._connection.send

    @property
    def unsaved(self) -> bool:
        """Whether text of this person could not be stored and has not arrived again."""
        return self._resyncing

    @property
    def write(self) -> Callable[[bytes], object]:
        """What sends one frame made by ``transport.prepare``, until the room is told that it is another."""
        return self._connection.write

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        self._connection.close(code, reason)

    def start(self) -> None:
        """Run the accepted websocket from now to its end."""
        if sum(seat.author == self.author and seat.room == self.room for seat in self._lesson.audience.seats) >= (
            self._limits.connections_per_participant
        ):
            self._connection.refuse(TooFast("Too many open windows of this room.", reason="connections"))
            self._connection.start(self._receive, lambda: None)
            return
        away_secs = self._lesson.enter(self)
        self._away_since_ms = None if away_secs is None else now_ms() - round(away_secs * 1000)
        self._connection.start(self._receive, self._end)

    def _end(self) -> None:
        for timer in (self._retry, self._patience):
            if timer is not None:
                timer.cancel()
        self._lesson.leave(self)

    def _catch_up(self) -> Iterable[Payload]:
        # Everything sent since the peer's last step 1 may have been dropped, so the answer starts there; our own step 1
        # may have been, too.
        yield self._live.update_since(self._peer_state_vector)
        if self._asked:
            yield encode_sync_step1(self._live.state_vector)
        if everyone := self._live.awareness.everyone():
            yield everyone

    def _receive(self, frame: Payload) -> None:
        if isinstance(frame, str):
            raise Malformed("Only binary messages are spoken here.", reason="text_frame")
        if self._held:
            self._hold(frame)
            return
        # Most of what arrives in a lively room is a stock client sending back what it heard of others.
        if frame[0] == 1 and self._own_client and not frame.startswith(self._own_client, _CLIENT_AT):
            client = first_awareness_client(frame)
            if client is not None and client != self._awareness_client:
                return
        try:
            self._receive_now(frame)
        except Malformed as refused:
            if self._caught_up or refused.reason not in _BUILDS_ON_MISSING:
                raise
            # Who was connected to another process until now, or has a second page there, may have from it what this
            # one has not received yet. So first everything has to be here that is durable.
            self._hold(frame)
            self._lesson.spawn(self._receive_held())

    def _hold(self, frame: bytes) -> None:
        self._held_bytes += len(frame)
        if self._held_bytes > 2 * self._limits.frame_bytes:
            raise Unavailable("Storage is behind. Try again in a moment.", reason="behind")
        self._held.append(frame)

    async def _receive_held(self) -> None:
        try:
            await self._lesson.catch_up()
        except Refused as refused:
            self._connection.refuse(refused)
            return
        held, self._held, self._held_bytes = self._held, [], 0
        self._caught_up = True
        self._connection.take(held[0])
        self._caught_up = False
        for frame in held[1:]:
            self._connection.take(frame)

    def _receive_now(self, frame: bytes) -> None:
        message = decode_message(frame)
        match message:
            case SyncUpdate(update):
                # After a failed write the peer's clocks run ahead of what is held, until its step 2 has closed the gap.
                if not self._resyncing:
                    self._receive_typed(update)
            case AwarenessUpdate(states):
                self._receive_awareness(states)
            case Refused():
                raise message
            case SyncStep1(state_vector):
                self._answer_step1(state_vector)
            case SyncStep2(update):
                # First, for a journal that is away says so at once, and then the peer has to be asked again.
                self._resyncing = self._asked = False
                self._receive_offline(update)
                self._receive_early()
            case AwarenessQuery():
                if everyone := self._live.awareness.everyone():
                    self.send(everyone)
            case _:
                pass

    def _answer_step1(self, state_vector: bytes) -> None:
        if not self._questions.take(time.monotonic()):
            raise TooFast("Too many messages at once.", reason="question_rate")
        try:
            answer = self._live.update_since(state_vector)
        except ValueError:
            raise Malformed("This is not a state vector.", reason="state_vector") from None
        self._peer_state_vector = state_vector
        self.send(answer)
        if self._may_write:
            self._ask()

    def _ask(self) -> None:
        self._asked = True
        self.send(encode_sync_step1(self._live.state_vector))

    def _receive_offline(self, update: bytes) -> None:
        """Take what the peer has that the server has not: it was written since then, or since its storing failed."""
        since, self._away_since_ms = self._away_since_ms, None
        try:
            self._receive_update(update, since)
        except Refused:
            self._away_since_ms = since
            raise

    def _receive_update(self, update: bytes, away_since_ms: int | None = None) -> None:
        if not self._updates.take(time.monotonic(), 1 + len(update) // self._limits.update_share_bytes):
            raise TooFast("Too many changes at once.", reason="update_rate")
        if not self._may_write:
            raise Forbidden("This page may read the text but not change it.", reason="read_only")
        if away_since_ms is None:
            self._lesson.admit(self.room, update, self.author, None, self._not_taken)
        else:
            away_secs = max(0.0, (now_ms() - away_since_ms) / 1000)
            failed = functools.partial(self._not_taken, away_since_ms=away_since_ms)
            self._lesson.admit(self.room, update, self.author, away_secs, failed)

    def _receive_typed(self, update: bytes) -> None:
        """Take a change as it is made.

        A stock client that comes back with text written offline goes on typing before it has been asked for that text:
        the change leaves a gap until the answer is here. So it waits for the answer, though not for ever.
        """
        try:
            self._receive_update(update)
        except Malformed as refused:
            self._early_bytes += len(update)
            if (
                not self._asked
                or refused.reason not in _BUILDS_ON_MISSING
                or (self._early_bytes > self._limits.update_bytes)
            ):
                raise
            self._early.append(update)
            if self._patience is None:
                loop = asyncio.get_running_loop()
                self._patience = loop.call_later(self._limits.handshake_secs, self._connection.refuse, refused)

    def _receive_early(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        while self._early and not self._resyncing:
            self._receive_update(self._early[0])
            del self._early[0]
        self._early.clear()  # what is left comes with the answer that the peer is asked for again
        self._early_bytes = 0

    def _not_taken(self, refused: Refused, away_since_ms: int | None = None) -> None:
        """Have the peer asked again, later, for what could not be stored.

        What gave way to another's text stays refused: the page then opens the room's true text.
        """
        if not isinstance(refused, Unavailable):
            self._connection.refuse(refused)
            return
        # A page that came back before the end of its old socket was noticed has repeated on the new one what fails on
        # the old, and the old one's peer is not there any more.
        for seat in self._live.seats:
            if isinstance(seat, DocumentSocket) and seat.author == self.author:
                seat.ask_later(now_ms() if away_since_ms is None else away_since_ms)

    def ask_later(self, away_since_ms: int) -> None:
        """Ask the peer again for what it has, written since then; until its answer its updates would leave a gap."""
        self._resyncing = True
        if self._away_since_ms is None or self._away_since_ms > away_since_ms:
            self._away_since_ms = away_since_ms
        if self._retry is None:
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(self._limits.storage_retry_secs, self._ask_again)

    def _ask_again(self) -> None:
        self._retry = None
        self._ask()

    def _receive_awareness(self, states: Sequence[AwarenessState]) -> None:
        if not states:
            return
        if not self._may_write:
            # The room does not see who only reads. Its own echo is its heartbeat.
            if self._awareness_client in {None, states[0].client}:
                self._speak_for(states[0].client)
                self.send(encode_awareness(states[:1]))
            return
        if self._awareness_client is None:
            # A stock client speaks of itself alone first, and of everyone it has heard of later.
            client = states[0].client
            owner = self._live.owners.get(client)
            if owner is not None and owner != self.author:
                raise Forbidden("This client id is another's.", reason="foreign_client")
            self._speak_for(client)
        for state in states:
            if state.client == self._awareness_client:
                if self._live.awareness.receive(self, state, self._face):
                    self._live.company.changed()
                return

    def _speak_for(self, client: int) -> None:
        self._awareness_client = client
        self._own_client = encode_var_uint(client)

    def _face(self) -> Face:
        return self._lesson.face(self.author, self.room)
