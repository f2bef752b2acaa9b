"""The people of a lesson at real browsers, in the words of a classroom.

Everyone has a browser context of their own. Every wait is for something shown on the page; nothing sleeps, nothing is
tried again. A page that logs an error, breaks the Content-Security-Policy or asks another origin for anything fails
the test at its end (``School.close``).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Self, TypeVar, cast

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    TimeoutError,
    WebSocketRoute,
    async_playwright,
    expect,
)

WAIT_MS = 15_000
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TEXT = """() => {
    const content = document.querySelector(".cm-content")?.cloneNode(true)
    content?.querySelectorAll(".caret, .cm-placeholder").forEach(other => other.remove())
    return [...(content?.querySelectorAll(".cm-line") ?? [])].map(line => line.textContent).join("\\n")
}"""
"""The text as a reader sees it: without the others' cursors and the hint of an empty page."""

Kind = TypeVar("Kind", bound="Person")


def find_chromium() -> str:
    """Find the system's own Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (path := shutil.which(name)) is not None:
            return path
    raise FileNotFoundError("Install chromium: the end-to-end tests use the system's own.")


class School:
    """One browser at one server, and the people in it."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.people: list[Person] = []
        self._browser = browser

    async def seat(self, kind: type[Kind], name: str, **look: Any) -> Kind:
        """Give a person a browser context of their own; ``look`` goes to Playwright's ``new_context``."""
        context = await self._browser.new_context(base_url=self.address, **{"locale": "en-GB", **look})
        context.set_default_timeout(WAIT_MS)
        person = kind(name, await context.new_page())
        self.people.append(person)
        return person

    async def teacher(self, name: str = "the teacher", **look: Any) -> Teacher:
        return await self.seat(Teacher, name, **look)

    async def student(self, name: str, **look: Any) -> Student:
        return await self.seat(Student, name, **look)

    async def projector(self, **look: Any) -> Projector:
        return await self.seat(Projector, "the projector", **{"viewport": {"width": 1920, "height": 1080}, **look})

    def faults(self) -> list[str]:
        """Give what went wrong in any page, in a line each."""
        return [f"{person.name}: {fault}" for person in self.people for fault in person.faults]


@asynccontextmanager
async def open_school(address: str) -> AsyncIterator[School]:
    """Start the browser; close it at the end."""
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        try:
            yield School(browser, address)
        finally:
            await browser.close()


class Person:
    """Someone at a browser."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self.page = page
        self.faults: list[str] = []
        self.forgiven: set[str] = set()
        """What a test brings about itself, such as the network's errors while it is away: parts of messages."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.context.on("request", self._look_at)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.forgiven):
            self.faults.append(f"console: {message.text}")

    def _look_at(self, request: Request) -> None:
        origin = "/".join(self.page.url.split("/", 3)[:3])
        local = request.url.startswith(("data:", "blob:", "about:"))
        if origin.startswith("http") and not local and not request.url.startswith(origin + "/"):
            self.faults.append(f"a request to another origin: {request.url}")

    def button(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=isinstance(name, str))

    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def heading(self, text: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("heading", name=text)

    async def visits(self, path: str) -> None:
        await self.page.goto(path)

    async def connects_when_told(self) -> asyncio.Event:
        """Hold the lesson sockets of the pages visited from now on until the event that is given is set."""
        connects = asyncio.Event()

        async def hold(socket: WebSocketRoute) -> None:
            await connects.wait()
            socket.connect_to_server()

        await self.page.route_web_socket(re.compile(r"/ws/lessons/[^/]+\?"), hold)
        return connects

    async def presses(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Press the button of this name."""
        await self.button(name, within=within).click()

    async def sees(self, words: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Wait until these words are shown."""
        place = (within or self.page).get_by_text(words).filter(visible=True).first
        await expect(place).to_be_visible(timeout=WAIT_MS)

    async def does_not_see(self, words: str | re.Pattern[str]) -> None:
        """Wait until these words are shown nowhere."""
        await expect(self.page.get_by_text(words).filter(visible=True)).to_have_count(0, timeout=WAIT_MS)

    async def sees_heading(self, words: str | re.Pattern[str], *, timeout_ms: float = WAIT_MS) -> None:
        await expect(self.heading(words).first).to_be_visible(timeout=timeout_ms)

    async def sees_text(self, text: str) -> None:
        """Wait until the shared text holds these words, in one piece."""
        try:
            await self.page.wait_for_function(f"text => ({TEXT})().includes(text)", arg=text, timeout=WAIT_MS)
        except TimeoutError:
            raise AssertionError(f"{self.name} does not see {text!r} in {await self.shown_text()!r}") from None

    async def shown_text(self) -> str:
        """Give the shared text as it is shown now."""
        return str(await self.page.evaluate(TEXT))

    async def tabs_to(self, target: Locator, *, most: int = 80) -> None:
        """Press Tab until the target has the focus, as someone without a mouse does."""
        for _ in range(most):
            await self.page.keyboard.press("Tab")
            if await target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{self.name} does not reach {target} in {most} presses of Tab")


class Student(Person):
    """A child in the lesson."""

    room = ""

    async def joins(self, code: str) -> Self:
        """Go in by the code and first name."""
        await self.visits("/")
        await self.page.get_by_label("Code").fill(code)
        await self.presses("Join")
        await self._gives_name()
        return self

    async def joins_by_link(self, code: str) -> Self:
        """Go in by the link that holds the code."""
        await self.visits(f"/j/{code}")
        await self._gives_name()
        return self

    async def comes_back_to(self, lesson: str, token: str) -> Self:
        """Open the page again as someone who has joined already."""
        await self.visits(f"/l/{lesson}?token={token}")
        await self.is_in_a_room()
        return self

    async def _gives_name(self) -> None:
        await self.page.get_by_label("Your first name").fill(self.name)
        await self.presses("Join")
        await self.page.wait_for_url("**/l/*")

    async def is_in_a_room(self) -> str:
        """Wait for the room; give its name."""
        await expect(self.page.locator(".room-bar h1")).to_be_visible(timeout=WAIT_MS)
        await self.can_write()
        self.room = await self.page.locator(".room-bar h1").inner_text()
        return self.room

    @property
    def editor(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^Our text"))

    async def types(self, text: str) -> None:
        """Type at the end of the text, key by key, and wait until it says Saved."""
        await self.types_on(text)
        await self.is_told("Saved")

    async def types_on(self, text: str) -> None:
        """Type at the end of the text."""
        await self.goes_to_the_end()
        await self.goes_on(text)

    async def goes_to_the_end(self) -> None:
        await self.editor.click()
        await self.page.keyboard.press("Control+End")

    async def goes_on(self, text: str) -> None:
        """Type where the cursor is, key by key."""
        await self.page.keyboard.type(text)

    async def is_told(self, words: str) -> None:
        """Wait for the word about saving: Saved, Saving …, Offline …"""
        await expect(self.page.locator(".chip.save")).to_have_text(re.compile(rf"^\s*{re.escape(words)}\s*$"))

    async def can_write(self) -> None:
        await expect(self.page.locator(".cm-content")).to_have_attribute("contenteditable", "true")

    async def cannot_write(self) -> None:
        await expect(self.page.locator(".cm-content")).to_have_attribute("contenteditable", "false")

    async def sees_cursor_of(self, name: str) -> None:
        await expect(self.page.locator(".caret-name", has_text=name)).to_be_visible()

    async def asks_for_help(self, reason: str, note: str = "") -> None:
        await self.presses("Ask for help")
        await self.dialog().get_by_label(reason).check()
        await self.dialog().get_by_label("Say more, if you like").fill(note)
        await self.presses("Ask", within=self.dialog())

    async def says(self, words: str) -> None:
        """Say something to the table."""
        await self.page.get_by_label("Say something to your table").fill(words)
        await self.page.keyboard.press("Enter")

    async def hears(self, words: str) -> None:
        """Wait until this has been said at the table."""
        await expect(self.page.locator(".lines li", has_text=words)).to_be_visible()

    async def goes_offline(self) -> None:
        """Lose the network; what the browser logs of it is no fault of the page."""
        self.forgiven.add("ERR_INTERNET_DISCONNECTED")
        await self.page.context.set_offline(True)

    async def comes_back(self) -> None:
        await self.page.context.set_offline(False)

    async def kept_on_this_device(self) -> list[str]:
        """Name what the browser keeps of lessons."""
        found = await self.page.evaluate(
            "async () => [...(await indexedDB.databases()).map(({name}) => name),"
            " ...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
        )
        return cast(list[str], found)


class Projector(Person):
    """The page on the wall."""

    async def opens(self, address: str) -> None:
        await self.page.goto(address)

    async def sees_spotlit(self, words: str) -> None:
        await expect(self.page.locator(".spotlit-text")).to_contain_text(words)


class Teacher(Person):
    """The teacher at the desk."""

    code = ""
    lesson = ""

    async def creates_lesson(
        self,
        title: str,
        *,
        task: str = "",
        rooms: int = 2,
        minutes: str = "",
        criteria: str = "",
        starters: str = "",
        language: Literal["en", "ar"] = "en",
    ) -> str:
        """Fill in /new; give the code for the class."""
        await self.visits("/new")
        page = self.page
        await page.get_by_label("What is it about?").fill(title)
        await page.get_by_label("Task for the groups").fill(task)
        await page.get_by_label("How many").fill(str(rooms))
        await page.get_by_label("Minutes").fill(minutes)
        await page.locator("summary", has_text="More").click()
        await page.get_by_label("What a good text does").fill(criteria)
        await page.get_by_label("Sentence starters").fill(starters)
        await page.get_by_label("Language of the students’ pages").select_option(language)
        await self.presses("Create the lesson")
        await page.wait_for_url("**/t/*")
        self.lesson = page.url.rsplit("/", 1)[1]
        self.code = (await page.locator(".joining-code").inner_text()).replace(" ", "")
        return self.code

    async def opens_desk(self, lesson: str, token: str) -> None:
        """Open a lesson by the private teacher link."""
        self.lesson = lesson
        await self.visits(f"/t/{lesson}?token={token}")
        await expect(self.page.locator(".desk, .ended")).to_be_visible()

    async def projector_address(self) -> str:
        """Give the address behind the button for the projector."""
        address = await self.page.get_by_role("link", name="Projector", exact=True).get_attribute("href")
        assert address is not None
        return address

    def seat_of(self, name: str) -> Locator:
        """The person's name as something to press, on a table or among those who wait."""
        return self.page.locator("main .person", has_text=name)

    @property
    def cards(self) -> Locator:
        """The rooms' cards, in the order they stand in."""
        return self.page.locator("article.room")

    def card(self, room: str) -> Locator:
        return self.cards.filter(has=self.page.get_by_role("heading", name=room, exact=True))

    async def opens_rooms(self) -> None:
        await self.presses(re.compile("open$|^Open the rooms"))
        await expect(self.cards.first).to_be_visible()

    async def sees_on_card(self, room: str, words: str | re.Pattern[str]) -> None:
        await expect(self.card(room)).to_contain_text(words)

    async def moves(self, name: str, room: str) -> None:
        """Move a person by pressing the name and choosing the room."""
        await self.seat_of(name).click()
        await self.dialog().get_by_label("Sits at").select_option(label=room)
        await self.presses("Save", within=self.dialog())

    async def drags(self, name: str, room: str) -> None:
        """Move a person by hand."""
        await self.seat_of(name).drag_to(self.card(room).get_by_role("heading", name=room))

    async def removes(self, name: str) -> None:
        await self.seat_of(name).click()
        await self.presses("Take out of the lesson", within=self.dialog())
        await self.presses("Take out", within=self.dialog())

    async def writes_to_all(self, words: str) -> None:
        await self.presses("Message all")
        await self._sends(words)

    async def nudges(self, name: str, words: str) -> None:
        """Write to one person."""
        await self.seat_of(name).click()
        await self.presses(f"Write to {name}", within=self.dialog())
        await self._sends(words)

    async def _sends(self, words: str) -> None:
        await self.dialog().get_by_label("Your message").fill(words)
        await self.presses("Send", within=self.dialog())

    async def opens_menu(self, name: str, *, within: Locator | None = None) -> None:
        """Open a menu by its word."""
        await (
            (within or self.page)
            .locator("details.menu > summary")
            .and_(self.page.get_by_label(name, exact=True).or_(self.page.get_by_text(name, exact=True)))
            .click()
        )

    async def chooses(self, item: str, *, menu: str) -> None:
        await self.opens_menu(menu)
        await self.presses(item, within=self.page.locator("details.menu[open]"))

    async def commands(self, type_: str, **fields: object) -> None:
        """Ask over the interface, signed in as this page is: for what the page offers in whole minutes only."""
        status = await self.page.evaluate(
            """async ([path, body]) => (await fetch(path, {method: "POST", body: JSON.stringify(body),
                headers: {"Content-Type": "application/json"}})).status""",
            [f"/api/lessons/{self.lesson}/commands", {"type": type_, **fields}],
        )
        assert status == 200

    async def gathers(self) -> None:
        await self.presses("Gather everyone")

    async def ends(self) -> None:
        await self.presses("End the lesson")
        await self.presses("End it now", within=self.dialog())

    async def keeps(self, link: Locator) -> str:
        """Download what a link gives; return its text."""
        async with self.page.expect_download() as download:
            await link.click()
        path = await (await download.value).path()
        return path.read_text()
