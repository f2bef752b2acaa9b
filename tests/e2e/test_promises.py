"""What the pages promise, in real Chromium: Saved means saved, nothing seen is lost, the desk is up to date."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import statistics

import pytest
from playwright.async_api import expect

from tests.e2e.browser import School, Student, Teacher
from tests.stage import Classroom, Server, gather

pytestmark = pytest.mark.e2e

WHEN_SHOWN = """([selector, word]) => new Promise(resolve => {
    const observer = new MutationObserver(() => {
        if (!document.querySelector(selector).textContent.includes(word)) return
        observer.disconnect()
        resolve(Date.now())
    })
    observer.observe(document.body, {subtree: true, childList: true, characterData: true})
})"""
"""When a word is first shown in an element, in ms since the epoch."""

NOTE_WHAT_IS_TOLD = """() => {
    window.told = []
    new MutationObserver(changes => told.push(...changes.map(({target}) => target.dataset.save)))
        .observe(document.body, {subtree: true, attributeFilter: ["data-save"]})
}"""
"""Keep every word about saving from now on."""


async def a_table_of_two(school: School, lesson: Classroom) -> tuple[Student, Student]:
    """Two students in the one room of a lesson that is under way."""
    ana, ben = await school.student("Ana"), await school.student("Ben")
    await gather(ana.joins_by_link(lesson.code), ben.joins_by_link(lesson.code))
    await lesson.command("open_rooms")
    await gather(ana.is_in_a_room(), ben.is_in_a_room())
    return ana, ben


async def at_the_desk(school: School, lesson: Classroom) -> Teacher:
    teacher = await school.teacher()
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    return teacher


async def test_a_full_disk_is_told_at_once_and_made_good(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben = await a_table_of_two(school, lesson)
    await ana.types("First. ")
    assert server.process is not None
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    await ana.types_on("Second.")
    saved = ana.page.locator("[data-save]")
    # Sooner than receipts are overdue: the server says that it cannot store.
    await expect(saved).to_have_attribute("data-save", "unsaved", timeout=8000)
    await expect(ben.editor).not_to_contain_text("Second.")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await expect(saved).to_have_attribute("data-save", "saved")
    await expect(ben.editor).to_contain_text("Second.")


async def test_saved_is_said_when_the_server_has_it_and_a_dead_server_loses_nothing(
    server: Server, school: School
) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben = await a_table_of_two(school, lesson)
    await ana.types("First. ")

    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)  # connected, and no answer
    await ana.page.evaluate(NOTE_WHAT_IS_TOLD)
    await ana.types_on("Second. ")
    await ana.is_told("Saving …")
    await ana.is_told("Not saved")  # after ten seconds
    assert "saved" not in await ana.page.evaluate("told")
    assert "Second." not in await ben.shown_text()
    server.process.send_signal(signal.SIGCONT)
    await ana.is_told("Saved")
    await ben.sees_text("First. Second.")

    for student in (ana, ben):
        student.forgiven.add("ERR_CONNECTION_REFUSED")
    await server.kill()
    await ana.is_told("Offline")
    await ana.types_on("Third, while the server is dead. ")
    await ana.is_told("Offline: kept on this device")
    await server.start()
    await gather(ana.is_told("Saved"), ben.is_told("Saved"))
    await ben.sees_text("First. Second. Third, while the server is dead.")
    await ben.types("Fourth.")
    await ana.sees_text("First. Second. Third, while the server is dead. Fourth.")


@pytest.mark.alone
async def test_a_keystroke_is_on_the_teachers_card_within_a_second_and_a_removed_student_out_at_once(
    server: Server, school: School
) -> None:
    lesson = await server.create_lesson(room_count=1)
    teacher = await at_the_desk(school, lesson)
    ana, ben = await a_table_of_two(school, lesson)
    await ana.types("It begins. ")
    await teacher.sees_on_card("Table 1", "It begins.")

    delays = []
    async with asyncio.timeout(30):
        for word in ("one", "two", "three", "four", "five"):
            on_card = asyncio.create_task(teacher.page.evaluate(WHEN_SHOWN, ["article.room .excerpt", word]))
            echoed = asyncio.create_task(ben.page.evaluate(WHEN_SHOWN, [".cm-content", word]))
            await ana.goes_on(f"{word} ")
            delays.append(await on_card - await echoed)
    assert statistics.median(delays) < 1000, f"ms from the classmates' page to the card: {delays}"

    await teacher.removes("Ben")
    await ben.sees_heading("You are no longer in this lesson", timeout_ms=2000)
    await ben.sees("This device has forgotten the text.")
    await expect(ben.page.locator(".cm-editor")).to_have_count(0)
    await expect(teacher.seat_of("Ben")).to_have_count(0)
    await expect(ana.page.locator(".at-table")).not_to_contain_text("Ben")
    ben.forgiven.add("401")
    await ben.page.reload()
    await ben.sees("Join again with the code on the board.")


async def test_the_next_child_at_a_device_is_someone_else(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben = await a_table_of_two(school, lesson)
    await ana.types("A word of Ana. ")
    anas = [name for name in await ana.kept_on_this_device() if name.startswith("roundtable:")]
    assert len(anas) == 1

    await ana.visits(f"/j/{lesson.code}")
    await ana.sees_heading("Welcome back, Ana")
    ana.name = "Dan"  # another child sits down
    await ana.joins_by_link(lesson.code)
    await ana.is_in_a_room()
    await ana.sees("You, Dan")
    await ben.sees(re.compile("^Dan$"))
    assert not set(anas) & set(await ana.kept_on_this_device())
    await ana.types("A word of Dan. ")
    await ben.sees_text("A word of Dan.")


async def test_two_children_at_one_device_each_in_a_tab_never_write_as_each_other(
    server: Server, school: School
) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben = await a_table_of_two(school, lesson)
    dan = Student("Dan", await ana.page.context.new_page())
    school.people.append(dan)
    ana.forgiven |= {"WebSocket is closed"}
    dan.forgiven |= {"ERR_INTERNET_DISCONNECTED"}
    await dan.joins_by_link(lesson.code)
    await dan.is_in_a_room()
    await dan.types("Words of Dan. ")
    await ana.sees_text("Words of Dan.")

    await ana.goes_offline()  # the whole device; its cookie is Dan's now
    await ana.is_told("Offline")
    await ana.types_on("Words of Ana. ")
    await ana.comes_back()
    await ana.sees_heading("Please join again")
    await expect(ana.page.locator("#refused-text")).to_have_value(re.compile("Words of Ana"))  # for her to copy
    await dan.types("More of Dan. ")
    await ben.sees_text("Words of Dan. More of Dan.")
    await dan.page.reload()
    await dan.is_in_a_room()
    await dan.sees_text("Words of Dan. More of Dan.")


async def test_they_choose_their_table_and_the_table_fills(server: Server, school: School) -> None:
    lesson = await server.create_lesson(grouping="self", rooms=[{"name": "Salmon"}, {"name": "Acorns"}])
    ana, ben = await school.student("Ana"), await school.student("Ben")
    await gather(ana.joins_by_link(lesson.code), ben.joins_by_link(lesson.code))
    await ana.sees("2 people are here")
    await ana.presses("Sit here: Salmon")
    await ana.sees("You will sit at “Salmon”.")
    await ben.sees("1 person")
    await ben.presses("Sit here: Acorns")
    await lesson.command("open_rooms")
    assert await gather(ana.is_in_a_room(), ben.is_in_a_room()) == ["Salmon", "Acorns"]
