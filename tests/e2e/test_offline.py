"""The network goes away in the middle of something: what was written is still there, and one more press sends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.e2e.browser import School
from tests.stage import Server, until

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


async def test_a_room_that_is_visited_without_a_network_is_there_when_it_is_back(
    server: Server, school: School
) -> None:
    lesson = await server.create_lesson(room_count=1)
    teacher = await school.teacher()
    ana = await (await school.student("Ana")).joins_by_link(lesson.code)
    await lesson.command("open_rooms")
    await ana.is_in_a_room()
    await ana.types("Acorns were washed.")
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await teacher.sees_on_card(ana.room, "Acorns were washed.")

    teacher.forgiven.add("ERR_INTERNET_DISCONNECTED")
    await teacher.page.context.set_offline(True)
    await teacher.presses("Gather everyone")
    await teacher.presses(f"Visit {ana.room}", within=teacher.card(ana.room))
    await expect(teacher.page.locator(".visit")).to_be_visible()
    assert await teacher.page.locator(".toast").all_inner_texts() == [NOT_CONNECTED]  # twice pressed, said once
    await teacher.page.context.set_offline(False)
    await teacher.sees_text("Acorns were washed.")


async def test_an_editor_that_did_not_arrive_is_asked_for_again(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    await lesson.command("open_rooms")
    ana = await school.student("Ana")
    ana.forgiven.add("ERR_INTERNET_DISCONNECTED")
    manifest = json.loads((Path(__file__).parents[2] / "static/dist/manifest.json").read_text())
    later = {f"/static/{name}" for name in manifest["student"]["later"]}
    lost: list[str] = []

    async def lose(route: Route) -> None:
        lost.append(route.request.url)
        await route.abort("internetdisconnected")

    def comes_later(url: str) -> bool:
        return any(url.endswith(name) for name in later)

    await ana.page.route(comes_later, lose)
    await ana.joins_by_link(lesson.code)
    await ana.sees("Opening …")
    await until(lambda: len(lost) > 3 * len(later), "the editor is asked for again")
    await ana.page.unroute(comes_later, lose)
    await ana.is_in_a_room()
    await ana.types("Written all the same.")
