"""Decide how a lesson begins: from the teacher's draft to its first journal entries."""

from __future__ import annotations

from collections.abc import Sequence

from server.core import grouping, names
from server.core.commands import LessonDraft, RoomDraft
from server.core.events import AnyEvent, LessonCreated, RoomAdded
from server.core.lesson import ROOMS_MAX
from server.core.seating import Context, table_word, template_text
from server.errors import Malformed, Refused


def decide_created(
    draft: LessonDraft, code: str, context: Context, *, demonstration: bool = False
) -> tuple[AnyEvent, ...] | Refused:
    """Turn a draft into the entries that begin a journal: the lesson, its rooms, and the template in each text.

    A roster's groups become rooms, beside those the draft names; ``room_count`` is then not used.
    """
    title = names.clean_line(draft.title)
    if not title:
        return Malformed("Please give the lesson a title that can be read.")
    lines: tuple[grouping.RosterLine, ...] = ()
    if draft.roster.strip() or draft.grouping == "roster":
        parsed = grouping.parse_roster(draft.roster)
        if isinstance(parsed, Malformed):
            return parsed
        lines = parsed
    drafts = draft.rooms or tuple(
        RoomDraft(f"{table_word(draft.language)} {number}")
        for number in range(1, 1 + (0 if lines else draft.room_count or 0))
    )
    rooms = _rooms(drafts, lines, draft, context)
    if isinstance(rooms, Malformed):
        return rooms
    room_of_group = {names.key(room.name): room.room for room in rooms}
    template = names.clean_prose(draft.template)
    created = LessonCreated(
        title=title,
        code=code,
        task=names.clean_prose(draft.task),
        criteria=_lines(draft.criteria),
        starters=_lines(draft.starters),
        grouping=draft.grouping,
        minutes=draft.minutes,
        participation=draft.participation,
        template=template,
        roster={names.key(line.name): room_of_group[names.key(line.group)] for line in lines},
        language=draft.language,
        demonstration=demonstration,
        hint=names.clean_prose(draft.hint),
        stretch=names.clean_prose(draft.stretch),
    )
    return (created, *rooms, *(event for room in rooms for event in template_text(room.room, template)))


def _rooms(
    drafts: Sequence[RoomDraft], lines: Sequence[grouping.RosterLine], draft: LessonDraft, context: Context
) -> tuple[RoomAdded, ...] | Malformed:
    taken: set[str] = set()
    rooms: list[RoomAdded] = []
    for each in (*drafts, *_groups(drafts, lines)):
        name = names.clean_room_name(each.name)
        if isinstance(name, Malformed):
            return name
        name = names.distinct(name, taken, names.ROOM_NAME_MAX)
        taken.add(names.key(name))
        # In a jigsaw a room with a topic is an expert room, and a room without one a home: see ``seating``.
        topic = names.clean_prose(each.topic) or (name if draft.grouping == "jigsaw" else "")
        rooms.append(RoomAdded(context.new_id(), name, topic))
    if not rooms:
        return Malformed("Say how many rooms there are, or name them, or paste a roster with a group for each name.")
    if len(rooms) > ROOMS_MAX:
        return Malformed(
            "These are {rooms} rooms: a lesson has at most {most}. Leave some out.", rooms=len(rooms), most=ROOMS_MAX
        )
    return tuple(rooms)


def _groups(drafts: Sequence[RoomDraft], lines: Sequence[grouping.RosterLine]) -> list[RoomDraft]:
    """Give the roster's groups that are no room of the draft yet, each once."""
    known = {names.key(names.clean_line(each.name)) for each in drafts}
    groups: dict[str, str] = {}
    for line in lines:
        groups.setdefault(names.key(line.group), line.group)
    return [RoomDraft(group) for key, group in groups.items() if key not in known]


def _lines(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line for line in map(names.clean_line, lines) if line)
