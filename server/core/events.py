"""What can happen in a lesson, and what people can ask for.

An *event* is a fact in the past tense: it stands in the journal for as long as the lesson is kept, so a field is never
renamed or given another meaning; new fields have defaults, and a changed meaning gets a new event. A *command* is a
wish in the imperative: it comes from the network, is validated while it is decoded, and is never stored.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

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

Grouping = Literal["random", "self", "teacher", "roster", "jigsaw"]
HelpReason = Literal["stuck", "check", "disagree", "other"]
Pulse = Literal["too_easy", "right", "too_hard"]
MessageKind = Literal["broadcast", "nudge", "prompt", "swap", "hint", "stretch"]
Role = Literal["facilitator", "scribe", "source_checker", "questioner", "timekeeper"]
Kind = Literal[
    "help", "quiet", "one_voice", "unheard", "pulse", "leaning", "parallel", "not_started", "done", "under_way"
]
"""Why a room needs the teacher, the most needed first (P16)."""


class Actor(msgspec.Struct, frozen=True):
    """Who asks, from the server's own knowledge: a verified token, never a field of the request.

    ``participant`` is set for a participant (their own id) and a guardian (their child's id), else None.
    """

    role: Literal["teacher", "participant", "projector", "guardian", "system"]
    participant: str | None = None


TEACHER = Actor("teacher")
SYSTEM = Actor("system")
TEACHER_AUTHOR = "teacher"
"""The author under which the teacher's edits of a text stand; participants' ids never equal it (P3)."""
SYSTEM_AUTHOR = "system"
"""The author of template text (P3)."""


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Event(msgspec.Struct, frozen=True, tag_field="type"):
    """Something that happened. Its time and order are the journal entry's."""


class LessonCreated(Event, frozen=True, tag="lesson_created"):
    title: str
    code: str
    task: str = ""
    criteria: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()
    grouping: Grouping = "random"
    minutes: int | None = None
    participation: bool = True
    template: str = ""
    roster: dict[str, str] = {}
    language: str = "en"
    demonstration: bool = False
    hint: str = ""
    """A prepared card for those who find the task hard; ``stretch`` is one for those who find it easy (P19)."""
    stretch: str = ""


class RoomAdded(Event, frozen=True, tag="room_added"):
    room: str
    name: str
    topic: str = ""


class RoomRenamed(Event, frozen=True, tag="room_renamed"):
    room: str
    name: str


class RosterSet(Event, frozen=True, tag="roster_set"):
    """From now on who joins under a name on the roster sits in its room."""

    roster: dict[str, str]  # key of a name (``names.key``) -> room id


class RoomClosed(Event, frozen=True, tag="room_closed"):
    """The room takes nobody any more; its text stays. Its members' new seats are events before this one."""

    room: str


class ParticipantJoined(Event, frozen=True, tag="participant_joined"):
    participant: str
    name: str


class ParticipantRenamed(Event, frozen=True, tag="participant_renamed"):
    participant: str
    name: str


class ParticipantLeft(Event, frozen=True, tag="participant_left"):
    """Left for good, by their own wish or removed by the teacher; the token no longer opens anything."""

    participant: str
    removed: bool = False


class Seated(Event, frozen=True, tag="seated"):
    """A place: ``room`` None is the lobby. ``seat`` 1… is unique in the room, kept there, and makes the colour."""

    participant: str
    room: str | None
    seat: int = 0


class RoomsOpened(Event, frozen=True, tag="rooms_opened"):
    """Work begins, or goes on after gathering."""


class Gathered(Event, frozen=True, tag="gathered"):
    """Everyone looks at the front; texts are read-only until rooms open again."""


class LessonEnded(Event, frozen=True, tag="lesson_ended"):
    pass


class TimerStarted(Event, frozen=True, tag="timer_started"):
    ends_at: int  # ms since the epoch


class TimerExtended(Event, frozen=True, tag="timer_extended"):
    ends_at: int  # ms since the epoch


class TimerStopped(Event, frozen=True, tag="timer_stopped"):
    pass


class TimerRanOut(Event, frozen=True, tag="timer_ran_out"):
    """Time is up: finish your sentence. Pens go down (``Locked`` with reason ``time``) a little later."""


class Locked(Event, frozen=True, tag="locked"):
    room: str | None = None  # None: every room
    reason: Literal["teacher", "time"] = "teacher"


class Unlocked(Event, frozen=True, tag="unlocked"):
    room: str | None = None


class MessageSent(Event, frozen=True, tag="message_sent"):
    """A word of the teacher to one person, one room, or (neither set) everybody."""

    message: str
    text: str
    kind: MessageKind = "broadcast"
    room: str | None = None
    participant: str | None = None


class Talked(Event, frozen=True, tag="talked"):
    """Room talk. ``author`` is a participant, or ``TEACHER_AUTHOR``."""

    message: str
    room: str
    author: str
    text: str


class HandRaised(Event, frozen=True, tag="hand_raised"):
    participant: str
    reason: HelpReason
    note: str = ""


class HandLowered(Event, frozen=True, tag="hand_lowered"):
    participant: str
    answered: bool = False  # by the teacher


class ReadyMarked(Event, frozen=True, tag="ready_marked"):
    """The group says its text may be read by others, or takes that back."""

    room: str
    ready: bool


class CriterionMarked(Event, frozen=True, tag="criterion_marked"):
    room: str
    criterion: int  # index into LessonCreated.criteria
    met: bool


class PulseGiven(Event, frozen=True, tag="pulse_given"):
    participant: str
    pulse: Pulse


class RoomSpotlit(Event, frozen=True, tag="room_spotlit"):
    room: str | None  # None: the spotlight goes out


class RoomVisited(Event, frozen=True, tag="room_visited"):
    """The teacher is now looking at this room; None: back to the overview."""

    room: str | None


class MeasuringChanged(Event, frozen=True, tag="measuring_changed"):
    """The teacher marks a person as not (or again) measured by typing (P14)."""

    participant: str
    measured: bool


class RecordShared(Event, frozen=True, tag="record_shared"):
    """From now on everyone sees, or no longer sees, their own record (P20, P21)."""

    on: bool


class RolesGiven(Event, frozen=True, tag="roles_given"):
    """Who does what in a room, from now on; whoever is not named has no role there."""

    room: str
    roles: dict[str, Role]  # participant -> role


class AnswerGiven(Event, frozen=True, tag="answer_given"):
    """A person's word about their own record (P21); an empty one takes it back."""

    participant: str
    text: str


class ParticipantArrived(Event, frozen=True, tag="participant_arrived"):
    """The first live connection of a participant to the lesson, on one server process."""

    participant: str
    node: str = ""


class ParticipantDeparted(Event, frozen=True, tag="participant_departed"):
    participant: str
    node: str = ""


class DocumentOpened(Event, frozen=True, tag="document_opened"):
    """The first live document connection of a participant in a room, on one server process (P7)."""

    room: str
    participant: str
    node: str = ""


class DocumentClosed(Event, frozen=True, tag="document_closed"):
    room: str
    participant: str
    node: str = ""


class NodeLost(Event, frozen=True, tag="node_lost"):
    """A server process ended without closing what it held open: its presences ended with the entry before this one."""

    node: str = ""


class DocumentUpdated(Event, frozen=True, tag="document_updated"):
    """One admitted Yjs update.

    ``away_secs`` is set when the text was written while disconnected (it came in the handshake of a reconnect, P6):
    the number of seconds that connection had been away.
    """

    room: str
    author: str
    update: bytes
    away_secs: float | None = None


AnyEvent = (
    LessonCreated
    | RoomAdded
    | RoomRenamed
    | RoomClosed
    | RosterSet
    | ParticipantJoined
    | ParticipantRenamed
    | ParticipantLeft
    | Seated
    | RoomsOpened
    | Gathered
    | LessonEnded
    | TimerStarted
    | TimerExtended
    | TimerStopped
    | TimerRanOut
    | Locked
    | Unlocked
    | MessageSent
    | Talked
    | HandRaised
    | HandLowered
    | ReadyMarked
    | CriterionMarked
    | PulseGiven
    | RoomSpotlit
    | RoomVisited
    | MeasuringChanged
    | RecordShared
    | RolesGiven
    | AnswerGiven
    | ParticipantArrived
    | ParticipantDeparted
    | DocumentOpened
    | DocumentClosed
    | NodeLost
    | DocumentUpdated
)

_event_decoder: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)
_event_encoder = msgspec.msgpack.Encoder()


def encode_event(event: AnyEvent) -> bytes:
    """Encode an event as the body of a journal entry."""
    return _event_encoder.encode(event)


def decode_event(body: bytes) -> AnyEvent:
    """Decode a journal entry's body. Raises ``msgspec.DecodeError`` for bytes that this version did not write."""
    return _event_decoder.decode(body)


# ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────


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

_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)


def decode_command(data: bytes | str) -> AnyCommand | Malformed:
    """Decode and validate a command from JSON ``{"type": …, …}``; the refusal's message names the field at fault."""
    try:
        return _command_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # ValidationError is a DecodeError
        return Malformed(f"This request does not fit: {error}.")


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
    """The body of ``POST /api/join``."""

    code: Annotated[str, Meta(min_length=1, max_length=20)]
    name: PersonName


T = TypeVar("T")


def decode_as(kind: type[T], data: bytes) -> T | Malformed:
    """Decode a JSON request body of the given kind."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Malformed(f"This request does not fit: {error}.")
