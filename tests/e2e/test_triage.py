"""A teacher finds the table that has fallen silent, nudges it, visits it, and sees the reason go away (P16 to P19)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import expect

from server.app import JOURNAL_FILE
from server.clock import now_ms
from server.core.commands import LessonDraft, OpenRooms, RoomDraft
from server.core.events import DocumentOpened, DocumentUpdated, ParticipantArrived
from server.journal.sqlite import SqliteJournal
from server.settings import Settings
from server.web.auth import Grant, Tokens, load_secret
from tests import classroom
from tests.e2e.browser import Student, Teacher, open_school
from tests.stage import Classroom, Server, gather
from tests.writers import Table

pytestmark = pytest.mark.e2e

TABLES = {"Basket": ("Ana", "Ben"), "River": ("Cleo", "Dan"), "Salmon": ("Eli", "Fay")}
PAST_SECS, SALMON_WROTE_SECS = 240, 45
EARLIER = "an earlier process"
"""Held the texts open from the first minute on, so that everyone was there all the time."""
QUESTION = "What is one thing you all agree on already? Write that down first."


@dataclass
class Morning:
    """A lesson that has been under way for four minutes when its server starts; people's tokens by their names."""

    lesson: Classroom
    tokens: dict[str, str]


@pytest.fixture
async def morning(tmp_path: Path) -> AsyncIterator[Morning]:
    """All tables begin to write; after a minute Salmon falls silent, and the others go on."""
    past = classroom.Classroom(
        LessonDraft(
            "Acorns",
            rooms=tuple(RoomDraft(name) for name in TABLES),
            roster="\n".join(f"{name}, {table}" for table, names in TABLES.items() for name in names),
        )
    )
    people = {name: past.join_one(name) for names in TABLES.values() for name in names}
    past.do(OpenRooms())
    texts = {}
    for room in past.lesson.open_rooms():
        for name in TABLES[room.name]:
            past.write((ParticipantArrived(people[name], EARLIER),))
            past.write((DocumentOpened(room.room, people[name], EARLIER),))
        texts[room.name] = Table(partial(_journal, past, room.room, people), " ".join(TABLES[room.name]))
    for turn, second in enumerate(range(0, PAST_SECS, 5)):
        past.now = classroom.EPOCH + second * 1000
        for table, names in TABLES.items():
            if table != "Salmon" or second < SALMON_WROTE_SECS:
                texts[table].write(names[turn % 2], "acorns fall ")

    server = Server(tmp_path / "data")
    await _store(server, past)
    await server.start()
    tokens = Tokens(load_secret(Settings(data=server.data)), secure=False)
    lesson = past.lesson
    teacher, projector = (tokens.sign(Grant(scope, lesson.id)) for scope in ("teacher", "projector"))
    yield Morning(
        Classroom(server, lesson.id, lesson.code, teacher, projector),
        {name: tokens.sign(Grant("participant", lesson.id, person)) for name, person in people.items()},
    )
    await server.kill()


def _journal(
    past: classroom.Classroom, room: str, people: dict[str, str], update: bytes, name: str, _: float | None
) -> None:
    past.write((DocumentUpdated(room, people[name], update),))


async def _store(server: Server, past: classroom.Classroom) -> None:
    """Put what happened into the server's own journal, so that the last of it was just now."""
    server.data.mkdir()
    journal = SqliteJournal(server.data / JOURNAL_FILE)
    await journal.open()
    later = now_ms() - past.now
    (first, at), *others = past.journal
    assert await journal.create(past.lesson.id, past.lesson.code, at + later, [first])
    for body, at in others:
        await journal.commit(past.lesson.id, at + later, [body])
    await journal.close()


@pytest.mark.timeout(120)
async def test_p16_to_p19_a_silent_table_is_found_nudged_and_visited_and_writes_again(morning: Morning) -> None:
    lesson = morning.lesson
    async with open_school(lesson.server.address) as school:
        ana, eli, teacher = await school.student("Ana"), await school.student("Eli"), await school.teacher()
        await gather(*(student.comes_back_to(lesson.lesson, morning.tokens[student.name]) for student in (ana, eli)))
        await teacher.opens_desk(lesson.lesson, lesson.teacher_token)

        await the_silent_table_comes_first(teacher)
        await one_tap_asks_them(teacher, eli, ana)
        await the_teacher_visits(teacher)
        await they_write_and_the_reason_goes(teacher, eli, ana)
        await the_teachers_own_time_is_told(teacher)
        assert school.faults() == []


async def the_silent_table_comes_first(teacher: Teacher) -> None:
    """With its reason, in words."""
    await expect(teacher.cards).to_have_count(3)
    await expect(teacher.cards.first).to_contain_text("Salmon")
    await teacher.sees_on_card("Salmon", "Nobody has written for 3 minutes")
    await teacher.sees_on_card("Salmon", re.compile(r"Quiet 3:\d\d"))
    for table in ("Basket", "River"):
        await expect(teacher.card(table)).not_to_contain_text("Nobody has written")
    await teacher.sees("You have not been to Basket, River, and Salmon yet.")


async def one_tap_asks_them(teacher: Teacher, silent: Student, other: Student) -> None:
    """The question is on the silent table's pages, and on no other."""
    await teacher.presses("Send a question", within=teacher.card("Salmon"))
    await silent.sees(QUESTION, within=silent.page.locator(".note"))
    await teacher.sees(f"Sent to Salmon: “{QUESTION}”")
    await teacher.sees_on_card("Salmon", "you wrote to them just now")
    await other.does_not_see(QUESTION)


async def the_teacher_visits(teacher: Teacher) -> None:
    await teacher.presses("Visit Salmon", within=teacher.card("Salmon"))
    visit = teacher.page.get_by_role("complementary", name="Salmon")
    await teacher.sees_text("acorns fall")
    await teacher.sees(re.compile(r"Quiet \d"), within=visit)
    await teacher.sees_on_card("Salmon", "you visited once")


async def they_write_and_the_reason_goes(teacher: Teacher, silent: Student, other: Student) -> None:
    """The words go at once; the card moves when the teacher asks for it, for the pointer is among the cards."""
    await other.types("Ana goes on. ")
    await silent.types("We agree that they were bitter. ")
    await teacher.sees_text("We agree that they were bitter.")
    await expect(teacher.card("Salmon")).not_to_contain_text("Nobody has written")
    await teacher.sees_on_card("Salmon", "Writing is under way")
    await expect(teacher.cards.first).to_contain_text("Salmon")
    await teacher.presses("The order has changed: show it")
    await expect(teacher.cards.last).to_contain_text("Salmon")


async def the_teachers_own_time_is_told(teacher: Teacher) -> None:
    """And goes on while the teacher reads of it (P18)."""
    await teacher.presses("Where you have been")
    row = teacher.dialog().get_by_role("row", name=re.compile("Salmon"))
    await expect(row).to_contain_text("1 visit")
    time = row.get_by_role("cell").last
    before = await time.inner_text()
    await expect(time).not_to_have_text(before)
    await expect(teacher.dialog().get_by_role("row", name=re.compile("River"))).to_contain_text("not yet")
    await teacher.presses("Visit Basket", within=teacher.dialog())
    await expect(teacher.page.get_by_role("complementary", name="Basket")).to_be_visible()
