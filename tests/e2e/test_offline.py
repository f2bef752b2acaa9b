"""The network goes away in the middle of something: what was written is still there, and one more press sends it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.browser import School
from tests.stage import Server

pytestmark = pytest.mark.e2e

NOT_CONNECTED = "You are not connected just now. Try again in a moment."


async def test_what_is_written_in_a_dialog_stays_until_it_is_sent(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    teacher = await school.teacher()
    ana = await (await school.student("Ana")).joins_by_link(lesson.code)
    await lesson.command("open_rooms")
    await ana.is_in_a_room()
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)

    for person in (ana, teacher):
        person.forgiven.add("ERR_INTERNET_DISCONNECTED")
        await person.page.context.set_offline(True)
    await ana.asks_for_help("We disagree", "about the river")
    await teacher.writes_to_all("Two more minutes: finish the sentence you are in.")
    for person in (ana, teacher):
        await expect(person.dialog().get_by_role("alert")).to_have_text(NOT_CONNECTED)
        await person.page.context.set_offline(False)
    await expect(ana.page.locator(".chip.save")).to_have_text("Saved")
    await expect(teacher.page.locator(".offline-line")).to_have_count(0)
    await ana.presses("Ask", within=ana.dialog())
    await teacher.sees("about the river")
    await teacher.presses("Send", within=teacher.dialog())
    await ana.sees("Two more minutes: finish the sentence you are in.")
    for person in (ana, teacher):
        await expect(person.dialog()).to_have_count(0)
