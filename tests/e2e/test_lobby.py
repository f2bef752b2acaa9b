"""The lobby while a class comes in: what is aimed at stays where it is, and what is pressed is done."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.browser import School, Student
from tests.stage import Classroom, Server

pytestmark = pytest.mark.e2e

TABLES = ["Salmon", "The long way down the river", "Acorns", "Bees"]

WATCH_THE_TABLES = """() => {
    const buttons = [...document.querySelectorAll(".room-choice button")]
    const tables = buttons.map(button => ({
        button, name: button.ariaLabel, box: button.getBoundingClientRect(), focused: button.matches(":focus"),
    }))
    window.faults = new Set()
    const look = () => {
        for (const {button, name, box, focused} of tables) {
            const now = button.getBoundingClientRect()
            const moved = ["left", "top", "right", "bottom"].some(side => Math.abs(now[side] - box[side]) > 1)
            if (moved) faults.add(`${name} moved`)
            const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2
            const under = document.elementFromPoint(x, y)
            if (under && !button.contains(under)) faults.add(`something else lies where ${name} was`)
            if (focused && document.activeElement !== button) faults.add(`${name} lost the focus`)
        }
        requestAnimationFrame(look)
    }
    look()
}"""
"""Compare every table's button with what it is now, from now on and in every frame."""

NAMES = "() => [...document.querySelectorAll('.room-choice h3')].map(heading => heading.textContent)"


async def in_the_lobby(school: School, lesson: Classroom, **look: object) -> Student:
    """A student who has just come in."""
    token = (await lesson.join("Ana")).token
    ana = await school.student("Ana", **look)
    await ana.visits(f"/l/{lesson.lesson}?token={token}")
    return ana


async def before_the_connection(school: School, lesson: Classroom) -> tuple[Student, asyncio.Event]:
    """A student whose page is drawn and not connected, and what lets it connect."""
    ana = await school.student("Ana")
    connects = await ana.connects_when_told()
    await ana.visits(f"/l/{lesson.lesson}?token={(await lesson.join('Ana')).token}")
    await ana.sees("Connecting …")
    return ana, connects


@pytest.mark.parametrize(
    ("language", "width", "height"), [("en", 360, 740), ("en", 1280, 800), ("ar", 360, 740), ("ar", 1280, 800)]
)
async def test_a_table_stays_under_the_pointer_while_a_class_sits_down(
    server: Server, school: School, language: str, width: int, height: int
) -> None:
    rooms = [{"name": name, "topic": "What it eats" if name == "Bees" else ""} for name in TABLES]
    lesson = await server.create_lesson(grouping="self", rooms=rooms, language=language, task="A summary.")
    ana = await in_the_lobby(school, lesson, viewport={"width": width, "height": height})
    count = ana.page.locator(".gathering text")
    await expect(count).to_have_text("1")
    tables = ana.page.locator(".room-choice button")
    await expect(tables).to_have_count(len(TABLES))
    async with lesson.watch() as desk:
        ids = sorted(desk.state["rooms"], key=lambda room: desk.state["rooms"][room]["position"])

    await tables.last.scroll_into_view_if_needed()
    await tables.first.hover()
    await ana.page.mouse.down()  # a slow press, which the class comes in during; it gives the focus, too
    await ana.page.evaluate(WATCH_THE_TABLES)
    for room in ids * 2:  # one by one: tables are full at times, and take more again
        await (await lesson.join("Classmate")).command("choose", room=room)
    await expect(count).to_have_text("9")
    await ana.page.mouse.up()
    await expect(tables.first).to_have_attribute("aria-current", "true")
    classmates = [await lesson.join("Another") for _ in ids]
    await expect(count).to_have_text("13")
    for classmate, room in zip(classmates, ids, strict=True):
        await classmate.command("choose", room=room)
    await expect(ana.page.locator(".who")).to_have_count(4)
    assert await ana.page.evaluate("[...faults]") == []


async def test_the_tables_stand_in_the_lessons_order_before_and_after_the_connection(
    server: Server, school: School
) -> None:
    order = [f"Table {number}" for number in range(1, 9)]
    lesson = await server.create_lesson(grouping="self", rooms=[{"name": name} for name in order])
    ana, connects = await before_the_connection(school, lesson)
    assert await ana.page.evaluate(NAMES) == order
    connects.set()
    await ana.does_not_see("Connecting …")
    assert await ana.page.evaluate(NAMES) == order


async def test_what_is_pressed_before_the_connection_is_done_with_it(server: Server, school: School) -> None:
    lesson = await server.create_lesson(grouping="self", rooms=[{"name": name} for name in TABLES])
    ana, connects = await before_the_connection(school, lesson)
    await ana.presses("Sit here: Salmon")
    connects.set()
    await ana.sees("You will sit at “Salmon”.")
    await expect(ana.page.locator(".toast")).to_have_count(0)


async def test_nothing_moves_under_a_hand_that_carries_somebody(server: Server, school: School) -> None:
    lesson = await server.create_lesson(grouping="teacher", rooms=[{"name": name} for name in TABLES])
    await lesson.join("Ana")
    narrow = {"width": 900, "height": 1000}  # where those who wait stand above the tables
    teacher, colleague = await school.teacher(viewport=narrow), await school.teacher("a colleague")
    for each in (teacher, colleague):
        await each.opens_desk(lesson.lesson, lesson.teacher_token)
    mouse = teacher.page.mouse
    table = teacher.page.locator(".lobby-room", has_text="Acorns")
    await table.scroll_into_view_if_needed()
    before = await table.bounding_box()
    assert before is not None
    await teacher.seat_of("Ana").hover()
    await mouse.down()
    await mouse.move(before["x"] + 20, before["y"] + before["height"] / 2, steps=5)
    await asyncio.gather(*(lesson.join(f"Classmate {number}") for number in range(24)))
    await expect(colleague.page.locator(".waiting .person")).to_have_count(25)
    await teacher.page.evaluate("() => new Promise(drawn => setTimeout(() => requestAnimationFrame(drawn), 300))")
    assert await table.bounding_box() == before
    await mouse.up()
    await expect(table.locator(".person")).to_have_text([re.compile("Ana")])
    await expect(teacher.page.locator(".waiting .person")).to_have_count(24)


async def test_a_name_stays_under_the_pointer_while_others_come_in(server: Server, school: School) -> None:
    lesson = await server.create_lesson(grouping="teacher", room_count=2)
    for name in ("Zoe", "Mia"):
        await lesson.join(name)
    teacher = await school.teacher()
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    names = teacher.page.locator(".waiting .person")
    await expect(names).to_have_text([re.compile("Zoe"), re.compile("Mia")])
    before = await teacher.seat_of("Mia").bounding_box()
    await asyncio.gather(*(lesson.join(f"Classmate {number}") for number in range(12)))
    await expect(names).to_have_count(14)
    assert await teacher.seat_of("Mia").bounding_box() == before
