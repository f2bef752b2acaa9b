"""Decide what follows from what somebody asks for, or from the clock.

Pure: a decision is a tuple of events to be written to the journal, in order and in one commit, or a ``Refused`` value
whose message tells a person what to do. Nothing to do, such as locking what is locked, is an empty tuple.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from server.core import commands, events, interventions, lookups, names, seating
from server.core.commands import Actor, AnyCommand
from server.core.events import TEACHER_AUTHOR, AnyEvent
from server.core.lesson import PEOPLE_MAX, Lesson, Person, RoomState, next_due
from server.core.seating import Context
from server.errors import Conflict, Ended, Forbidden, Malformed, NotFound, Refused

__all__ = ["Context", "decide", "decide_due", "decide_join"]

TeacherCommand = (
    commands.OpenRooms
    | commands.Assign
    | commands.Move
    | commands.Regroup
    | commands.AddRoom
    | commands.CloseRoom
    | commands.Remove
    | commands.StartTimer
    | commands.ExtendTimer
    | commands.StopTimer
    | commands.Lock
    | commands.Unlock
    | commands.Broadcast
    | commands.Nudge
    | commands.Spotlight
    | commands.Visit
    | commands.Measure
    | commands.ShareRecord
    | commands.Prompt
    | commands.RotateRoles
    | commands.SwapAndBuild
    | commands.CardCommand
    | commands.Gather
    | commands.End
)
ParticipantCommand = (
    commands.Hand
    | commands.Ready
    | commands.Choose
    | commands.Agreement
    | commands.PulseCommand
    | commands.Answer
    | commands.Leave
)
SharedCommand = commands.Rename | commands.Chat | commands.LowerHand

Decision = tuple[AnyEvent, ...] | Refused


def decide(lesson: Lesson, command: AnyCommand, actor: Actor, context: Context) -> Decision:
    """Decide what a command of the teacher or of a participant does."""
    match actor.role:
        case "teacher":
            if isinstance(command, ParticipantCommand):
                return Forbidden("Only someone who has joined the lesson can do this: join with the code on the board.")
            if lesson.ended:
                return () if isinstance(command, commands.End) else _over()
            return _decide_for_teacher(lesson, command, context)
        case "participant":
            if isinstance(command, TeacherCommand):
                return Forbidden("Only the teacher can do this: ask your teacher.")
            if lesson.ended:
                return _over()
            person = lesson.people.get(actor.participant or "")
            if person is None or person.left:
                return Forbidden("You are not in this lesson any more: join again with the code.")
            return _decide_for_participant(lesson, command, person, context)
        case "projector" | "guardian":
            return Forbidden("Here you can only look: to take part, join with the code on the board.")
        case _:
            assert_never(actor.role)


def decide_join(lesson: Lesson, name: str, context: Context) -> Decision:
    """Let somebody in: ``ParticipantJoined``, with the name they are known by, and their seat where they have one."""
    if lesson.ended:
        return Ended("This lesson is over: ask your teacher for the code of the next one.")
    if len(lesson.present()) >= PEOPLE_MAX:
        return Conflict("This lesson is full ({most} people): please tell your teacher.", most=PEOPLE_MAX)
    cleaned = names.clean_person_name(name)
    if isinstance(cleaned, Malformed):
        return cleaned
    participant = context.new_id()
    joined = events.ParticipantJoined(participant, _distinct_person(lesson, cleaned))
    return (joined, *seating.seat_joiner(lesson, participant, cleaned))


def decide_due(lesson: Lesson, now: int) -> tuple[AnyEvent, ...]:
    """Decide what the clock brings; once applied, ask again at ``next_due(lesson)``."""
    due = next_due(lesson)
    if due is None or now < due or lesson.timer is None:
        return ()
    return (events.Locked(reason="time"),) if lesson.timer.ran_out else (events.TimerRanOut(),)


def _decide_for_teacher(lesson: Lesson, command: TeacherCommand | SharedCommand, context: Context) -> Decision:
    match command:
        case commands.OpenRooms():
            return _open_rooms(lesson, context)
        case commands.Assign():
            return _place(lesson, command.assignments)
        case commands.Move():
            return _place(lesson, {command.participant: command.room})
        case commands.Regroup():
            return seating.regroup(lesson, command, context)
        case commands.Rename():
            return _rename_by_teacher(lesson, command)
        case commands.AddRoom():
            return _add_room(lesson, command, context)
        case commands.CloseRoom():
            room = lookups.room(lesson, command.room)
            if isinstance(room, Refused):
                return room
            return () if room.closed else seating.close_room(lesson, room)
        case commands.Remove():
            return _remove(lesson, command.participant)
        case commands.StartTimer():
            return (events.TimerStarted(context.now + command.seconds * 1000), *_lift_time_lock(lesson))
        case commands.ExtendTimer():
            if lesson.timer is None:
                return Conflict("No timer is running: start one first.")
            from_ms = context.now if lesson.timer.ran_out else max(context.now, lesson.timer.ends_at)
            return (events.TimerExtended(from_ms + command.seconds * 1000), *_lift_time_lock(lesson))
        case commands.StopTimer():
            return (events.TimerStopped(),) if lesson.timer else ()
        case commands.Lock() | commands.Unlock():
            return _lock_or_unlock(lesson, command)
        case commands.Broadcast():
            text = lookups.prose(command.text)
            return text if isinstance(text, Refused) else (events.MessageSent(context.new_id(), text),)
        case commands.Nudge():
            return _nudge(lesson, command, context)
        case commands.Spotlight():
            return _unless_there(lesson, command.room, lesson.spotlight, events.RoomSpotlit(command.room))
        case commands.Visit():
            return _unless_there(lesson, command.room, lesson.visiting, events.RoomVisited(command.room))
        case commands.Measure():
            person = lookups.person(lesson, command.participant)
            if isinstance(person, Refused):
                return person
            if person.measured == command.measured:
                return ()
            return (events.MeasuringChanged(command.participant, command.measured),)
        case commands.ShareRecord():
            if not lesson.participation:
                return _not_measured()
            return () if lesson.record_shared == command.on else (events.RecordShared(command.on),)
        case commands.Prompt():
            return interventions.prompt(lesson, command, context)
        case commands.RotateRoles():
            return interventions.rotate_roles(lesson, command)
        case commands.SwapAndBuild():
            return interventions.swap_and_build(lesson, command, context)
        case commands.CardCommand():
            return interventions.card(lesson, command, context)
        case commands.Gather():
            return (events.Gathered(),) if lesson.phase == "work" else ()
        case commands.End():
            return (events.LessonEnded(),)
        case commands.Chat():
            if command.room is None:
                return Malformed("Say which room you are talking to, or send a message to everyone.")
            return _talk(lesson, command.room, TEACHER_AUTHOR, command.text, context)
        case commands.LowerHand():
            if command.participant is None:
                return Malformed("Say whose question has been answered.")
            person = lookups.person(lesson, command.participant)
            if isinstance(person, Refused):
                return person
            return (events.HandLowered(person.participant, answered=True),) if person.hand else ()
        case _:
            assert_never(command)


def _decide_for_participant(
    lesson: Lesson, command: ParticipantCommand | SharedCommand, person: Person, context: Context
) -> Decision:
    me = person.participant
    match command:
        case commands.Rename():
            if command.room is not None or command.participant not in {None, me}:
                return Forbidden("You can change your own name; for another one, ask your teacher.")
            return _rename_person(lesson, person, command.name)
        case commands.Chat():
            if person.room is None or lesson.phase == "lobby":
                return Conflict("You can talk here once your room is open: please wait a moment.")
            if command.room not in {None, person.room}:
                return Forbidden("You can talk in your own room only: load the page again, and you are there.")
            return _talk(lesson, person.room, me, command.text, context)
        case commands.Hand():
            note = names.clean_line(command.note)
            if person.hand is not None and (person.hand.reason, person.hand.note) == (command.reason, note):
                return ()
            return (events.HandRaised(me, command.reason, note),)
        case commands.LowerHand():
            if command.participant not in {None, me}:
                return Forbidden("You can lower your own hand only.")
            return (events.HandLowered(me),) if person.hand else ()
        case commands.Ready():
            room = _own_room(lesson, person)
            if isinstance(room, Refused):
                return room
            return () if room.ready == command.ready else (events.ReadyMarked(room.room, command.ready),)
        case commands.Choose():
            return seating.choose(lesson, person, command)
        case commands.Agreement():
            room = _own_room(lesson, person)
            if isinstance(room, Refused):
                return room
            if command.criterion >= len(lesson.criteria):
                return NotFound("There is no such success criterion: choose one from the list.")
            if (command.criterion in room.met) == command.met:
                return ()
            return (events.CriterionMarked(room.room, command.criterion, command.met),)
        case commands.PulseCommand():
            return () if person.pulse == command.pulse else (events.PulseGiven(me, command.pulse),)
        case commands.Answer():
            if not lesson.participation:
                return _not_measured()
            answer = names.clean_line(command.text)
            if answer and not lesson.record_shared:  # what was said before can be taken back
                return Conflict("Your teacher does not show records now, so there is nothing to answer. Try the talk.")
            return () if answer == person.answer else (events.AnswerGiven(me, answer),)
        case commands.Leave():
            return (events.ParticipantLeft(me),)
        case _:
            assert_never(command)


def _open_rooms(lesson: Lesson, context: Context) -> Decision:
    """Seat everyone and let work begin; going on after time was up starts without that timer and its lock."""
    if lesson.phase == "work":
        return ()
    decided: list[AnyEvent] = [*seating.seat_everyone_left(lesson, context), events.RoomsOpened()]
    ran_out = lesson.timer is not None and lesson.timer.ran_out
    if lesson.phase == "lobby" and lesson.minutes is not None and (lesson.timer is None or ran_out):
        decided.append(events.TimerStarted(context.now + lesson.minutes * 60_000))
    elif ran_out:
        decided.append(events.TimerStopped())
    return (*decided, *_lift_time_lock(lesson))


def _place(lesson: Lesson, placement: seating.Placement) -> Decision:
    for participant, room in placement.items():
        person = lookups.person(lesson, participant)
        if isinstance(person, Refused):
            return person
        if room is not None:
            state = lookups.open_room(lesson, room)
            if isinstance(state, Refused):
                return state
        elif lesson.phase == "work":
            return Conflict("The rooms are open: choose the room {name} should move to.", name=person.name)
    return seating.seat(lesson, placement)


def _remove(lesson: Lesson, participant: str) -> Decision:
    person = lesson.people.get(participant)
    if person is None:
        return lookups.nobody()
    return () if person.left else (events.ParticipantLeft(participant, removed=True),)


def _rename_by_teacher(lesson: Lesson, command: commands.Rename) -> Decision:
    if (command.room is None) == (command.participant is None):
        return Malformed("Say whose name to change: either one room or one person.")
    if command.participant is not None:
        person = lookups.person(lesson, command.participant)
        return person if isinstance(person, Refused) else _rename_person(lesson, person, command.name)
    room = lookups.room(lesson, command.room or "")
    if isinstance(room, Refused):
        return room
    cleaned = names.clean_room_name(command.name)
    if isinstance(cleaned, Refused):
        return cleaned
    name = _distinct_room(lesson, cleaned, besides=room)
    return () if name == room.name else (events.RoomRenamed(room.room, name),)


def _rename_person(lesson: Lesson, person: Person, wish: str) -> Decision:
    cleaned = names.clean_person_name(wish)
    if isinstance(cleaned, Refused):
        return cleaned
    name = _distinct_person(lesson, cleaned, besides=person)
    return () if name == person.name else (events.ParticipantRenamed(person.participant, name),)


def _add_room(lesson: Lesson, command: commands.AddRoom, context: Context) -> Decision:
    refusal = seating.refuse_more_rooms(lesson, 1)
    if refusal is not None:
        return refusal
    cleaned = names.clean_room_name(command.name or f"{seating.table_word(lesson.language)} {len(lesson.rooms) + 1}")
    if isinstance(cleaned, Refused):
        return cleaned
    name = _distinct_room(lesson, cleaned)
    topic = names.clean_prose(command.topic) or (name if lesson.grouping == "jigsaw" else "")
    return seating.add_room(lesson, name, topic, context.new_id)


def _lock_or_unlock(lesson: Lesson, command: commands.Lock | commands.Unlock) -> Decision:
    """Lock or unlock one room or all; each room says itself whether it is locked, so one can be unlocked alone."""
    locking = isinstance(command, commands.Lock)
    if command.room is None:
        if locking:
            return () if lesson.all_locked else (events.Locked(),)
        return (events.Unlocked(),) if lesson.all_locked or any(room.locked for room in lesson.rooms.values()) else ()
    room = lookups.room(lesson, command.room)
    if isinstance(room, Refused):
        return room
    if room.locked == locking:
        return ()
    return (events.Locked(command.room) if locking else events.Unlocked(command.room),)


def _lift_time_lock(lesson: Lesson) -> tuple[AnyEvent, ...]:
    """Unlock what the end of time has locked, and nothing that the teacher locked by hand."""
    rooms = [room for room in lesson.rooms.values() if room.locked]
    timed = [room for room in rooms if room.lock_reason == "time"]
    if len(timed) == len(rooms) and (timed or (lesson.all_locked and lesson.lock_reason == "time")):
        return (events.Unlocked(),)
    return tuple(events.Unlocked(room.room) for room in timed)


def _nudge(lesson: Lesson, command: commands.Nudge, context: Context) -> Decision:
    if (command.room is None) == (command.participant is None):
        return Malformed("Say who this is for: either one room or one person.")
    if command.participant is not None:
        found: Person | RoomState | Refused = lookups.person(lesson, command.participant)
    else:
        found = lookups.open_room(lesson, command.room or "")
    if isinstance(found, Refused):
        return found
    text = lookups.prose(command.text)
    if isinstance(text, Refused):
        return text
    return (events.MessageSent(context.new_id(), text, "nudge", command.room, command.participant),)


def _talk(lesson: Lesson, room: str, author: str, text: str, context: Context) -> Decision:
    state = lookups.open_room(lesson, room)
    if isinstance(state, Refused):
        return state
    said = lookups.prose(text)
    return said if isinstance(said, Refused) else (events.Talked(context.new_id(), room, author, said),)


def _unless_there(lesson: Lesson, wish: str | None, now: str | None, event: AnyEvent) -> Decision:
    if wish is not None and wish not in lesson.rooms:
        return lookups.no_room()
    return () if wish == now else (event,)


def _own_room(lesson: Lesson, person: Person) -> RoomState | Refused:
    room = lesson.rooms.get(person.room or "")
    if room is None or lesson.phase == "lobby":
        return Conflict("Your room is not open yet: please wait a moment.")
    return room


def _distinct_person(lesson: Lesson, name: str, besides: Person | None = None) -> str:
    """Keep people of one name apart, those who have left included: their words still stand in the texts."""
    return names.distinct(name, _keys(lesson.people.values(), besides), names.PERSON_NAME_MAX)


def _distinct_room(lesson: Lesson, name: str, besides: RoomState | None = None) -> str:
    return names.distinct(name, _keys(lesson.rooms.values(), besides), names.ROOM_NAME_MAX)


def _keys(named: Iterable[Person | RoomState], besides: Person | RoomState | None) -> set[str]:
    return {names.key(each.name) for each in named if each is not besides}


def _not_measured() -> Conflict:
    return Conflict(
        "Participation is not measured in this lesson: there is no record, and nothing that you need to do."
    )


def _over() -> Ended:
    return Ended("This lesson is over: you can still read it, but nothing in it can be changed any more.")
