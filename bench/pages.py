"""Measure the pages in a real Chromium: how soon a student can write, how soon a key shows, how smooth a dashboard is.

    python -m bench.pages [opening | typing | dashboard ...]

*Opening*: the student's page with nothing of it in the browser's cache, and from ``/join``, which fetches it ahead; the
processor as it is and slowed to a quarter, as a cheap laptop's. Times run from the navigation: the first paint with
words in it; the editor that takes a key; the frame that shows it. *Typing*: one of thirty at one table, all the others
typing; from a key to the changed text, and to the frame after it. *Dashboard*: forty rooms of five who all type.

Server and load generator have a core each, and Chromium both: on a machine with two, that is what it shares.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from typing import Any

from playwright.async_api import CDPSession

from bench.jobs import Seat, Stage, Typing, TypingResult
from bench.scenarios import generate
from bench.servers import OURS, Lesson, Roundtable, running
from tests.e2e.browser import School, Teacher, open_school

RUNS = 9
BEFORE = {"new to the browser": "/counted", "from /join": "/join"}
"""The page that a student comes from: one without a script, or the one that leads there."""
SLOWED = (1, 4)
"""How many times slower than it is the processor is made."""
OPENING_SECS = 2.0
AT_A_TABLE = 30
CURSORS_A_SECOND = 4.0
KEYS, KEY_GAP_SECS = 100, 0.12
ROOMS, PER_ROOM = 40, 5
DASHBOARD_KEYS_A_SECOND = 2.0
DASHBOARD_SECS = 15.0
WARM_UP_SECS = 3.0

WATCH_OPENING = """() => {
    if (location.pathname.startsWith("/l/")) {
        const figures = window.figures = {}
        new PerformanceObserver(list => {
            const first = list.getEntries().find(({name}) => name === "first-contentful-paint")
            if (first) figures.painted = first.startTime
        }).observe({type: "paint", buffered: true})
        const observer = new MutationObserver(() => {
            const editor = document.querySelector(".cm-content[contenteditable=true]")
            if (!editor || figures.writable) return
            figures.writable = performance.now()
            observer.disconnect()
            editor.focus()
            document.execCommand("insertText", false, "\\u00a7")
            requestAnimationFrame(() => {
                if (editor.textContent.includes("\\u00a7")) setTimeout(() => figures.shown = performance.now())
            })
        })
        observer.observe(document, {subtree: true, childList: true, attributeFilter: ["contenteditable"]})
    }
}"""
"""Note when there is an editor that may be written in, and type into it at once."""

WATCH_KEYS = """() => {
    window.keys = []
    let pressed
    addEventListener("keydown", ({timeStamp}) => pressed = timeStamp, {capture: true})
    const text = document.querySelector(".cm-content")
    const length = () => [...text.querySelectorAll(".cm-line")].reduce((sum, line) => sum + line.textContent.length, 0)
    text.addEventListener("input", () => {
        const key = {changed: performance.now() - pressed}
        keys.push(key)
        requestAnimationFrame(() => { const channel = new MessageChannel()
            channel.port1.onmessage = () => key.shown = performance.now() - presses.shift()
            channel.port2.postMessage(null) })
        presses.push(pressed)
    })
    const presses = []
}"""
"""Note how long each key took to change the text, and until the frame that shows it was drawn."""

COUNT_FRAMES = """secs => new Promise(resolve => {
    const started = performance.now()
    const gaps = []
    let before = started
    requestAnimationFrame(function look(now) {
        gaps.push(now - before)
        before = now
        if (now - started < secs * 1000) requestAnimationFrame(look)
        else resolve(gaps.slice(1))
    })
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", default=["opening", "typing", "dashboard"])
    parts: list[str] = parser.parse_args().parts
    for part in parts:
        asyncio.run({"opening": opening, "typing": typing, "dashboard": dashboard}[part]())


async def opening() -> None:
    """Open the student's page again and again, each time in a browser context that has never seen it."""
    with running(OURS) as server:
        assert isinstance(server, Roundtable)
        lesson = server.lesson(PER_ROOM, PER_ROOM)
        await type_for(lesson, lesson.seats[1:], 4.0, 5.0)  # there is a text to open
        async with open_school(address(server)) as school:
            for come, before in BEFORE.items():
                for slowed in SLOWED:
                    found = [await open_once(school, lesson, before, slowed) for _ in range(RUNS)]
                    for what in ("painted", "writable", "shown"):
                        figures = spread([each[what] for each in found])
                        print(f"opening, {come}, {slowed}×: {what:9}{figures}", flush=True)


async def open_once(school: School, lesson: Lesson, before: str, slowed: float) -> dict[str, float]:
    """Give when (ms) the page was painted, writable and had shown a key."""
    student = await school.student("Pupil 0")
    page = student.page
    await page.context.request.get(opener(lesson, lesson.seats[0]), max_redirects=0)  # the cookie that joining gives
    await page.add_init_script(f"({WATCH_OPENING})()")
    await page.goto(before, wait_until="networkidle")
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    await page.goto(f"/l/{lesson.lesson}", wait_until="commit")
    await asyncio.sleep(OPENING_SECS)  # asking sooner would be work for the page: Playwright brings a large script
    found: dict[str, float] = await page.evaluate("window.figures")
    await page.context.close()
    return found


async def typing() -> None:
    """Type at a table of thirty who all do."""
    with running(OURS) as server:
        assert isinstance(server, Roundtable)
        lesson = server.lesson(AT_A_TABLE, AT_A_TABLE)
        async with open_school(address(server)) as school:
            student = await school.student("Pupil 0")
            await student.visits(opener(lesson, lesson.seats[0]))
            await student.can_write()
            load = asyncio.create_task(
                type_for(lesson, lesson.seats[1:], CURSORS_A_SECOND, WARM_UP_SECS + KEYS * (KEY_GAP_SECS + 0.03) + 2)
            )
            await student.page.wait_for_function(
                f"() => document.querySelectorAll('.cm-peers > .caret').length >= {AT_A_TABLE - 1}"
            )
            await student.editor.click()
            await student.page.keyboard.press("Control+End")
            await student.page.evaluate(WATCH_KEYS)
            for number in range(KEYS):
                await student.page.keyboard.press("abcdefghij "[number % 11])
                await asyncio.sleep(KEY_GAP_SECS)
            cursors = await student.page.locator(".cm-peers > .caret").count()
            await load
            keys: list[dict[str, float]] = await student.page.evaluate("keys")
    for what in ("changed", "shown"):
        print(f"typing, {cursors} cursors: {what:9}{spread([key[what] for key in keys])}", flush=True)


async def dashboard() -> None:
    """Watch a dashboard of forty rooms draw while everybody types."""
    with running(OURS) as server:
        assert isinstance(server, Roundtable)
        lesson = server.lesson(ROOMS * PER_ROOM, PER_ROOM, pages=True)
        async with open_school(address(server)) as school:
            teacher = await school.seat(Teacher, "the teacher", viewport={"width": 1280, "height": 800})
            await teacher.opens_desk(lesson.lesson, lesson.token)
            load = asyncio.create_task(
                type_for(lesson, lesson.seats, DASHBOARD_KEYS_A_SECOND, WARM_UP_SECS + DASHBOARD_SECS + 1)
            )
            await teacher.page.wait_for_function(
                f"() => document.querySelectorAll('article.room .whose').length >= {ROOMS}"
            )
            await asyncio.sleep(WARM_UP_SECS)
            session = await teacher.page.context.new_cdp_session(teacher.page)
            await session.send("Performance.enable")
            before = await metrics(session)
            gaps: list[float] = await teacher.page.evaluate(COUNT_FRAMES, DASHBOARD_SECS)
            after = await metrics(session)
            await load
    secs = after["Timestamp"] - before["Timestamp"]
    spent = {
        name: (after[name] - before[name]) / secs * 1000
        for name in ("ScriptDuration", "LayoutDuration", "TaskDuration")
    }
    print(
        f"dashboard, {ROOMS} rooms: {len(gaps) / (sum(gaps) / 1000):.1f} frames a second, the longest gap"
        f" {max(gaps):.0f} ms; of each second {spent['ScriptDuration']:.0f} ms script, {spent['LayoutDuration']:.0f} ms"
        f" layout, {spent['TaskDuration']:.0f} ms in all",
        flush=True,
    )


async def type_for(lesson: Lesson, seats: Sequence[Seat], rate: float, secs: float) -> None:
    """Let the load generator type for these seats, in its own process."""
    job = Typing(lesson.target, list(seats), [Stage(rate, secs)])
    await asyncio.to_thread(generate, job, TypingResult)


def address(server: Roundtable) -> str:
    return f"http://{server.target.host}:{server.target.port}"


def opener(lesson: Lesson, seat: Seat) -> str:
    """Give the path that opens the lesson's page as whoever has this seat."""
    return f"/l/{lesson.lesson}?{seat.path.split('?')[1]}"


async def metrics(session: CDPSession) -> dict[str, float]:
    """Read Chromium's counters of a page, times in seconds, since they were enabled."""
    found: dict[str, Any] = await session.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in found["metrics"]}


def spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return f"median {statistics.median(ordered):6.1f} ms, 95 of 100 {p95:6.1f} ms, worst {ordered[-1]:6.1f} ms"


if __name__ == "__main__":
    main()
