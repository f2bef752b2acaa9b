"""What people can ask for.

A *command* is a wish in the imperative: it comes from the network, is validated while it is decoded, and is never
stored. What becomes of it are ``events``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from server.core.events import Grouping, HelpReason, Kind, Pulse
from server.errors import Malformed

# Sizes in Unicode characters. A name must fit on a seat, a task on a projector, a message on a phone.
Title = Annotated[str, Meta(min_length=1, max_length=120)]
PersonName = Annotated[str, Meta(min_length=1, max_length=40)]
RoomName = Annotated[str, Meta(min_length=1, max_length=60)]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Message = Annotated[str, Meta(min_length=1, max_length=1000)]
Prose = Annotated[str, Meta(max_length=4000)]
Text = Annotated[str, Meta(max_length=20_000)]
RoomCount = Annotated[int, Meta(ge=1, le=60)]  # a hall of 300 in fives
Minutes = Annotated[int, Meta(ge=1, le=300)]
Seconds = Annotated[int, Meta(ge=5, le=5 * 60 * 60)]
Identifier = Annotated[str, Meta(min_length=1, max_length=40)]
Criteria = Annotated[tuple[Line, ...], Meta(max_length=12)]
Starters = Annotated[tuple[Line, ...], Meta(max_length=12)]


class Actor(msgspec.Struct, frozen=True):
    """Who asks, from the server's own knowledge: a verified token, never a field of the request.

    ``participant`` is set for a participant (their own id) and a guardian (their child's id), else None.
    """

    role: Literal["teacher", "participant", "projector", "guardian"]
    participant: str | None = None


TEACHER = Actor("teacher")


class Command(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """Something a person asks for."""


class OpenRooms(Command, frozen=True, tag="open_rooms"):
    """Start work: seat everyone who has no room yet, and open the texts. Also goes on after ``gather``."""


class Assign(Command, frozen=True, tag="assign"):
    """Seat several people at once; null sends a person back to the lobby."""

    assignments: dict[Identifier, Identifier | None]


class Move(Command, frozen=True, tag="move"):
    participant: Identifier
    room: Identifier | None


class Regroup(Command, frozen=True, tag="regroup"):
    """Seat everybody anew. ``roster`` is text, one ``name, group`` a line; ``home`` is the second half of a jigsaw."""

    by: Literal["random", "balanced", "roster", "home"] = "random"
    roster: Text = ""


class Rename(Command, frozen=True, tag="rename"):
    """Rename a room, or (participant set) a person."""

    name: RoomName
    room: Identifier | None = None
    participant: Identifier | None = None


class AddRoom(Command, frozen=True, tag="add_room"):
    name: RoomName | None = None
    topic: Prose = ""


class CloseRoom(Command, frozen=True, tag="close_room"):
    room: Identifier


class Remove(Command, frozen=True, tag="remove"):
    """Take a person out of the lesson; their sockets close at once and their token opens nothing."""

    participant: Identifier


class StartTimer(Command, frozen=True, tag="start_timer"):
    seconds: Seconds


class ExtendTimer(Command, frozen=True, tag="extend_timer"):
    seconds: Seconds = 60


class StopTimer(Command, frozen=True, tag="stop_timer"):
    pass


class Lock(Command, frozen=True, tag="lock"):
    room: Identifier | None = None


class Unlock(Command, frozen=True, tag="unlock"):
    room: Identifier | None = None


class Broadcast(Command, frozen=True, tag="broadcast"):
    text: Message


class Nudge(Command, frozen=True, tag="nudge"):
    """A private word to one room or one person."""

    text: Message
    room: Identifier | None = None
    participant: Identifier | None = None


class Spotlight(Command, frozen=True, tag="spotlight"):
    room: Identifier | None


class Visit(Command, frozen=True, tag="visit"):
    room: Identifier | None


class Measure(Command, frozen=True, tag="measure"):
    participant: Identifier
    measured: bool


class ShareRecord(Command, frozen=True, tag="share_record"):
    """Let students see their own record of participation, or no longer."""

    on: bool


class Prompt(Command, frozen=True, tag="prompt"):
    """A question to the rooms named, else to those with a sign at this moment, else to every open room (P19).

    The figures that ``sign`` asks about are not the lesson's: ``web`` turns it into rooms before it is decided.
    """

    text: Message
    rooms: Annotated[tuple[Identifier, ...], Meta(max_length=200)] = ()
    sign: Kind | None = None


class RotateRoles(Command, frozen=True, tag="rotate_roles"):
    """Give everyone in a room, or in all, the next role."""

    room: Identifier | None = None


class SwapAndBuild(Command, frozen=True, tag="swap_and_build"):
    """Ask each member to extend the paragraph of the classmate who comes next round the table."""

    room: Identifier


class CardCommand(Command, frozen=True, tag="card"):
    """Lower or raise the challenge for one room."""

    room: Identifier
    kind: Literal["hint", "stretch"]
    text: Annotated[str, Meta(min_length=1, max_length=4000)]


class Gather(Command, frozen=True, tag="gather"):
    pass


class End(Command, frozen=True, tag="end"):
    pass


class Chat(Command, frozen=True, tag="chat"):
    """Room talk: a participant speaks in their own room, the teacher names one."""

    text: Message
    room: Identifier | None = None


class Hand(Command, frozen=True, tag="hand"):
    """Ask for help; ``lower_hand`` takes it back."""

    reason: HelpReason = "stuck"
    note: Annotated[str, Meta(max_length=200)] = ""


class LowerHand(Command, frozen=True, tag="lower_hand"):
    """Lower one's own hand; the teacher names whose has been answered."""

    participant: Identifier | None = None


class Ready(Command, frozen=True, tag="ready"):
    ready: bool = True


class Choose(Command, frozen=True, tag="choose"):
    """Take a seat in a room of one's own choice, where groups choose themselves."""

    room: Identifier


class Agreement(Command, frozen=True, tag="agreement"):
    """Mark an agreed criterion as met in one's room, or take the mark away."""

    criterion: Annotated[int, Meta(ge=0, le=11)]
    met: bool


class PulseCommand(Command, frozen=True, tag="pulse"):
    pulse: Pulse


class Answer(Command, frozen=True, tag="answer"):
    """Say something about one's own record, for the teacher; nothing takes it back."""

    text: Annotated[str, Meta(max_length=200)]


class Leave(Command, frozen=True, tag="leave"):
    """Leave the lesson for good on this device."""


AnyCommand = (
    OpenRooms
    | Assign
    | Move
    | Regroup
    | Rename
    | AddRoom
    | CloseRoom
    | Remove
    | StartTimer
    | ExtendTimer
    | StopTimer
    | Lock
    | Unlock
    | Broadcast
    | Nudge
    | Spotlight
    | Visit
    | Measure
    | ShareRecord
    | Prompt
    | RotateRoles
    | SwapAndBuild
    | CardCommand
    | Gather
    | End
    | Chat
    | Hand
    | LowerHand
    | Ready
    | Choose
    | Agreement
    | PulseCommand
    | Answer
    | Leave
)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON raises: of the first kind is a field that does not fit, of the last a thousand brackets deep."""

_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def decode_command(data: bytes | str) -> AnyCommand | Malformed:
    """Decode and validate a command from JSON ``{"type": …, …}``; the refusal's message names the field at fault."""
    try:
        return _command_decoder.decode(data)
    except UNREADABLE as error:
        return Malformed("This request does not fit: {error}.", error=str(error))


class RoomDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: RoomName
    topic: Prose = ""


class LessonDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/lessons``: ``rooms``, or ``room_count``, or a ``roster`` that names the rooms."""

    title: Title
    task: Prose = ""
    rooms: Annotated[tuple[RoomDraft, ...], Meta(max_length=60)] = ()
    room_count: RoomCount | None = None
    grouping: Grouping = "random"
    criteria: Criteria = ()
    starters: Starters = ()
    minutes: Minutes | None = None
    roster: Text = ""
    template: Text = ""
    participation: bool = True
    language: Literal["en", "ar"] = "en"
    hint: Prose = ""
    stretch: Prose = ""


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /api/join``. Whether the name will do is for ``names`` to say, in words for who typed it."""

    code: Annotated[str, Meta(min_length=1, max_length=20)]
    name: str


T = TypeVar("T")


def decode_as(kind: type[T], data: bytes) -> T | Malformed:
    """Decode a JSON request body of the given kind."""
    try:
        return msgspec.json.decode(data, type=kind)
    except UNREADABLE as error:
        return Malformed("This request does not fit: {error}.", error=str(error))
