"""The receipts (P17): what every figure of a room rests on, in the text itself; and how the text grew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from server.core.authorship import SLOT_SECS, Evidence
from server.core.events import DocumentUpdated, decode_event
from server.core.participation import Participation
from server.core.patch import JSON, JSONObject
from server.core.replay import Replay, Step
from server.core.replica import Run, cut
from server.core.update import Update, decode_update
from server.journal import READ_ENTRIES, Journal

EXCERPT_CHARACTERS = 120


@dataclass(slots=True)
class _Stretch:
    """A labelled stretch, and what of it still stands."""

    evidence: Evidence
    standing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Segment:
    author: str
    text: str
    label: str | None
    client: int
    clock: int
    end: int


def build_evidence(participation: Participation, room: str, now: int) -> JSONObject:
    """Give ``{room, text, people, evidence, slot_seconds, started_at}``.

    ``text`` is ``[author, text, label or null, client, clock]`` in document order; ``people`` by id, each with their
    slots and amounts; ``evidence`` the labelled stretches, the newest first, each with what of it still stands. Without
    participation the text is all there is: no slot, label or amount.
    """
    lesson = participation.lesson
    stretches = [_Stretch(each) for each in participation.evidence(room)] if lesson.participation else []
    text: list[JSON] = [
        [each.author, each.text, each.label, each.client, each.clock]
        for each in _segments(participation.runs(room), stretches)
    ]
    return {
        "room": room,
        "text": text,
        "people": _people(participation, room, now),
        "evidence": [
            {
                "participant": each.evidence.participant,
                "at": each.evidence.at,
                "kind": each.evidence.kind,
                "length": each.evidence.length,
                "text": "".join(each.standing)[:EXCERPT_CHARACTERS],
                "client": each.evidence.client,
                "clock": each.evidence.clock,
            }
            for each in reversed(stretches)
        ],
        "slot_seconds": SLOT_SECS,
        "started_at": lesson.created_at,
    }


def _people(participation: Participation, room: str, now: int) -> JSONObject:
    lesson = participation.lesson
    state = lesson.rooms[room]
    figures = participation.figures(now)[room]
    people: JSONObject = {}
    for participant, done in participation.contributions(room).items():
        person, member = lesson.people[participant], figures.members[participant]
        about: JSONObject = {
            "name": person.name,
            "seat": state.seats.get(participant, 0),
            "measured": person.measured,
            "present_seconds": member.present_seconds,
        }
        if participant in state.roles:
            about["role"] = state.roles[participant]
        if person.answer:
            about["answer"] = person.answer
        if lesson.participation:
            about |= {
                "slots": list[JSON](sorted(done.slots)),
                "standing": member.standing,
                "inserted": member.inserted,
                "deleted": member.deleted,
                "added_in_one_go": done.added_in_one_go,
                "restored": done.restored,
                "offline": done.offline,
                "builds_on": {other: list[JSON](sorted(slots)) for other, slots in done.builds_on.items()},
            }
        people[participant] = about
    return people


def _segments(runs: Iterator[Run], stretches: Sequence[_Stretch]) -> Iterator[_Segment]:
    """Give the text in pieces of one author and label; text of one client that goes on is one piece."""
    of_client: dict[int, list[_Stretch]] = {}
    for stretch in sorted(stretches, key=lambda each: each.evidence.clock):
        of_client.setdefault(stretch.evidence.client, []).append(stretch)
    last: _Segment | None = None
    for run in runs:
        for segment in _parts(run, of_client.get(run.client, [])):
            if (
                last is not None
                and (last.author, last.label, last.client) == (segment.author, segment.label, segment.client)
                and last.end == segment.clock
            ):
                last.text += segment.text
                last.end = segment.end
            else:
                if last is not None:
                    yield last
                last = segment
    if last is not None:
        yield last


def _parts(run: Run, stretches: Sequence[_Stretch]) -> Iterator[_Segment]:
    """Cut a run where labelled stretches, which are in order and never overlap, begin and end."""
    clock, text = run.clock, run.text
    for stretch in stretches:
        start = max(stretch.evidence.clock, clock)
        end = min(stretch.evidence.clock + stretch.evidence.length, run.end)
        if start < end:
            if clock < start:
                before, text = cut(text, start - clock)
                yield _Segment(run.author, before, None, run.client, clock, start)
            inside, text = cut(text, end - start) if end < run.end else (text, "")
            stretch.standing.append(inside)
            yield _Segment(run.author, inside, stretch.evidence.kind, run.client, start, end)
            clock = end
    if clock < run.end:
        yield _Segment(run.author, text, None, run.client, clock, run.end)


async def read_updates(journal: Journal, lesson: str, room: str) -> list[tuple[int, DocumentUpdated]]:
    """Read the updates of one room's text, each with its time in ms. Raises NotFound and Unavailable."""
    found: list[tuple[int, DocumentUpdated]] = []
    after, needle = 0, room.encode()
    while entries := await journal.read(lesson, after, READ_ENTRIES):
        after = entries[-1].seq
        for entry in entries:
            # A look for the id first: of forty rooms' entries thirty-nine need not be decoded.
            event = decode_event(entry.body) if needle in entry.body else None
            if isinstance(event, DocumentUpdated) and event.room == room:
                found.append((entry.at, event))
    return found


def build_steps(updates: Sequence[tuple[int, DocumentUpdated]], started_at: int) -> list[Step]:
    """Make the steps of a replay; a second and a half of work for an hour of five people, so call it in a thread."""
    replay = Replay(started_at)
    for at, event in updates:
        update = decode_update(event.update)
        if isinstance(update, Update):
            replay.take(update, event.author, at)
    return replay.steps()


def build_replay(
    participation: Participation, room: str, steps: Sequence[Step], now: int, *, named: bool
) -> JSONObject:
    """Give ``{started_at, ended_at, steps, balance?}``; without names each step's author is null (P20)."""
    replay: JSONObject = {
        "started_at": participation.lesson.created_at,
        "ended_at": now,
        "steps": [
            [
                step.at,
                step.author if named else None,
                [[each.position, each.deleted, each.inserted] for each in step.splices],
            ]
            for step in steps
        ],
    }
    if participation.lesson.participation:
        figures = participation.figures(now)[room]
        replay["balance"] = {"word": figures.word} | ({} if figures.value is None else {"value": figures.value})
    return replay
