"""A whole lesson in real Chromium: a teacher, six students in two rooms and a projector."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import expect

from tests.e2e.browser import Projector, School, Student, Teacher
from tests.stage import gather

pytestmark = pytest.mark.e2e

TASK = "Write one paragraph together: how did acorns become food?"


@pytest.mark.timeout(240)  # half a minute by itself; eight browsers on a busy machine take longer
async def test_a_lesson_from_the_first_name_to_the_report(school: School) -> None:
    teacher = await school.teacher()
    code = await teacher.creates_lesson(
        "Acorns", task=TASK, rooms=2, minutes="10", criteria="It says where\nIt says how", starters="I found that …"
    )
    projector = await school.projector()
    await projector.opens(await teacher.projector_address())
    await projector.sees("Nobody has come in yet. Who is first?")

    students = await come_in(school, code)
    for student in students:
        await expect(teacher.seat_of(student.name)).to_be_visible()
    await projector.sees("6 have come in")
    await students[0].sees("6 people are here")

    await teacher.opens_rooms()
    rooms = sorted(await gather(*(student.is_in_a_room() for student in students)))
    assert rooms == ["Table 1"] * 3 + ["Table 2"] * 3, "two tables of three"
    first = [student for student in students if student.room == "Table 1"]
    second = [student for student in students if student.room == "Table 2"]
    await students[0].sees(TASK)
    await projector.sees(TASK)

    await they_write_together(first)
    await they_write_together(second)
    await they_see_each_other(first)
    await they_shape_the_text(first)
    await a_reload_changes_nothing(first[0])
    await an_offline_spell_loses_nothing(first[1], first[2])
    await help_comes_in_turn(teacher, first[0], second[0])
    await they_talk(teacher, first, second)
    await the_teacher_has_a_word(teacher, projector, first, second)
    await a_move_needs_no_reload(teacher, first[2], first[0])
    await the_clock_is_gentle(teacher, projector, first[0])
    await pens_go_down_and_up(teacher, first[0], second[0])
    await the_spotlight_is_live(teacher, projector, second)
    await the_lesson_ends(teacher, projector, students)
    await the_report_has_everything(teacher, [*first[:2]], second)


async def come_in(school: School, code: str) -> list[Student]:
    """Six join: by the code, and by the link."""
    students = [await school.student(name) for name in ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay")]
    await gather(*(student.joins(code) for student in students[:3]))
    await gather(*(student.joins_by_link(code) for student in students[3:]))
    for student in students:
        await student.sees_heading(f"You are in, {student.name}")
    return students


async def they_write_together(room: list[Student]) -> None:
    """All at once; afterwards every page holds every sentence, and the same text."""
    # Everyone begins at the top: whoever went to the end in the middle of another's word would split it, rightly.
    await gather(*(student.goes_to_the_end() for student in room))
    await gather(*(student.goes_on(sentence(student)) for student in room))
    await gather(*(student.is_told("Saved") for student in room))
    for student in room:
        for other in room:
            await student.sees_text(sentence(other).strip())
    texts = {await student.shown_text() for student in room}
    assert len(texts) == 1
    words = sum(len(sentence(student).split()) for student in room)
    await room[0].sees(f"{words} words")


def sentence(student: Student) -> str:
    return f"{student.name} knows that acorns were washed in the river. "


async def they_see_each_other(room: list[Student]) -> None:
    """Live cursors carry names; what a roommate takes back is one's own."""
    ana, ben, _ = room
    await ben.types("Ben stays. ")
    await ana.sees_cursor_of(ben.name)
    await ana.types("Ana goes. ")
    await ben.sees_cursor_of(ana.name)
    await ben.types("Ben too. ")
    await ana.editor.focus()
    for _ in range(3):  # the last thing Ana wrote goes, whatever Ben wrote after it
        if "Ana goes." in await ana.shown_text():
            await ana.page.keyboard.press("Control+z")
    await ana.is_told("Saved")
    await ben.page.wait_for_function("() => !document.querySelector('.cm-content').textContent.includes('Ana goes.')")
    assert "Ben stays. Ben too." in " ".join((await ben.shown_text()).split())


async def they_shape_the_text(room: list[Student]) -> None:
    """The toolbar makes bold words and lists that look so on a roommate's page too."""
    ana, ben, _ = room
    await ana.editor.click()
    await ana.page.keyboard.press("Control+End")
    await ana.page.keyboard.press("Enter")
    await ana.presses("List with dots")
    await ana.page.keyboard.type("grind ")
    await ana.presses("Bold")
    await expect(ana.button("Bold")).to_have_attribute("aria-pressed", "true")
    await ana.page.keyboard.type("well")
    await ana.is_told("Saved")
    await expect(ben.page.locator(".cm-line.md-item .md-strong", has_text="well")).to_be_visible()
    await expect(ben.page.locator(".cm-line.md-item", has_text="grind well")).to_be_visible()
    assert "**" not in await ben.shown_text(), "the markup is hidden"
    await ana.page.keyboard.press("Control+End")
    await ana.page.keyboard.press("Enter")
    await ana.page.keyboard.press("Enter")  # an empty item ends the list
    await ana.presses("I found that …")
    await ana.goes_on("they kept all winter.")
    await ben.sees_text("I found that they kept all winter.")


async def a_reload_changes_nothing(student: Student) -> None:
    """The same person, in the same room, with the text."""
    before = await student.shown_text()
    await student.page.reload()
    assert await student.is_in_a_room() == "Table 1"
    await student.sees(f"You, {student.name}")
    await student.is_told("Saved")
    assert await student.shown_text() == before


async def an_offline_spell_loses_nothing(away: Student, mate: Student) -> None:
    """What is written without a network is kept, said to be kept, and merged on return."""
    await away.goes_offline()
    await away.is_told("Offline")
    await away.types_on("Written far from any network. ")
    await away.is_told("Offline: kept on this device")
    await mate.types("Meanwhile at the table. ")
    assert "far from any network" not in await mate.shown_text()
    await away.comes_back()
    await away.is_told("Saved")
    for student in (away, mate):
        await student.sees_text("Written far from any network.")
        await student.sees_text("Meanwhile at the table.")
    assert await away.shown_text() == await mate.shown_text()


async def help_comes_in_turn(teacher: Teacher, one: Student, two: Student) -> None:
    """A reason and a place in the queue; answered, the next one moves up."""
    await one.asks_for_help("We disagree", "about the river")
    await one.sees("Number 1 in line")
    await two.asks_for_help("We’re stuck")
    await two.sees("Number 2 in line")
    queue = teacher.page.get_by_role("region", name="2 are waiting for help")
    await teacher.sees("about the river", within=queue)
    await teacher.sees_on_card(one.room, re.compile("Help 0:"))
    await teacher.presses(f"Answered {one.name}", within=queue)
    await two.sees("Number 1 in line")
    await expect(one.button("Ask for help")).to_be_visible()
    await two.presses("Take back")
    await teacher.does_not_see(re.compile("waiting for help"))


async def they_talk(teacher: Teacher, first: list[Student], second: list[Student]) -> None:
    """A table talks among itself; the teacher hears it on a visit and answers."""
    await first[0].says("Shall we begin with the river?")
    await gather(*(student.hears("Shall we begin with the river?") for student in first))
    await teacher.presses("Visit Table 1", within=teacher.card("Table 1"))
    visit = teacher.page.get_by_role("complementary", name="Table 1")
    await teacher.sees("Shall we begin with the river?", within=visit)
    await expect(visit.locator(".cm-content")).to_contain_text("acorns were washed")
    await visit.locator(".cm-editor").evaluate("editor => { editor.opened = true }")
    await visit.get_by_label("Say something to Table 1").fill("A good place to begin.")
    await teacher.presses("Send", within=visit)
    await gather(*(student.hears("A good place to begin.") for student in first))
    await teacher.sees("A good place to begin.", within=visit)
    assert await visit.locator(".cm-editor").evaluate("editor => editor.opened"), (
        "the text stays open while all else changes"
    )
    await teacher.presses("Back to all rooms")
    await expect(second[0].page.locator(".lines li")).to_have_count(0)


async def the_teacher_has_a_word(
    teacher: Teacher, projector: Projector, first: list[Student], second: list[Student]
) -> None:
    """To one person, and to everyone; then a table says that it is ready."""
    await teacher.nudges(first[0].name, "Ask the others what they think.")
    await first[0].sees("Ask the others what they think.")
    await teacher.writes_to_all("Two more minutes.")
    await gather(*(person.sees("Two more minutes.") for person in (projector, *first, *second)))
    await first[1].does_not_see("Ask the others what they think.")
    await first[0].presses("OK", within=first[0].page.locator(".note", has_text="Ask the others"))
    await first[0].does_not_see("Ask the others what they think.")
    await second[0].presses("We are ready")
    await expect(second[1].button("We are ready")).to_have_attribute("aria-pressed", "true")
    await teacher.sees_on_card("Table 2", "Ready to share")
    await projector.sees("1 of 2 tables are ready to share")


async def a_move_needs_no_reload(teacher: Teacher, moved: Student, left_behind: Student) -> None:
    """By pressing the name, and by dragging it; the student's page follows."""
    await moved.page.evaluate("window.stayed = true")
    await teacher.moves(moved.name, "Table 2")
    await expect(moved.page.locator(".room-bar h1")).to_have_text("Table 2")
    await moved.is_in_a_room()
    await moved.sees_text("washed in the river")
    await moved.types(f"{moved.name} comes as a guest. ")
    assert "as a guest" not in await left_behind.shown_text()
    await expect(left_behind.page.locator(".at-table")).not_to_contain_text(moved.name)
    await teacher.drags(moved.name, "Table 1")
    await expect(moved.page.locator(".room-bar h1")).to_have_text("Table 1")
    await moved.is_in_a_room()
    await moved.types("Back again. ")
    await left_behind.sees_text("Back again.")
    assert await moved.page.evaluate("window.stayed"), "the page was not loaded anew"
    await teacher.moves(moved.name, "Table 2")
    assert await moved.page.locator(".room-bar h1", has_text="Table 2").inner_text() == "Table 2"


async def the_clock_is_gentle(teacher: Teacher, projector: Projector, student: Student) -> None:
    """It runs, it can be extended, and when time is up a sentence may still be finished."""
    clock = student.page.locator(".room-bar .clock")
    await expect(clock).to_have_text(re.compile(r"\b(10|9|8|7):\d\d\b"))
    await teacher.chooses("+5 min", menu="More about the clock")
    await expect(clock).to_have_text(re.compile(r"\b1[2345]:\d\d\b"))
    await teacher.commands("start_timer", seconds=5)
    await gather(
        student.sees("Finish your sentence. What you wrote is safe."),
        teacher.sees("Time is up"),
        projector.sees("Time is up"),
    )
    await student.types("The last sentence is finished. ")
    await teacher.presses("+1 min")
    await student.does_not_see("Finish your sentence. What you wrote is safe.")
    await expect(clock).to_have_text(re.compile(r"\b(1:0\d|0:[345]\d)\b"))


async def pens_go_down_and_up(teacher: Teacher, one: Student, two: Student) -> None:
    await teacher.chooses("Pens down in all rooms", menu="More")
    await gather(one.cannot_write(), two.cannot_write())
    await one.sees("Your teacher has paused the writing. Your text is safe, and you can still read it.")
    await teacher.presses("Pens up again")
    await gather(one.can_write(), two.can_write())


async def the_spotlight_is_live(teacher: Teacher, projector: Projector, second: list[Student]) -> None:
    """What the room writes while it is shown is shown; nobody's name stands beside it."""
    await teacher.presses("Spotlight", within=teacher.card("Table 2"))
    await projector.sees_heading("Table 2")
    await projector.sees_spotlit("washed in the river")
    await second[0].types("Written in the light. ")
    await projector.sees_spotlit("Written in the light.")
    await expect(second[1].page.locator(".spotlight")).to_contain_text("Written in the light.")
    await teacher.presses("Take it down")
    await expect(projector.page.locator(".spotlit-text")).to_have_count(0)


async def the_lesson_ends(teacher: Teacher, projector: Projector, students: list[Student]) -> None:
    """Everyone looks up; then it is over, and the devices forget."""
    await teacher.gathers()
    await projector.sees("Eyes to the front")
    await gather(*(student.sees("Everyone looks to the front now.") for student in students))
    await gather(*(student.cannot_write() for student in students))
    for student in students:
        assert any(name.startswith("roundtable:") for name in await student.kept_on_this_device())
    await teacher.ends()
    await gather(*(student.sees_heading(f"Thank you, {student.name}") for student in students))
    await gather(*(student.sees("This device has forgotten the text.") for student in students))
    for student in students:
        assert await student.kept_on_this_device() == []
        assert "washed in the river" in await student.shown_text(), "it can still be read"
        await expect(student.page.locator(".cm-line").first).to_be_in_viewport()
    await projector.sees("The lesson is over")


async def the_report_has_everything(teacher: Teacher, first: list[Student], second: list[Student]) -> None:
    """Both texts on the page and in every file."""
    await teacher.page.get_by_role("link", name="Open the report").first.click()
    await teacher.sees_heading("Acorns")
    for room, writers in (("Table 1", first), ("Table 2", second)):
        section = teacher.page.get_by_role("region", name=room, exact=True)
        for writer in writers:
            await expect(section.locator(".summary")).to_contain_text(sentence(writer).strip())
            await expect(section.locator("table.members")).to_contain_text(writer.name)
    await expect(teacher.page.locator(".summary strong", has_text="well")).to_be_visible()

    def file(name: str) -> str:
        return f"details.menu a:has-text('{name}')"

    await teacher.opens_menu("Keep as a file")
    page = await teacher.keeps(teacher.page.locator(file("HTML")))
    await teacher.opens_menu("Keep as a file")
    table = await teacher.keeps(teacher.page.locator(file("CSV")))
    await teacher.opens_menu("Keep as a file")
    report = json.loads(await teacher.keeps(teacher.page.locator(file("JSON"))))
    texts = [room["text"] for room in report["rooms"]]
    for text, writers in zip(texts, (first, second), strict=True):
        for writer in writers:
            assert sentence(writer).strip() in text
            assert sentence(writer).strip() in page
            assert writer.name in table
    markdown = await teacher.keeps(teacher.page.get_by_role("link", name="Text (Markdown)").first)
    assert texts[0].strip() in markdown
    html = await teacher.keeps(teacher.page.get_by_role("link", name="Page (HTML)").first)
    assert "<strong>well</strong>" in html
