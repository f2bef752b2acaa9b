"""The student's page opens in as few steps as it can: the order of them, and what must not be waited for."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Request

from tests.e2e.browser import School
from tests.stage import Server

pytestmark = pytest.mark.e2e

WATCH = """() => {
    window.steps = []
    window.WebSocket = new Proxy(WebSocket, {construct(kind, [url, ...rest]) {
        steps.push(url.includes("/rooms/") ? "text asked for" : "lesson asked for")
        return new kind(url, ...rest)
    }})
    const open = IDBFactory.prototype.open
    IDBFactory.prototype.open = function (...place) {
        const request = open.apply(this, place)
        request.addEventListener("success", () => steps.push("store open"))
        return request
    }
    Intl.Segmenter = new Proxy(Intl.Segmenter, {construct(kind, rest) {
        steps.push("segmenter")
        return new kind(...rest)
    }})
    new MutationObserver(() => {
        const drawn = document.querySelector(".room-bar")
        const writable = document.querySelector(".cm-content[contenteditable=true]")
        if (drawn && !steps.includes("drawn")) steps.push("drawn")
        if (writable && !steps.includes("writable")) steps.push("writable")
    }).observe(document, {subtree: true, childList: true, attributeFilter: ["contenteditable"]})
}"""
"""Note the steps of opening, in their order."""


async def test_a_student_writes_before_anything_that_can_wait(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    async with lesson.write((await lesson.join("Ben")).room or "", lesson.teacher_token) as writer:
        writer.text += "What stands there already."
        await writer.sees("What stands there already.")
        page = await school.student("Ana")
        requests: list[Request] = []
        page.page.on("request", lambda request: requests.append(request))
        # The lesson socket never answers: page and text come without it.
        await page.page.route_web_socket(re.compile(r"/ws/lessons/[^/]+\?"), lambda socket: None)
        await page.page.add_init_script(f"({WATCH})()")
        await page.comes_back_to(lesson.lesson, ana.token)
        await page.sees_text("What stands there already.")
        steps: list[str] = await page.page.evaluate("steps")
        await page.types_on("Written at once. ")
        await writer.sees("What stands there already.Written at once. ")
        await page.sees("The lesson does not answer yet.")

    until_writable = steps[: steps.index("writable")]
    assert "drawn" in until_writable
    assert until_writable.index("text asked for") < [*steps, "store open"].index("store open")
    assert "segmenter" not in until_writable, "it takes a slow laptop 80 ms"
    html = await (await page.page.context.request.get(f"/l/{lesson.lesson}")).text()
    fetched = {request.url.removeprefix(server.address) for request in requests if "/static/" in request.url}
    assert fetched, "scripts"
    assert fetched <= set(re.findall(r'"(/static/[^"]+)"', html)), "all is fetched at once, for the page names it"


async def test_while_the_code_is_typed_the_page_is_fetched(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1)
    await lesson.command("open_rooms")
    ana = await school.student("Ana")
    await ana.visits(f"/j/{lesson.code}")
    await ana.page.wait_for_function(
        """() => {
            const wanted = [...document.querySelectorAll("link[rel=prefetch]")].map(({href}) => href)
            const there = performance.getEntriesByType("resource").filter(({responseEnd}) => responseEnd)
            return wanted.every(each => there.some(({name}) => name === each))
        }"""
    )
    await ana.joins_by_link(lesson.code)
    await ana.is_in_a_room()
    fetched: dict[str, str] = await ana.page.evaluate(
        """() => Object.fromEntries(performance.getEntriesByType("resource")
            .filter(({name}) => name.includes("/static/")).map(({name, deliveryType}) => [name, deliveryType]))"""
    )
    assert any("/static/student-" in name for name in fetched)
    assert set(fetched.values()) == {"cache"}, fetched


async def test_the_page_starts_from_what_its_socket_says(server: Server, school: School) -> None:
    lesson = await server.create_lesson(room_count=1, criteria=["It says where"])
    ana, ben = await lesson.join("Ana"), await lesson.join("Ben")
    await lesson.command("open_rooms")
    await ben.command("chat", text="Hello, table.")
    page = await school.student("Ana")
    async with lesson.watch(ana.token) as watch, lesson.write(watch.state["me"]["room"], ana.token) as writer:
        writer.text += "A word of Ana."
        await lesson.command("spotlight", room=watch.state["me"]["room"])
        await watch.sees(
            lambda state: state["authors"] and "A word of Ana." in state["spotlight"]["html"], "the words, and whose"
        )
        await page.visits(f"/l/{lesson.lesson}?token={ana.token}")
        boot = json.loads(await page.page.locator("#boot").inner_text())
        assert boot["state"] == watch.state
