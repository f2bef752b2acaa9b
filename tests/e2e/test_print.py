"""The report on paper: everything stands on it, nothing is torn apart, and nothing is there to be pressed."""

from __future__ import annotations

import pytest

from tests.e2e.browser import School, Teacher
from tests.e2e.paper import Sheet, read_sheets
from tests.stage import Classroom, Server

pytestmark = pytest.mark.e2e

A4 = (595.3, 841.9)
PARTS = 90


async def a_lesson_with_a_long_text(server: Server) -> Classroom:
    """Two rooms; in one of them a heading to every line, over several sheets."""
    lesson = await server.create_lesson(title="Acorns and oaks", task="One paragraph together", criteria=["where from"])
    people = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan")]
    await lesson.command("open_rooms")
    async with lesson.watch(people[0].token) as watch:
        room = watch.state["me"]["room"]
    async with lesson.write(room, people[0].token) as writer, lesson.write(room, lesson.teacher_token) as reader:
        writer.text += "\n\n".join(f"## Part {number}.\n\nLine {number}." for number in range(PARTS))
        await reader.sees(str(writer.text))
    await lesson.command("end")
    return lesson


async def print_it(teacher: Teacher) -> list[Sheet]:
    return read_sheets(await teacher.page.pdf(format="A4", prefer_css_page_size=True))


def holding(sheets: list[Sheet], words: str) -> int:
    """Say which sheet holds these words, the only one."""
    (found,) = [number for number, sheet in enumerate(sheets) if words in sheet.words]
    return found


@pytest.mark.parametrize("path", ["/t/{lesson}/report", "/api/lessons/{lesson}/report.html"])
async def test_the_report_prints_whole(server: Server, school: School, path: str) -> None:
    lesson = await a_lesson_with_a_long_text(server)
    teacher = await school.teacher(color_scheme="dark")
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await teacher.visits(path.format(lesson=lesson.lesson))
    await teacher.sees_heading("Part 0.")
    sheets = await print_it(teacher)

    assert len(sheets) >= 3
    for sheet in sheets:
        assert (sheet.width, sheet.height) == pytest.approx(A4, abs=1.5)
        assert sheet.words, "an empty sheet"
    assert holding(sheets, "Acornsandoaks") == 0
    for number in range(PARTS):
        assert holding(sheets, f"Part{number}.") == holding(sheets, f"Line{number}."), "a heading without its text"
    for name in ("Ana", "Ben", "Cleo", "Dan"):
        assert any(name in sheet.words for sheet in sheets)
    for button in ("Print", "Keepasafile", "Deletethelesson"):
        assert not any(button in sheet.words for sheet in sheets)


async def test_paper_is_white_and_holds_no_more_than_its_width(server: Server, school: School) -> None:
    lesson = await a_lesson_with_a_long_text(server)
    teacher = await school.teacher(color_scheme="dark", viewport={"width": 660, "height": 930})  # A4 within its margins
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    for path in (f"/t/{lesson.lesson}/report", f"/api/lessons/{lesson.lesson}/report.html"):
        await teacher.visits(path)
        await teacher.sees_heading("Part 0.")
        await teacher.page.emulate_media(media="print", color_scheme="dark")
        wide, ink = await teacher.page.evaluate(
            "() => [document.documentElement.scrollWidth, getComputedStyle(document.querySelector('h2')).color]"
        )
        assert wide <= 660
        assert max(map(int, ink.removeprefix("rgb(").removesuffix(")").split(","))) < 64, "dark on white"
