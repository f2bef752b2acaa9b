"""Pictures of a demonstration: for the README, or of every page in every size to be looked at.

``python -m tests.e2e.screenshots`` writes the README's into ``static/screenshots``; with ``--all FOLDER`` every page as
on a phone, a laptop and a projector, light and dark, goes into that folder instead.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.async_api import expect

from tests.e2e.browser import Person, Projector, School, Student, Teacher, open_school
from tests.stage import Classroom, Server, gather, until

README_FOLDER = Path(__file__).parents[2] / "static" / "screenshots"
LAPTOP = (1280, 800)
SCREENS = {"phone": (390, 844), "laptop": LAPTOP, "projector": (1920, 1080)}
Pictures = Callable[[str, Person], Awaitable[None]]
"""Takes the pictures of one page, under a name."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@dataclass(frozen=True)
class Demonstration:
    """A lesson in progress, and the addresses of its pages."""

    server: Server
    school: School
    teach: str
    project: str
    join: str


@asynccontextmanager
async def open_demonstration() -> AsyncIterator[Demonstration]:
    """Start ``roundtable demo`` on a free port, and a browser."""
    with TemporaryDirectory(prefix="roundtable-") as folder:
        server = Server(Path(folder))
        await server.start("demo")

        def address(words: str) -> str:
            return next((line.split()[-1] for line in server.output if words in line), "")

        try:
            await until(lambda: address("join as a student") != "", "the addresses of the demonstration")
            async with open_school(server.address) as school:
                yield Demonstration(
                    server, school, address("teacher sees"), address("its projector"), address("join as a student")
                )
        finally:
            await server.stop()


async def take(
    person: Person, path: Path, size: tuple[int, int], scheme: Literal["light", "dark"], whole: bool
) -> None:
    """Take one picture: of what fits the window, or of the whole page."""
    width, height = size
    await person.page.set_viewport_size({"width": width, "height": height})
    await person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await person.page.screenshot(path=path, full_page=whole, animations="disabled")


async def at_the_desk(demonstration: Demonstration) -> Teacher:
    teacher = await demonstration.school.teacher()
    await teacher.visits(demonstration.teach)
    await expect(teacher.page.locator("article.room .excerpt .whose").first).to_be_visible()
    return teacher


async def at_a_lively_table(demonstration: Demonstration, teacher: Teacher) -> Student:
    """Let one more student in, to the room that has asked for help: the others in it are writing."""
    student = await demonstration.school.student("Rosa")
    await student.joins_by_link(demonstration.join.rsplit("/", 1)[1])
    await student.is_in_a_room()
    room = await teacher.page.locator("article.room.first h3").inner_text()
    await teacher.moves(student.name, room)
    await expect(student.page.locator(".room-bar h1")).to_have_text(room)
    await student.is_in_a_room()
    # At the beginning: the others go on at the end, and there they are looked at.
    await student.editor.click()
    await student.page.keyboard.press("Control+Home")
    await student.goes_on("Not every acorn is bitter: those of the white oak are milder. ")
    await student.is_told("Saved")
    await student.goes_to_the_end()
    await expect(student.page.locator(".caret-name").first).to_be_visible()
    return student


async def at_the_wall(demonstration: Demonstration) -> Projector:
    projector = await demonstration.school.projector()
    await projector.opens(demonstration.project)
    await projector.sees("left")
    return projector


async def picture_readme(folder: Path) -> None:
    """Take the five pictures of the README."""
    async with open_demonstration() as demonstration:
        teacher, projector = await at_the_desk(demonstration), await at_the_wall(demonstration)
        student = await at_a_lively_table(demonstration, teacher)
        await teacher.page.mouse.move(0, 0)
        await take(teacher, folder / "dashboard.png", LAPTOP, "light", False)
        await take(student, folder / "room.png", LAPTOP, "light", False)
        await take(student, folder / "phone.png", SCREENS["phone"], "dark", False)
        await take(projector, folder / "projector.png", SCREENS["projector"], "light", False)
        await teacher.visits(teacher.page.url.split("?")[0] + "/report")
        await teacher.sees_heading("What is counted here")
        await take(teacher, folder / "report.png", LAPTOP, "light", False)


async def picture_all(folder: Path) -> None:
    """Take every page in every size and scheme."""

    async def pictures(name: str, person: Person) -> None:
        for screen, size in SCREENS.items():
            for scheme in SCHEMES:
                await take(person, folder / f"{name}-{screen}-{scheme}.png", size, scheme, True)
        await person.page.set_viewport_size({"width": 1280, "height": 800})

    async with open_demonstration() as demonstration:
        await before(demonstration, pictures)
        await during(demonstration, pictures)


async def before(demonstration: Demonstration, pictures: Pictures) -> None:
    """Every page until the rooms open."""
    school = demonstration.school
    visitor = await school.seat(Person, "a visitor")
    for name, path in (("new", "/new"), ("join", "/join"), ("error", "/nowhere")):
        await visitor.visits(path)
        await pictures(name, visitor)
    lesson = await demonstration.server.create_lesson(
        title="Acorns",
        task="Write one paragraph together: how did acorns become food?",
        criteria=["It says where", "It says how"],
        rooms=[{"name": "Salmon"}, {"name": "Acorns", "topic": "From bitter to bread"}, {"name": "Basket"}],
    )
    teacher, wall = await school.teacher(), await school.projector()
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await pictures("teach-lobby-empty", teacher)
    await gather(*(lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Ida")))
    student = await (await school.student("Rosa")).joins_by_link(lesson.code)
    await wall.opens(f"/p/{lesson.lesson}?token={lesson.projector_token}")
    await wall.sees("9 have come in")
    await gather(pictures("teach-lobby", teacher), pictures("student-lobby", student), pictures("project-lobby", wall))
    await teacher.visits("/")
    await pictures("home", teacher)
    await at_rest(lesson, teacher, student, wall, pictures)


async def at_rest(lesson: Classroom, teacher: Teacher, student: Student, wall: Projector, pictures: Pictures) -> None:
    """A lesson whose rooms have just opened, with nothing written."""
    await lesson.command("open_rooms")
    await teacher.opens_desk(lesson.lesson, lesson.teacher_token)
    await student.is_in_a_room()
    await gather(pictures("teach-fresh", teacher), pictures("student-fresh", student), pictures("project-fresh", wall))


async def during(demonstration: Demonstration, pictures: Pictures) -> None:
    """The work, the spotlight, and the end."""
    teacher, wall = await at_the_desk(demonstration), await at_the_wall(demonstration)
    student = await at_a_lively_table(demonstration, teacher)
    room = student.room
    await student.says("Who knows how long it takes?")
    await gather(pictures("teach-work", teacher), pictures("student-work", student), pictures("project-work", wall))
    await student.presses("Ask for help")
    await pictures("student-asking", student)
    await student.presses("Cancel", within=student.dialog())
    await teacher.presses("Message all")
    await pictures("teach-writing", teacher)
    await teacher.presses("Cancel", within=teacher.dialog())
    await teacher.writes_to_all("Two more minutes: finish the sentence you are in.")
    await teacher.presses(re.compile(f"^Visit {room}"), within=teacher.card(room))
    await teacher.presses("Spotlight", within=teacher.page.get_by_role("complementary"))
    await expect(wall.page.locator(".spotlit-text")).to_be_visible()
    await gather(
        pictures("teach-visit", teacher),
        pictures("student-spotlight", student),
        pictures("project-spotlight", wall),
    )
    await teacher.presses("Take it down")
    await teacher.gathers()
    await wall.sees("Eyes to the front")
    await gather(pictures("teach-gather", teacher), pictures("student-gather", student))
    await pictures("project-gather", wall)
    await teacher.ends()
    await student.sees("This device has forgotten the text.")
    await gather(pictures("teach-ended", teacher), pictures("student-ended", student), pictures("project-ended", wall))
    await teacher.page.get_by_role("link", name="Open the report").first.click()
    await teacher.sees_heading("What is counted here")
    await pictures("report", teacher)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take pictures of a demonstration.")
    parser.add_argument("--all", metavar="FOLDER", type=Path, help="every page, size and scheme into this folder")
    whole: Path | None = parser.parse_args().all
    folder = whole or README_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(picture_all(folder) if whole else picture_readme(folder))


if __name__ == "__main__":
    main()
