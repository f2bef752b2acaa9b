"""Every page in every phase: axe finds nothing, nothing scrolls sideways, a keyboard is enough, Arabic runs left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import expect

from tests.e2e.browser import Person, School, Student, Teacher
from tests.stage import Server, gather

pytestmark = pytest.mark.e2e

AXE = (Path(__file__).parents[2] / "static/node_modules/axe-core/axe.min.js").read_text()
RUN = """async rules => {
    const {violations} = await axe.run(rules ? {runOnly: {type: "rule", values: rules}} : {})
    return violations.map(({id, nodes}) =>
        `${id}: ${nodes.map(({target, failureSummary}) => `${target} ${failureSummary}`).join("; ")}`)
}"""
OUTSIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [
    document.documentElement.scrollWidth, innerWidth, ...[...document.querySelectorAll("body *")].filter(element => {
        const {left, right} = element.getBoundingClientRect()
        return left < -1 || right > innerWidth + 1
    }).map(({tagName, className}) => `${tagName}.${className}`)]"""
"""What makes the page wider than the window."""
SCREENS = {360: 740, 1280: 800, 1920: 1080}
NARROWEST = 320
BY_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules that a change from light to dark can break."""
SCHEMES: tuple[tuple[Literal["light", "dark"], tuple[str, ...] | None], ...] = (("light", None), ("dark", BY_COLOUR))


async def is_for_everyone(person: Person, where: str) -> None:
    """Look at the page as it stands: light and dark, on a phone, a laptop and a projector."""
    page = person.page
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found = []
    for width, height in SCREENS.items():
        await page.set_viewport_size({"width": width, "height": height})
        for scheme, rules in SCHEMES:
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{where}, {width} px, {scheme}: {each}" for each in await page.evaluate(RUN, rules)]
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert found == []
    for width in (360, NARROWEST):
        await page.set_viewport_size({"width": width, "height": 740})
        outside = await page.evaluate(OUTSIDE)
        assert not outside, f"{where} scrolls sideways at {width} px: {outside}"
    await page.set_viewport_size({"width": 1280, "height": 800})


async def test_the_pages_before_a_lesson(school: School) -> None:
    visitor = await school.seat(Person, "a visitor")
    page = visitor.page
    visitor.forgiven.add("404")
    await visitor.visits("/")
    await is_for_everyone(visitor, "home")
    await visitor.visits("/new")
    await is_for_everyone(visitor, "new")
    await page.locator("summary", has_text="More").click()
    await page.get_by_label("From my list").check()
    await page.get_by_label("Who sits where").fill("Mia, Salmon\nTom")
    await visitor.presses("Create the lesson")
    await visitor.sees("Write a title: a few words will do.")
    await is_for_everyone(visitor, "new with errors")
    await visitor.visits("/join")
    await page.get_by_label("Lesson code").fill("QQQQQQ")
    await page.get_by_label("Your first name").fill("Ana")
    await visitor.presses("Join")
    await expect(page.get_by_role("alert").filter(has_text="code")).to_be_visible()
    await is_for_everyone(visitor, "join with an error")
    await visitor.visits("/nowhere")
    await visitor.sees_heading("There is no page here")
    await is_for_everyone(visitor, "error")
    await page.get_by_label("Code").fill("QQQQQQ")
    await visitor.presses("Join")
    await expect(page).to_have_url(re.compile(r"/join\?lang=en&code=QQQQQQ$"))


async def test_the_pages_of_a_lesson_in_every_phase(server: Server, school: School) -> None:
    lesson = await server.create_lesson(
        title="Acorns and how they became food in the hills above the river",
        task="Write one paragraph together. " * 12,
        criteria=["It says where", "It says how"],
        starters=["I found that …", "How do we know …?"],
        rooms=[{"name": "Acorns", "topic": "How did acorns become food?"}, {"name": "A-name-without-any-space-in-it"}],
        minutes=10,
    )
    teacher = await school.teacher()
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await is_for_everyone(teacher, "teacher's empty lobby")
    ana = await (await school.student("Ana")).joins_by_link(lesson.code)
    long = await lesson.join("Wilhelmina-Alexandrina-Konstantinopolska")
    wall = await school.projector()
    await wall.opens(f"/p/{lesson.lesson}?token={lesson.projector_token}")
    await ana.sees("2 people are here")
    await wall.sees("2 have come in")
    await gather(
        is_for_everyone(teacher, "teacher's lobby"),
        is_for_everyone(ana, "student's lobby"),
        is_for_everyone(wall, "projector's lobby"),
    )

    await teacher.opens_rooms()
    await ana.is_in_a_room()
    await ana.types("Acorns were washed in the river. ")
    await ana.says("Hello table")
    await ana.asks_for_help("We disagree", "about the river")
    await ana.presses("Who wrote what")
    await long.command("chat", text="Anybody here?" * 20)
    await lesson.command("broadcast", text="Two more minutes.")
    await teacher.sees_on_card(ana.room, "Acorns were washed")
    await teacher.card(ana.room).locator("summary", has_text="Who did how much").click()
    await wall.sees("Two more minutes.")
    await gather(
        is_for_everyone(teacher, "dashboard"),
        is_for_everyone(ana, "student's room"),
        is_for_everyone(wall, "projector at work"),
    )
    await the_dialogs(teacher, ana)

    await teacher.presses(re.compile(f"^Visit {ana.room}"), within=teacher.card(ana.room))
    await teacher.chooses("Pens down in all rooms", menu="More")
    await teacher.presses("Spotlight", within=teacher.page.get_by_role("complementary"))
    await wall.sees_spotlit("Acorns were washed")
    await ana.cannot_write()
    await gather(
        is_for_everyone(teacher, "visit to a room"),
        is_for_everyone(ana, "student's locked room with the spotlight"),
        is_for_everyone(wall, "projector with the spotlight"),
    )

    await teacher.presses("Take it down")
    await teacher.gathers()
    await wall.sees("Eyes to the front")
    await gather(
        is_for_everyone(teacher, "teacher, gathered"),
        is_for_everyone(ana, "student, gathered"),
        is_for_everyone(wall, "projector, gathered"),
    )

    await teacher.ends()
    await ana.sees("This device has forgotten the text.")
    await wall.sees("The lesson is over")
    await teacher.sees_heading("The lesson is over")
    await gather(
        is_for_everyone(teacher, "teacher, after the lesson"),
        is_for_everyone(ana, "student, after the lesson"),
        is_for_everyone(wall, "projector, after the lesson"),
    )
    await teacher.page.get_by_role("link", name="Open the report").first.click()
    await teacher.sees_heading("What is counted here")
    await is_for_everyone(teacher, "report")
    await teacher.visits("/")
    await teacher.sees_heading("Your lessons in this browser")
    await is_for_everyone(teacher, "home with a lesson")


async def the_dialogs(teacher: Teacher, student: Student) -> None:
    """What opens over a page is for everyone too; Escape closes it."""
    await student.presses("Take back")
    await student.presses("Ask for help")
    await teacher.presses("Message all")
    await gather(
        is_for_everyone(student, "asking for help"),
        is_for_everyone(teacher, "writing to all"),
    )
    for person in (student, teacher):
        await person.page.keyboard.press("Escape")
        await expect(person.dialog()).to_have_count(0)
    await teacher.seat_of("Ana").click()
    await is_for_everyone(teacher, "looking after a person")
    await teacher.page.keyboard.press("Escape")


async def test_the_lobby_where_they_choose_their_table(server: Server, school: School) -> None:
    rooms = [
        {"name": "Salmon"},
        {"name": "A-name-without-any-space-in-it"},
        {"name": "Bees", "topic": "What it eats " * 6},
    ]
    lesson = await server.create_lesson(grouping="self", task="A summary.", rooms=rooms)
    token = (await lesson.join("Ana")).token
    ana = await school.student("Ana")
    await ana.visits(f"/l/{lesson.lesson}?token={token}")
    await ana.sees("You are the first one here")
    await is_for_everyone(ana, "student's choice of tables")
    await ana.presses("Sit here: Salmon")
    await ana.sees("At the table")
    await lesson.command("broadcast", text="Two minutes, then we begin.")
    await ana.sees("Two minutes, then we begin.")
    await is_for_everyone(ana, "student's choice of tables, seated, with a message")


async def test_a_keyboard_is_enough(server: Server, school: School) -> None:
    teacher, ana = await school.teacher(), await school.student("Ana")
    await teacher.visits("/new")
    await expect(teacher.page.get_by_label("What is it about?")).to_be_focused()
    await teacher.page.keyboard.type("Acorns")
    await teacher.page.keyboard.press("Enter")
    await teacher.page.wait_for_url("**/t/*")
    teacher.code = (await teacher.page.locator(".joining-code").inner_text()).replace(" ", "")

    await ana.visits(f"/j/{teacher.code}")
    await expect(ana.page.get_by_label("Your first name")).to_be_focused()
    await ana.page.keyboard.type("Ana")
    await ana.page.keyboard.press("Enter")
    await ana.sees_heading("You are in, Ana")

    await teacher.tabs_to(teacher.seat_of("Ana"))
    await teacher.page.keyboard.press("Enter")
    await expect(teacher.dialog().get_by_label("Sits at")).to_be_focused()
    await teacher.page.keyboard.type("Table 3")
    await teacher.tabs_to(teacher.button("Save"))
    await teacher.page.keyboard.press("Enter")
    await expect(teacher.dialog()).to_have_count(0)
    await ana.sees("You will sit at “Table 3”.")
    await teacher.page.keyboard.press("Control+Home")
    await teacher.page.evaluate("document.activeElement.blur()")
    await teacher.tabs_to(teacher.button("Open the rooms"))
    await teacher.page.keyboard.press("Enter")

    assert await ana.is_in_a_room() == "Table 3"
    await ana.tabs_to(ana.editor)
    await ana.goes_on("Written without a mouse. ")
    await ana.page.keyboard.press("Control+b")
    await ana.goes_on("Boldly")
    await ana.is_told("Saved")
    await expect(ana.page.locator(".md-strong", has_text="Boldly")).to_be_visible()
    await teacher.sees_on_card("Table 3", "Written without a mouse. Boldly")
    await ana.tabs_to(ana.button("We are ready"))
    await ana.page.keyboard.press("Space")
    await teacher.sees_on_card("Table 3", "Ready to share")


UNDER_SOMETHING = """() => {
    const {activeElement: element} = document
    const {left, right, top, bottom} = element.getBoundingClientRect()
    const [first, last] = [Math.max(top, 0), Math.min(bottom, innerHeight)]
    const seen = [0.1, 0.5, 0.9].some(x => [0.1, 0.5, 0.9].some(y => {
        const found = document.elementFromPoint(left + x * (right - left), first + y * (last - first))
        return found && (element.contains(found) || found.contains(element))
    }))
    return seen || element === document.body ? "" : element.ariaLabel || element.id || element.textContent.trim()
}"""
"""What has the focus, when nothing of it can be seen (WCAG 2.4.11)."""


async def sees_where_the_keyboard_is(person: Person, width: int, height: int) -> None:
    """Go through the whole page with Tab, and back."""
    await person.page.set_viewport_size({"width": width, "height": height})
    hidden = []
    for key in ("Tab", "Shift+Tab"):
        for _ in range(60):
            await person.page.keyboard.press(key)
            hidden.append(await person.page.evaluate(UNDER_SOMETHING))
    assert [name for name in hidden if name] == [], f"{person.name} at {width} x {height}, {person.page.url}"


async def test_nothing_covers_what_the_keyboard_goes_to(server: Server, school: School) -> None:
    tables = [{"name": f"Table {number}"} for number in range(1, 9)]
    lesson = await server.create_lesson(grouping="self", rooms=tables, task="A summary.", starters=["I found that …"])
    teacher, token = await school.teacher(), (await lesson.join("Ana")).token
    ana = await school.student("Ana")
    await teacher.visits("/new")
    await teacher.page.locator("summary", has_text="More").click()
    for size in ((1280, 800), (640, 400)):
        await sees_where_the_keyboard_is(teacher, *size)
    await ana.visits(f"/l/{lesson.lesson}?token={token}")
    await lesson.command("broadcast", text="Two minutes, then we begin.")
    await ana.sees("Two minutes, then we begin.")
    for size in ((1280, 800), (360, 740)):
        await sees_where_the_keyboard_is(ana, *size)
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await sees_where_the_keyboard_is(teacher, 1280, 800)
    await lesson.command("open_rooms")
    await ana.is_in_a_room()
    await expect(teacher.cards.first).to_be_visible()
    await sees_where_the_keyboard_is(ana, 360, 740)
    await sees_where_the_keyboard_is(teacher, 1280, 800)


async def test_a_room_that_is_visited_is_named_below_the_bar_however_high_that_is(
    server: Server, school: School
) -> None:
    lesson = await server.create_lesson(title="Acorns and how they became food in the hills", room_count=12)
    await gather(*(lesson.join(f"Student {number}") for number in range(12)))
    await lesson.command("open_rooms")
    await lesson.command("gather")
    teacher = await school.teacher(viewport={"width": 1100, "height": 700})
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await teacher.presses(re.compile("^Visit"), within=teacher.cards.last)
    name = teacher.page.locator("#visit-title")
    await expect(name).to_be_focused()
    await teacher.page.mouse.move(200, 500)
    await teacher.page.mouse.wheel(0, 600)
    bar, visit = teacher.page.locator(".desk-bar"), teacher.page.locator(".visit")
    await teacher.page.wait_for_function("() => scrollY > 300")
    low, first, panel = (await bar.bounding_box(), await name.bounding_box(), await visit.bounding_box())
    assert low is not None
    assert first is not None
    assert panel is not None
    assert first["y"] >= low["y"] + low["height"], "the bar covers the room's name"
    assert panel["y"] + panel["height"] <= 701


async def test_arabic_runs_right_to_left(server: Server, school: School) -> None:
    lesson = await server.create_lesson(title="البلوط", task="كيف صار البلوط طعامًا؟", language="ar", room_count=2)
    teacher, ana = await school.teacher(locale="ar"), await school.student("ليلى", locale="ar")
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await is_rtl(teacher, "teacher's lobby")
    await ana.visits(f"/j/{lesson.code}")
    await is_rtl(ana, "join")
    await ana.page.locator("#name").fill(ana.name)
    await ana.page.keyboard.press("Enter")
    await ana.page.wait_for_url("**/l/*")
    await is_rtl(ana, "student's lobby")
    await lesson.command("open_rooms")
    await ana.can_write()
    await ana.page.locator(".cm-content").click()
    await ana.goes_on("كان الناس يغسلون البلوط في النهر.")
    await expect(ana.page.locator(".chip.save")).to_have_attribute("data-save", "saved")
    line = ana.page.locator(".cm-line").first
    assert await line.evaluate("line => getComputedStyle(line).direction") == "rtl"
    await expect(teacher.page.locator("article.room", has_text="يغسلون")).to_be_visible()
    wall = await school.projector()
    await wall.opens(f"/p/{lesson.lesson}?token={lesson.projector_token}")
    await expect(wall.page.locator(".task")).to_contain_text("البلوط")
    await gather(is_rtl(ana, "student's room"), is_rtl(teacher, "dashboard"), is_rtl(wall, "projector"))
    # A list begins at the right, and what is undone is in that direction; digits stay as they are.
    turned = await ana.page.locator(".icon.directed").evaluate_all(
        "icons => icons.map(icon => getComputedStyle(icon).transform)"
    )
    assert turned == ["matrix(-1, 0, 0, 1, 0, 0)"] * 5
    await teacher.visits("/new")
    await is_rtl(teacher, "new")


async def is_rtl(person: Person, where: str) -> None:
    """Right to left, the start of things at the right, and for everyone."""
    await expect(person.page.locator("main").first).to_be_visible()
    assert await person.page.evaluate("getComputedStyle(document.body).direction") == "rtl", where
    assert await person.page.evaluate("document.documentElement.lang") == "ar", where
    await is_for_everyone(person, f"{where} in Arabic")
