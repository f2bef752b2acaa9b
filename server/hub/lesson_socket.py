"""The lesson socket: JSON messages that keep one browser's view of the lesson up to date.

The view of each role is computed afresh and compared with what was last sent; the difference goes out as a JSON merge
patch (RFC 7386). So what a person may see is decided in one place, ``core.views``, and there are no events to filter.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from starlette.websockets import WebSocket

from server.bus import Bus, Subscription
from server.clock import now_ms
from server.core.commands import UNREADABLE, Actor, AnyCommand, decode_command
from server.core.patch import JSON, JSONObject, difference
from server.core.views import participant_view, projector_view, teacher_view
from server.errors import Malformed, NotSignedIn, Refused, TooFast
from server.hub.connection import Connection, RateLimit
from server.hub.lessons import LiveLesson
from server.hub.transport import Payload
from server.metrics import Metrics
from server.settings import Limits

Extend = Callable[[LiveLesson, Actor, JSONObject], None]
"""Adds to a view what only the server's edge knows: rendered text, join addresses."""
Execute = Callable[[str, AnyCommand, Actor], Awaitable[None]]
Say = Callable[[Refused], str]
"""Gives a refusal's sentence in the language of whoever is at the other end."""

_COMMANDS_AT_ONCE = 32


def figures_topic(lesson: str) -> str:
    """Name the bus topic on which the moderator publishes ``{figures, triage}`` as JSON, whole."""
    return f"figures:{lesson}"


class _Message(msgspec.Struct):
    type: str
    id: int | None = None


_message_decoder = msgspec.json.Decoder(_Message)


class LessonSocket:
    """One person's connection to a lesson."""

    def __init__(
        self,
        websocket: WebSocket,
        lesson: LiveLesson,
        actor: Actor,
        *,
        limits: Limits,
        metrics: Metrics,
        bus: Bus,
        execute: Execute,
        extend: Extend,
        say: Say,
        figures: Callable[[str], bytes | None],
    ) -> None:
        self.actor = actor
        self._lesson = lesson
        self._limits = limits
        self._bus = bus
        self._execute = execute
        self._extend = extend
        self._say = say
        self._latest_figures = figures
        self._figures: JSONObject = {}
        self._subscription: Subscription | None = None
        self._ended: Callable[[], None]
        self._commands = RateLimit(limits.command_rate, limits.command_burst, time.monotonic())
        self._under_way = 0
        self._shown: JSONObject | None = None
        self._connection = Connection(
            websocket,
            kind="lesson",
            limits=limits,
            metrics=metrics,
            catch_up=self._whole_state,
            message_rate=(limits.command_rate * 2, limits.command_burst * 2),
        )

    def start(self, ended: Callable[[], None]) -> None:
        """Run the accepted websocket from now to its end; then call ``ended``."""
        self._ended = ended
        role = self.actor.role
        if role == "participant":
            own = sum(watcher.actor == self.actor for watcher in self._lesson.audience.watchers)
            if own >= self._limits.connections_per_participant:
                self._connection.refuse(TooFast("Too many open windows of this lesson.", reason="connections"))
        if role == "teacher":
            self._subscription = self._bus.subscribe(figures_topic(self._lesson.id), self._receive_figures)
            latest = self._latest_figures(self._lesson.id)
            if latest is not None:
                self._figures = msgspec.json.decode(latest)
        if not self._connection.closed:
            self._lesson.arrive(self)
            self.show()
            if not self._lesson.stored:
                self.show_storage(False)
        self._connection.start(self._receive, self._end)

    def _end(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
        if self in self._lesson.audience.watchers:
            self._lesson.depart(self)
        ended, self._ended = self._ended, lambda: None  # which leads back here by way of a subscription
        ended()

    # ── out ──

    def show(self) -> None:
        """Send what has changed in this person's view."""
        view = self._view()
        if self._shown is None:
            self._send({"type": "state", "state": view, "now": now_ms()})
        else:
            patch = difference(self._shown, view)
            if not patch:
                return
            self._send({"type": "change", "patch": patch, "now": now_ms()})
        self._shown = view

    def show_storage(self, ok: bool) -> None:
        """Say whether writing works; a browser shows "not saved" until it does."""
        self._send({"type": "storage", "ok": ok})

    def dismiss(self, code: str, why: Refused) -> None:
        """Say goodbye for good and close."""
        self._send({"type": "bye", "code": code, "message": self._say(why)})
        self._connection.close(NotSignedIn.close_code, why.message)

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        self._connection.close(code, reason)

    def _view(self) -> JSONObject:
        match self.actor.role:
            case "teacher":
                view = teacher_view(self._lesson.state)
            case "participant":
                view = participant_view(self._lesson.state, self.actor.participant or "")
            case _:
                view = projector_view(self._lesson.state)
        self._extend(self._lesson, self.actor, view)
        if self.actor.role == "teacher":
            view.update(self._figures)
        return view

    def _whole_state(self) -> Iterable[Payload]:
        self._shown = self._view()
        yield _encode({"type": "state", "state": self._shown, "now": now_ms()})
        yield _encode({"type": "storage", "ok": self._lesson.stored})

    def _receive_figures(self, payload: bytes) -> None:
        self._figures = msgspec.json.decode(payload)
        self.show()

    def _send(self, message: JSON) -> None:
        self._connection.send(_encode(message))

    # ── in ──

    def _receive(self, frame: Payload) -> None:
        data = frame if isinstance(frame, str) else frame.decode(errors="replace")
        try:
            message = _message_decoder.decode(data)
        except UNREADABLE as error:
            raise Malformed("This is not a message: {error}.", error=str(error)) from None
        if message.type == "ping":
            self._send({"type": "pong"})
            return
        if not self._commands.take(time.monotonic()):
            self._answer(message.id, TooFast("Slow down a little, then try again."))
            return
        if self._under_way >= _COMMANDS_AT_ONCE:
            self._answer(message.id, TooFast("The server has not caught up yet. Try again in a moment."))
            return
        command = decode_command(_without_id(data))
        if isinstance(command, Refused):
            self._answer(message.id, command)
            return
        self._under_way += 1
        self._lesson.spawn(self._carry_out(command, message.id))

    async def _carry_out(self, command: AnyCommand, id_: int | None) -> None:
        try:
            await self._execute(self._lesson.id, command, self.actor)
        except Refused as refused:
            self._answer(id_, refused)
        else:
            self.show()  # so that "done" comes after what was done
            self._answer(id_, None)
        finally:
            self._under_way -= 1

    def _answer(self, id_: int | None, refused: Refused | None) -> None:
        if refused is not None:
            self._send({"type": "error", "re": id_, "code": refused.code, "message": self._say(refused)})
        elif id_ is not None:
            self._send({"type": "done", "re": id_})


def _encode(message: JSON) -> str:
    return msgspec.json.encode(message).decode()


def _without_id(data: str) -> bytes:
    """Give the command's JSON without the number that only pairs the answer with it."""
    fields = msgspec.json.decode(data)
    fields.pop("id", None)
    return msgspec.json.encode(fields)
