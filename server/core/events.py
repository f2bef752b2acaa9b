"""What can happen in a lesson.

An *event* is a fact in the past tense: it stands in the journal for as long as the lesson is kept, so a field is never
renamed or given another meaning; new fields have defaults, and a changed meaning gets a new event.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Grouping = Literal["random", "self", "teacher", "roster", "jigsaw"]
HelpReason = Literal["stuck", "check", "disagree", "other"]
Pulse = Literal["too_easy", "right", "too_hard"]
MessageKind = Literal["broadcast", "nudge", "prompt", "swap", "hint", "stretch"]
Role = Literal["facilitator", "scribe", "source_checker", "questioner", "timekeeper"]
Kind = Literal[
    "help", "quiet", "one_voice", "unheard", "pulse", "leaning", "parallel", "not_started", "done", "under_way"
]
"""Why a room needs the teacher, the most needed first (P16)."""

TEACHER_AUTHOR = "teacher"
"""The author under which the teacher's edits of a text stand; participants' ids never equal it (P3)."""
SYSTEM_AUTHOR = "system"
"""The author of template text (P3)."""


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
