"""What the server refuses, read on an Arabic page in a browser that speaks English."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser import School
from tests.stage import Server

pytestmark = pytest.mark.e2e

MESSAGES = Path(__file__).parents[2] / "static" / "messages"
REFUSALS: dict[str, str] = json.loads((MESSAGES / "ar" / "refusals.json").read_text())
STUDENT: dict[str, str] = json.loads((MESSAGES / "ar" / "student.json").read_text())
NO_LESSON = "No lesson has this code. Look at the board again: six letters and numbers."


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without"])
async def test_a_mistyped_code_is_answered_in_the_language_of_the_page(
    server: Server, school: School, scripts: bool
) -> None:
    child = await school.student("Layla", viewport={"width": 360, "height": 740}, java_script_enabled=scripts)
    child.forgiven.add("404")
    await child.visits("/join?lang=ar")
    await child.page.locator("#code").fill("ZZZZZ9")
    await child.page.locator("#name").fill("ليلى")
    await child.page.locator("#join button[type=submit]").click()
    error = child.page.locator("#join-error")
    await expect(error).to_have_text(REFUSALS[NO_LESSON])
    await expect(child.page.locator("html")).to_have_attribute("dir", "rtl")
    assert await child.page.locator("#name").input_value() == "ليلى"


async def test_a_table_that_has_closed_is_refused_in_the_language_of_the_lesson(server: Server, school: School) -> None:
    lesson = await server.create_lesson(language="ar", grouping="self", rooms=[{"name": "السلمون"}, {"name": "البلوط"}])
    async with lesson.watch() as desk:
        salmon = next(room for room, each in desk.state["rooms"].items() if each["name"] == "السلمون")
    child = await school.student("Layla")
    connects = await child.connects_when_told()
    await child.visits(f"/l/{lesson.lesson}?token={(await lesson.join('ليلى')).token}")
    await child.page.get_by_role("button", name=f"{STUDENT['lobby.sit']}: السلمون").click()
    await lesson.command("close_room", room=salmon)
    connects.set()
    refusal = REFUSALS["{room} is closed: choose another room."].replace("{room}", "\u2068السلمون\u2069")
    await expect(child.page.locator(".toast")).to_contain_text(refusal)
