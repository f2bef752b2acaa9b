"""Who may see what (P20): every route, page and socket asked as each role, and all that a lesson sends, looked through.

The routes are the server's own list: one that is added without a line in ``ROUTES`` fails here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import websockets
from starlette.routing import Mount, Route, WebSocketRoute

from server.app import build_services, build_store, create_app
from server.core.wire import AwarenessState, encode_awareness, encode_sync_step1
from server.metrics import Metrics
from server.settings import Settings
from server.web.auth import Grant, Tokens
from tests.stage import JSON, Classroom, Server, Student, Watch, until

pytestmark = pytest.mark.live

ROLES: Final = (
    "nobody",
    "stranger",  # the teacher of another lesson
    "own",  # a participant of the room
    "other",  # a participant of another room of the lesson
    "removed",
    "projector",
    "guardian",
    "teacher",
)


def everybody(status: int) -> dict[str, int]:
    return dict.fromkeys(ROLES, status)


def only(**allowed: int) -> dict[str, int]:
    """Give the status for each role: of those not named, nobody has to sign in and the others are refused."""
    return {role: allowed.get(role, 401 if role == "nobody" else 403) for role in ROLES}


# 303 is a page that was allowed: it takes the token out of the address.
ROUTES: Final[dict[tuple[str, str], dict[str, int]]] = {
    ("GET", "/"): everybody(200),
    ("GET", "/new"): everybody(200),
    ("GET", "/join"): everybody(200),
    ("POST", "/join"): everybody(303),
    ("GET", "/j/{code}"): everybody(200),
    ("GET", "/counted"): everybody(200),
    ("GET", "/l/{lesson}"): only(own=303, other=303, removed=401),
    ("POST", "/l/{lesson}/forget"): everybody(303),
    ("GET", "/t/{lesson}"): only(teacher=303),
    ("GET", "/t/{lesson}/report"): only(teacher=303),
    ("GET", "/p/{lesson}"): only(projector=303),
    ("POST", "/api/lessons"): everybody(201),
    ("POST", "/api/join"): everybody(201),
    ("POST", "/api/lessons/{lesson}/commands"): only(teacher=200),  # a broadcast
    ("GET", "/api/lessons/{lesson}/report"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/report.csv"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/report.html"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/timeline"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/rooms/{room}/evidence"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/rooms/{room}/replay"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/rooms/{room}/summary.md"): only(teacher=200),
    ("GET", "/api/lessons/{lesson}/rooms/{room}/summary.html"): only(teacher=200),
    ("WS", "/ws/lessons/{lesson}"): only(
        nobody=4401, stranger=4403, own=0, other=0, removed=4401, projector=0, guardian=4403, teacher=0
    ),
    ("WS", "/ws/lessons/{lesson}/rooms/{room}"): only(
        nobody=4401, stranger=4403, own=0, other=4403, removed=4401, projector=4403, guardian=4403, teacher=0
    ),
    ("GET", "/icon.svg"): everybody(200),
    ("GET", "/healthz"): everybody(200),
    ("GET", "/readyz"): everybody(200),
    ("GET", "/metrics"): everybody(200),
    ("GET", "/static"): everybody(200),
    ("DELETE", "/api/lessons/{lesson}"): only(teacher=204),
}

BODIES: Final[dict[tuple[str, str], Any]] = {
    ("POST", "/api/lessons"): {"title": "Another"},
    ("POST", "/api/lessons/{lesson}/commands"): {"type": "broadcast", "text": "Listen"},
}


def routes_of_the_server(folder: Path) -> set[tuple[str, str]]:
    settings, metrics = Settings(data=folder), Metrics()
    app = create_app(build_services(settings, metrics, build_store(settings, metrics), "secret" * 6))
    found = set()
    for route in app.routes:
        match route:
            case Route():
                found |= {(method, route.path) for method in (route.methods or ()) if method != "HEAD"}
            case WebSocketRoute():
                found.add(("WS", route.path))
            case Mount():
                found.add(("GET", route.path))
            case other:
                raise AssertionError(f"what kind of route is {other}?")
    return found


def test_p20_every_route_stands_in_the_table(tmp_path: Path) -> None:
    assert routes_of_the_server(tmp_path) == set(ROUTES)


@dataclass
class House:
    """A lesson at work with two rooms of two, someone who was sent away, and another teacher's lesson."""

    server: Server
    lesson: Classroom
    ada: Student
    bo: Student
    cy: Student
    dee: Student
    room: str
    other_room: str
    tokens: dict[str, str | None]

    @classmethod
    async def build(cls, server: Server) -> House:
        lesson = await server.create_lesson(grouping="teacher", hint="Hint-5531", stretch="Stretch-5532")
        elsewhere = await server.create_lesson()
        people = [await lesson.join(name) for name in ("Ada-7001", "Bo-7002", "Cy-7003", "Dee-7004", "Gone-7005")]
        async with lesson.watch() as desk:
            room, other_room = desk.state["rooms"]
            await desk.send(
                "assign",
                assignments={
                    person.participant: room if index < 2 else other_room for index, person in enumerate(people)
                },
            )
            await desk.send("open_rooms")
            await desk.send("remove", participant=people[4].participant)
        secret = (server.data / "secret").read_text().strip()
        guardian = Tokens(secret, secure=False).sign(Grant("guardian", lesson.lesson, people[0].participant))
        ada, bo, cy, dee, gone = people
        tokens = {
            "nobody": None,
            "stranger": elsewhere.teacher_token,
            "own": ada.token,
            "other": cy.token,
            "removed": gone.token,
            "projector": lesson.projector_token,
            "guardian": guardian,
            "teacher": lesson.teacher_token,
        }
        return cls(server, lesson, ada, bo, cy, dee, room, other_room, tokens)

    def address(self, path: str) -> str:
        places = {"lesson": self.lesson.lesson, "room": self.room, "code": self.lesson.code}
        if path == "/static":
            return "/static/manifest.json"
        return re.sub(r"{(\w+)}", lambda name: places[name[1]], path)

    async def ask(self, method: str, path: str, role: str) -> int:
        """Give the status of an answer; of a socket the code it is closed with, or 0 when it is open."""
        if method == "WS":
            return await self.knock(path, role)
        options: dict[str, Any] = {}
        if (method, path) in BODIES:
            options["json"] = BODIES[method, path]
        elif path == "/api/join":
            options["json"] = {"code": self.lesson.code, "name": f"Late {role}"}
        elif (method, path) == ("POST", "/join"):
            options["data"] = {"code": self.lesson.code, "name": f"Later {role}"}
        answer = await self.server.request(method, self.address(path), self.tokens[role], **options)
        return answer.status_code

    async def knock(self, path: str, role: str) -> int:
        token = self.tokens[role]
        url = self.server.sockets + self.address(path) + (f"?token={token}" if token else "")
        async with websockets.connect(url, max_size=None) as socket:
            try:
                if "/rooms/" in path:
                    await socket.send(encode_sync_step1(b"\0"))
                await socket.recv()
            except websockets.ConnectionClosed:
                return socket.close_code or 0
        return 0


@pytest.fixture
async def house(server: Server) -> House:
    return await House.build(server)


async def test_p20_every_route_answers_each_role_as_the_table_says(house: House) -> None:
    wrong = {}
    for (method, path), expected in ROUTES.items():
        for role in ROLES:  # the teacher last: after that the lesson may be gone
            status = await house.ask(method, path, role)
            if status != expected[role]:
                wrong[method, path, role] = status
    assert wrong == {}


async def test_p20_after_the_lesson_a_group_has_its_own_replay_and_no_other(house: House) -> None:
    async with house.lesson.write(house.room, house.ada.token) as writer:
        writer.text += "Acorns."
        await until(lambda: bool(writer.received[1:]), "the echo")
    await house.lesson.command("end")
    replay = ("GET", "/api/lessons/{lesson}/rooms/{room}/replay")
    found = {role: await house.ask(*replay, role) for role in ROLES}
    assert found == only(own=200, teacher=200)
    path = house.address(replay[1])
    for token, named in ((house.tokens["own"], False), (house.tokens["teacher"], True)):
        body = (await house.server.request("GET", path, token)).json()
        assert body.keys() == {"started_at", "ended_at", "steps", "balance"}, "here alone the group sees its balance"
        assert body["balance"].keys() <= {"word", "value"}
        assert {author for _, author, _ in body["steps"]} == ({house.ada.participant} if named else {None})


async def test_p20_a_room_is_open_to_the_projector_while_it_is_shared(house: House) -> None:
    socket = ("WS", "/ws/lessons/{lesson}/rooms/{room}")
    await house.lesson.command("spotlight", room=house.room)
    assert await house.ask(*socket, "projector") == 0
    assert await house.ask(*socket, "other") == 4403
    await house.lesson.command("spotlight", room=None)
    assert await house.ask(*socket, "projector") == 4403
    await house.ada.command("ready")
    assert await house.ask(*socket, "projector") == 0
    async with house.lesson.write(house.room, house.lesson.projector_token) as screen:
        assert screen.closed is None
        await house.ada.command("ready", ready=False)
        await until(lambda: screen.closed == 4403, "the end of what is not shared any more")


async def test_p20_a_page_of_one_child_is_not_served_as_the_next_child_at_its_device(house: House) -> None:
    """Whose page it is the page says; the cookie is that of who joined last in this browser."""
    path = f"{house.server.sockets}/ws/lessons/{house.lesson.lesson}"
    cookie = {"Cookie": f"roundtable_participant={house.bo.token}"}
    for person, expected in ((house.bo, None), (house.ada, 4401)):
        for address in (path, f"{path}/rooms/{house.room}"):
            query = f"role=participant&participant={person.participant}"
            async with websockets.connect(f"{address}?{query}", additional_headers=cookie, max_size=None) as socket:
                if expected is None:
                    await (await socket.ping())
                    assert socket.close_code is None
                else:
                    await socket.wait_closed()
                    assert socket.close_code == expected


# ── Everything that is sent, over a whole lesson ────────────────────────────────────────────────────────────────────

AMOUNTS: Final = {
    "figures", "triage", "slots", "standing", "inserted", "deleted", "present_seconds", "minutes_present", "value",
    "word", "balance", "quietest", "dominance", "cross_edit", "paragraph_mix", "signs", "attention", "built_on",
    "builds_on", "added_in_one_go", "offline", "excerpt", "visits", "visiting",
}  # fmt: skip
TEACHERS: Final = {"people", "measured", "joined_at", "note", "token", "teacher_token", "roster"}


@dataclass
class Ear:
    """All frames of one client's sockets."""

    messages: list[JSON] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)

    def read(self) -> str:
        """Give what came over document sockets as one text."""
        return "".join(frame.decode(errors="replace") for frame in self.frames)

    def heard(self) -> str:
        """Give everything as one text."""
        return repr(self.messages) + self.read()

    def keys(self) -> set[str]:
        """Give every field name that was sent, apart from those of one's own record."""
        return {key for message in self.messages for key in fields(message)}

    def holds(self, *words: str) -> list[str]:
        """Give those of some words that were heard."""
        heard = self.heard()
        return [word for word in words if word in heard]


def fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name != "record":
                yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)


@asynccontextmanager
async def listening(house: House, ear: Ear, token: str, rooms: list[str]) -> AsyncIterator[Watch]:
    """Keep a lesson socket open, and the document sockets of some rooms as often as they let one in."""

    async def read(room: str) -> None:
        while True:
            async with websockets.connect(house.lesson.room_url(room, token), max_size=None) as socket:
                try:
                    await socket.send(encode_sync_step1(b"\0"))
                    async for frame in socket:
                        assert isinstance(frame, bytes)
                        ear.frames.append(frame)
                except websockets.ConnectionClosed:
                    pass
            await asyncio.sleep(0.05)

    async with house.lesson.watch(token) as watch:
        ear.messages = watch.messages
        tasks = [asyncio.create_task(read(room)) for room in rooms]
        try:
            yield watch
        finally:
            for task in tasks:
                task.cancel()


async def everything_happens(house: House, desk: Watch, student: Ear, screen: Ear) -> None:
    """Hold a lesson in which everyone says and does everything, each in words that can be told apart."""
    ada, bo, cy, dee = house.ada, house.bo, house.cy, house.dee
    async with AsyncExitStack() as stack:
        writing = [
            await stack.enter_async_context(house.lesson.write(room, person.token))
            for person, room in ((bo, house.room), (cy, house.other_room), (dee, house.other_room))
        ]
        writing[0].text += "Red text 8101, by Bo. "
        writing[1].text += "Blue text 8102, by Cy. "
        await writing[2].sees("Blue text 8102, by Cy. ")
        writing[2].text += "And 8103, by Dee."
        for number, person in enumerate((ada, bo, cy, dee), 1):
            await person.command("hand", reason="disagree", note=f"note-910{number}")
            await person.command("pulse", pulse="too_hard")
            await person.command("chat", text=f"talk-930{number}")
            await desk.send("nudge", participant=person.participant, text=f"nudge-940{number}")
        await desk.send("nudge", room=house.other_room, text="nudge-9405")
        await desk.send("prompt", rooms=[house.other_room], text="prompt-9501")
        await desk.send("card", room=house.other_room, kind="hint", text="card-9502")
        await desk.send("rotate_roles")
        await desk.send("swap_and_build", room=house.other_room)
        await desk.send("measure", participant=bo.participant, measured=False)
        await desk.send("visit", room=house.room)
        await desk.send("start_timer", seconds=300)
        await desk.sees(
            lambda state: state["figures"][house.other_room]["members"][dee.participant]["standing"] == 17, "figures"
        )
        assert "'record':" not in str(student.messages)
        await desk.send("share_record", on=True)
        for number, person in enumerate((ada, bo, cy, dee), 1):
            await person.command("answer", text=f"answer-920{number}")
        await until(lambda: "'record':" in str(student.messages), "one's own record")
        await desk.send("spotlight", room=house.other_room)
        await until(lambda: "Blue text 8102" in screen.read(), "the text on the projector")
        cursor = AwarenessState(writing[1].document.client_id, 1, '{"cursor":{"anchor":5577}}')
        await writing[1].send(encode_awareness([cursor]))
        await until(lambda: writing[2].awareness, "a neighbour's cursor")  # type: ignore[arg-type,return-value]
        writing[1].text += " More 8104."
        await until(lambda: "8104" in screen.read(), "what was written after the cursor moved")
        await until(lambda: "8103" in student.heard(), "the spotlit text")
        await desk.send("spotlight", room=None)
        await desk.send("broadcast", text="broadcast-9601")
        await desk.send("gather")
        await desk.send("end")
        await until(lambda: any("ended" in str(message) for message in student.messages), "the end")


async def test_p20_all_that_a_lesson_sends_to_a_student_and_to_a_projector(house: House) -> None:
    student, screen = Ear(), Ear()
    rooms = [house.room, house.other_room]
    async with (
        listening(house, student, house.ada.token, rooms) as page,
        listening(house, screen, house.lesson.projector_token, rooms) as projector,
        house.lesson.watch() as desk,
    ):
        await everything_happens(house, desk, student, screen)
        for watch in (page, projector):
            await watch.sees(lambda state: state["lesson"]["phase"] == "ended", "the end")
        # That what is looked for was there to be seen:
        said = repr(desk.messages)
        for word in ("note-9101", "answer-9201", "standing", "Hint-5531", "present_seconds", "too_hard"):
            assert word in said

    tokens = [str(token) for token in house.tokens.values() if token] + [each.token for each in (house.bo, house.dee)]
    of_others = [f"{word}-9{kind}0{number}" for word, kind in (("note", 1), ("answer", 2)) for number in (2, 3, 4)]

    # A student: nothing of any other room but the text while it was spotlit, nothing of a neighbour but what they said.
    assert student.keys() & (AMOUNTS | TEACHERS) == set()
    assert student.holds(*tokens, *of_others, "Cy-7003", "Dee-7004", "Gone-7005", "Hint-5531", "Stretch-5532") == []
    assert student.holds("nudge-9402", "nudge-9403", "nudge-9405", "prompt-9501", "card-9502", "talk-9303") == []
    assert student.holds("Red text 8101", "talk-9302", "nudge-9401", "answer-9201", "broadcast-9601", "Bo-7002")
    assert "Blue text 8102" not in student.read()
    records = {str(value) for message in student.messages for value in own_records(message)}
    assert records
    for record in records:
        assert house.bo.participant not in record

    # A projector: no person at all, and no amount.
    assert screen.keys() & (AMOUNTS | TEACHERS | {"record", "talk", "answer", "hand", "pulse", "role", "me"}) == set()
    everyone = (house.ada, house.bo, house.cy, house.dee)
    told = repr(screen.messages)
    assert [each.name for each in everyone if each.name in told or each.participant in told] == []
    # In a text that is shared, whoever reads it is told whose cursor is where, and nothing of those who have none.
    assert screen.holds(house.ada.name, house.bo.name, house.dee.name) == []
    assert screen.holds(*tokens, *of_others, "Gone-7005", "Hint-5531", "talk-930", "nudge-940", "prompt-950") == []
    assert screen.holds("broadcast-9601", "Blue text 8102")
    assert "Red text 8101" not in screen.heard()  # neither ready nor spotlit


def own_records(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "record":
                yield inner
            else:
                yield from own_records(inner)
