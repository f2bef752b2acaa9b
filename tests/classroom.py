"""A lesson in memory, for tests of the core: commands in, journal entries kept, each applied as it would come back."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from server.core import decisions
from server.core.commands import TEACHER, Actor, AnyCommand, LessonDraft
from server.core.creation import decide_created
from server.core.events import AnyEvent, ParticipantJoined, decode_event, encode_event
from server.core.lesson import Lesson, next_due
from server.errors import Refused

EPOCH = 1_700_000_000_000


class Classroom:
    """``now`` is the clock in ms, set by the test; ids are counted, so that a failure reads well."""

    def __init__(self, draft: LessonDraft | None = None, *, seed: int = 1) -> None:
        self.now = EPOCH
        self.rng = random.Random(seed)
        self.ids = itertools.count(1)
        self.journal: list[tuple[bytes, int]] = []
        self.lesson = Lesson("lesson")
        self.write(decide_created(draft or LessonDraft("Acorns", room_count=3), "ABC234", self.context()))

    def context(self) -> decisions.Context:
        return decisions.Context(self.now, self.rng, lambda: f"id-{next(self.ids)}")

    def write(self, decision: decisions.Decision) -> tuple[AnyEvent, ...]:
        """Put a decision into the journal and apply it; a refusal fails the test."""
        if isinstance(decision, Refused):
            raise AssertionError(f"refused: {decision.message}")
        for event in decision:
            body = encode_event(event)
            self.journal.append((body, self.now))
            self.lesson.apply(decode_event(body), self.now)
        return decision

    def ask(self, command: AnyCommand, actor: Actor = TEACHER) -> decisions.Decision:
        return decisions.decide(self.lesson, command, actor, self.context())

    def do(self, command: AnyCommand, by: str | None = None) -> tuple[AnyEvent, ...]:
        """Carry out a command of the teacher or, with an id, of a participant."""
        return self.write(self.ask(command, actor(by)))

    def refuse(self, command: AnyCommand, by: str | None = None) -> Refused:
        decision = self.ask(command, actor(by))
        assert isinstance(decision, Refused), decision
        return decision

    def join(self, *names: str) -> list[str]:
        return [self.join_one(name) for name in names]

    def join_one(self, name: str) -> str:
        joined = self.write(decisions.decide_join(self.lesson, name, self.context()))[0]
        assert isinstance(joined, ParticipantJoined)
        return joined.participant

    def join_many(self, count: int) -> list[str]:
        return self.join(*(f"Pupil {number}" for number in range(1, count + 1)))

    def wait(self, ms: int) -> None:
        """Let time pass, with all that falls due in it."""
        end = self.now + ms
        while (due := next_due(self.lesson)) is not None and due <= end:
            self.now = max(self.now, due)
            self.write(decisions.decide_due(self.lesson, self.now))
        self.now = end

    def rooms(self) -> list[str]:
        return [room.room for room in self.lesson.open_rooms()]

    def sizes(self) -> list[int]:
        return [len(room.members) for room in self.lesson.open_rooms()]

    def names_by_room(self) -> dict[str, list[str]]:
        return {
            room.name: sorted(person.name for person in self.lesson.members(room.room))
            for room in self.lesson.open_rooms()
        }

    def replay(self) -> Lesson:
        lesson = Lesson(self.lesson.id)
        for body, at in self.journal:
            lesson.apply(decode_event(body), at)
        return lesson


def actor(by: str | None) -> Actor:
    return TEACHER if by is None else Actor("participant", by)


def spread(sizes: Sequence[int]) -> int:
    return max(sizes) - min(sizes)
