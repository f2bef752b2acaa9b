"""What is pressed twice is pressed once: nothing that moves under the finger takes the second press."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.browser import School
from tests.stage import Server

pytestmark = pytest.mark.e2e

PRESS_TWICE = """async first => {
    const {left, right, top, bottom} = first.getBoundingClientRect()
    const at = {clientX: (left + right) / 2, clientY: (top + bottom) / 2, bubbles: true, cancelable: true}
    const press = detail => document.elementFromPoint(at.clientX, at.clientY)
        .dispatchEvent(new MouseEvent("click", {...at, detail}))
    press(1)
    while (first.isConnected) await new Promise(requestAnimationFrame)
    press(2)
}"""
"""Press the place of a button again as soon as the button is gone from there."""


async def press_twice(button: Locator) -> None:
    await button.evaluate(PRESS_TWICE)


async def test_the_second_press_presses_nothing_that_has_moved_there(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    teacher = await school.teacher()
    ana = await (await school.student("Ana")).joins_by_link(lesson.code)
    others = [await lesson.join(name) for name in ("Ben", "Cleo")]
    await lesson.command("open_rooms")
    await ana.is_in_a_room()
    for words in ("First.", "Second.", "Third."):
        await lesson.command("broadcast", text=words)
    messages = ana.page.locator(".messages .note")
    await expect(messages).to_have_count(3)
    await press_twice(messages.first.get_by_role("button"))
    await ana.does_not_see("Third.")
    await ana.sees("Second.")

    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    for other in others:
        await other.command("hand", reason="stuck")
    queue = teacher.page.locator(".queue li")
    await expect(queue).to_have_count(2)
    await press_twice(queue.first.get_by_role("button", name="Answered"))
    await press_twice(teacher.button("Gather everyone"))
    await teacher.sees("Everyone is looking at the front.")
    await expect(queue).to_contain_text(["Cleo"])
    await expect(teacher.button("Open the rooms again")).to_be_visible()
