"""What people and programs may send over HTTP that does not fit, and what is made of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest
import websockets
from itsdangerous import TimestampSigner

from server.web.auth import Grant, Tokens
from tests.stage import JSON, Server, gather, until

pytestmark = pytest.mark.live


def error(answer: Any) -> tuple[int, str]:
    """Give status and code of a refusal; its message must be a sentence."""
    body = answer.json()["error"]
    assert set(body) == {"code", "message"}
    assert body["message"].endswith((".", "`"))
    return answer.status_code, body["code"]


# ── Joining ──


async def test_an_unknown_code(server: Server) -> None:
    answer = await server.request("POST", "/api/join", json={"code": "ZZZZZ9", "name": "Ana"})
    assert error(answer) == (404, "not_found")
    for method, path, data in (
        ("GET", "/j/ZZZZZ9", None),
        ("GET", "/join?code=ZZZZZ9", None),
        ("POST", "/join", {"code": "ZZZZZ9", "name": "Ana"}),
    ):
        answer = await server.request(method, path, data=data)
        assert answer.status_code == 404
        assert "No lesson has this code" in answer.text
        assert 'name="code"' in answer.text, "the form is there to try again"


async def test_a_name_that_is_none(server: Server) -> None:
    lesson = await server.create_lesson()
    for name in ("", " ", "\u00a0\t", "\u200b", "\u202e", "x" * 300, "🌰" * 41, None, 7, ["Ana"]):
        answer = await server.request("POST", "/api/join", json={"code": lesson.code, "name": name})
        assert error(answer) == (400, "malformed"), repr(name)
    for name in ("", "   ", "\u200b", "x" * 300):
        answer = await server.request("POST", "/join", data={"code": lesson.code, "name": name})
        assert 400 <= answer.status_code < 500, repr(name)
        assert 'name="name"' in answer.text, "the form is there to try again"
    async with lesson.watch() as desk:
        assert desk.state["people"] == {}


async def test_a_second_person_with_the_same_name(server: Server) -> None:
    lesson = await server.create_lesson()
    people = [await lesson.join(name) for name in ("Sam", "Sam", "sam", " Sam ", "Sam (2)")]
    names = [person.name for person in people]
    assert names[:2] == ["Sam", "Sam (2)"]
    assert len({name.casefold() for name in names}) == 5
    assert len({person.participant for person in people}) == 5
    # With a token it is the same person again, whatever the name.
    answer = await server.request(
        "POST", "/api/join", people[1].token, json={"code": lesson.code, "name": "Someone else"}
    )
    assert answer.json()["participant"] == people[1].participant


async def test_joining_a_lesson_that_is_over(server: Server) -> None:
    lesson = await server.create_lesson()
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    await lesson.command("end")
    answer = await server.request("POST", "/api/join", json={"code": lesson.code, "name": "Ben"})
    assert error(answer) == (410, "ended")
    answer = await server.request("POST", "/join", data={"code": lesson.code, "name": "Ben"})
    assert answer.status_code == 410
    assert (await server.request("GET", f"/j/{lesson.code}")).status_code == 410
    await ana.command("chat", text="hello?", expect=410)


# ── Bodies ──


async def test_bodies_that_do_not_fit(server: Server) -> None:
    lesson = await server.create_lesson()
    paths = ("/api/lessons", "/api/join", f"/api/lessons/{lesson.lesson}/commands")
    for path in paths:
        for body in (b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"title": ', b'"' + b"x" * 1000, b"[" * 200_000, b"{}"):
            answer = await server.request("POST", path, lesson.teacher_token, content=body)
            assert error(answer) == (400, "malformed"), (path, body[:20])
    deep = b'{"any": ' + b"[" * 100_000 + b"]" * 100_000 + b', "type": "end"}'
    assert error(await server.request("POST", paths[2], lesson.teacher_token, content=deep)) == (400, "malformed")
    for draft in (
        {"title": ""},
        {"title": "x" * 121},
        {"title": "T", "room_count": 0},
        {"title": "T", "room_count": 61},
        {"title": "T", "grouping": "by force"},
        {"title": "T", "rooms": [{"name": ""}]},
        {"title": "T", "unheard": "of"},
        {"title": "T", "task": "x" * 4001},
        {"title": "T", "minutes": -1},
        {"title": 7},
    ):
        assert error(await server.request("POST", "/api/lessons", json=draft)) == (400, "malformed"), draft
    for command in (
        {"type": "fly"},
        {"type": "start_timer", "seconds": 1e9},
        {"type": "start_timer", "seconds": "many"},
        {"type": "broadcast", "text": ""},
        {"type": "broadcast", "text": "x" * 1001},
        {"type": "rename", "name": "x" * 61},
        {"type": "end", "now": True},
    ):
        answer = await server.request("POST", paths[2], lesson.teacher_token, json=command)
        assert error(answer) == (400, "malformed"), command
    answer = await server.request(
        "POST", paths[2], lesson.teacher_token, json={"type": "move", "participant": "nobody", "room": "nowhere"}
    )
    assert error(answer) == (404, "not_found")
    assert (await lesson.report())["phase"] == "lobby"


async def test_a_body_over_its_limit(server: Server) -> None:
    lesson = await server.create_lesson()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 16_384

    for path in ("/api/lessons", "/api/join", f"/api/lessons/{lesson.lesson}/commands"):
        # With its length said before, and in pieces that never say it.
        for content in (b"x" * 600_000, endless()):
            answer = await server.request("POST", path, lesson.teacher_token, content=content)
            assert error(answer) == (413, "too_large")
    answer = await server.request("POST", "/join", content=b"name=" + b"x" * 600_000)
    assert answer.status_code == 413
    answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token, content=endless())
    assert error(answer) == (413, "too_large")
    assert (await lesson.report())["title"] == "Acorns"


async def test_a_method_that_an_address_does_not_have(server: Server) -> None:
    for method, path, allowed in (
        ("GET", "/api/join", "POST"),
        ("OPTIONS", "/api/join", "POST"),
        ("POST", "/new", "GET"),
    ):
        answer = await server.request(method, path)
        assert answer.status_code == 405
        assert allowed in answer.headers["allow"]


async def test_a_script_with_one_childs_token_is_slowed_and_nobody_else_is(server: Server) -> None:
    lesson = await server.create_lesson(room_count=1)
    ana, ben = await lesson.join("Ana"), await lesson.join("Ben")
    await lesson.command("open_rooms")
    address = f"/api/lessons/{lesson.lesson}/commands"
    answers = await gather(
        *(server.request("POST", address, ana.token, json={"type": "chat", "text": f"{n}"}) for n in range(150))
    )
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {error(answer) for answer in refused} == {(429, "too_fast")}
    await ben.command("chat", text="hello")
    async with lesson.watch() as desk:
        (talk,) = desk.state["talk"].values()
        assert len(talk) == 150 - len(refused) + 1


# ── Script tags ──

SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = '"><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """What a browser would make of a page: the elements that could run, and the data for the page's own script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.running: list[str] = []
        self.boot = ""
        self._in_boot = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in_boot = tag == "script" and given.get("type") == "application/json"
        if tag == "script" and not self._in_boot and not (given.get("src") or "").startswith("/static/"):
            self.running.append(f"script {given}")
        if tag in {"iframe", "object", "embed", "base"} or (tag == "img" and given.get("src") == "x"):
            self.running.append(tag)
        for name, value in given.items():
            if name.startswith("on") or name == "style" or "javascript:" in (value or "").lower().replace(" ", ""):
                self.running.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._in_boot:
            self.boot += data

    def handle_endtag(self, tag: str) -> None:
        self._in_boot = False


async def test_script_tags_in_every_text_field(server: Server) -> None:
    evil = SCRIPT + ATTRIBUTE
    lesson = await server.create_lesson(
        title=evil,
        task=evil,
        criteria=[evil],
        starters=[evil],
        rooms=[{"name": evil, "topic": evil}],
        room_count=None,
        template=evil,
    )
    ana = await lesson.join(SCRIPT)
    ben = await lesson.join(ATTRIBUTE)
    assert (ana.name, ben.name) == (SCRIPT, ATTRIBUTE), "a name is kept as it was given; it is no code in a page"
    await lesson.command("open_rooms")
    async with lesson.watch() as desk, lesson.watch(ana.token) as page, lesson.watch(lesson.projector_token) as wall:
        (room,) = desk.state["rooms"]
        await ana.command("chat", text=evil)
        await ana.command("hand", reason="other", note=evil)
        await lesson.command("broadcast", text=evil)
        await lesson.command("nudge", participant=ana.participant, text=evil)
        await lesson.command("add_room", name=evil, topic=evil)
        await lesson.command("rename", participant=ben.participant, name=ATTRIBUTE + "2")
        async with lesson.write(room, ana.token) as writer:
            writer.text += f"\n\n# {evil}\n\n[link](javascript:alert(1)) <b onclick=alert(1)>bold</b> ![x](x)"
            writer.text += "\n\n<https://e.example> [data](data:text/html;base64,PHNjcmlwdD4=) `<script>`\n"
            await desk.sees(lambda state: "bold" in str(state["figures"][room]["excerpt"]), "the text")
        await lesson.command("spotlight", room=room)
        await wall.sees(lambda state: "bold" in state["spotlight"]["html"], "the spotlight")
        await page.sees(lambda state: "bold" in state["spotlight"]["html"], "the spotlight")
        for shown in (wall.state, page.state):
            assert Page(shown["spotlight"]["html"]).running == []
        # JSON carries what was written as it was written; the pages put it into text nodes.
        assert desk.state["lesson"]["title"] == evil
        assert desk.state["people"][ana.participant]["hand"]["note"] == evil
    await ana.command("ready")
    await lesson.command("end")
    report = await lesson.report()
    for each in report["rooms"]:
        assert Page(each["html"]).running == []

    student = f"token={ana.token}"
    teacher = f"token={lesson.teacher_token}"
    pages = {
        f"/l/{lesson.lesson}?{student}": (evil, SCRIPT),
        f"/t/{lesson.lesson}?{teacher}": (evil,),
        f"/p/{lesson.lesson}?token={lesson.projector_token}": (evil,),
        f"/t/{lesson.lesson}/report?{teacher}": (evil, SCRIPT, ATTRIBUTE + "2"),
        f"/api/lessons/{lesson.lesson}/report.html?{teacher}": (),
        f"/api/lessons/{lesson.lesson}/rooms/{room}/summary.html?{teacher}": (),
        f"/join?code={evil}&name={evil}": (),
        f"/j/{evil}": (),
        f"/l/{evil}": (),
        f"/{evil}": (),
        f"/?lang={evil}": (),
    }
    for address, texts in pages.items():
        answer = await server.request("GET", address, follow_redirects=True)
        assert answer.headers["content-type"].startswith("text/html"), address
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        parsed = Page(answer.text)
        assert parsed.running == [], address
        assert SCRIPT not in answer.text, address
        if texts:
            assert answer.status_code == 200
            boot = json.dumps(json.loads(parsed.boot), ensure_ascii=False)
            for text in texts:
                assert json.dumps(text, ensure_ascii=False)[1:-1] in boot, (address, text)
    answer = await server.request("POST", "/join", data={"code": evil, "name": evil})
    assert Page(answer.text).running == []
    for name in ("report.csv", f"rooms/{room}/summary.md"):
        answer = await server.request("GET", f"/api/lessons/{lesson.lesson}/{name}", lesson.teacher_token)
        assert "attachment" in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"


# ── Other websites ──

FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


async def test_requests_from_another_website(server: Server) -> None:
    """As a browser sends them: with its cookies, and with or without a token that the other website knows."""
    lesson = await server.create_lesson()
    ana = await lesson.join("Ana")
    cookies = {
        "Cookie": f"roundtable_teacher={lesson.teacher_token}; roundtable_participant={ana.token}",
    }
    commands = f"/api/lessons/{lesson.lesson}/commands"
    own = {"Origin": server.address}
    for headers in FOREIGN:
        for method, path, options in (
            ("POST", "/api/lessons", {"json": {"title": "Theirs"}}),
            ("POST", "/api/lessons?token=any", {"json": {"title": "Theirs"}}),
            ("POST", "/api/join", {"json": {"code": lesson.code, "name": "Eve"}}),
            ("POST", f"/api/join?token={ana.token}", {"json": {"code": lesson.code, "name": "Eve"}}),
            ("POST", commands, {"json": {"type": "end"}}),
            ("DELETE", f"/api/lessons/{lesson.lesson}", {}),
            ("POST", "/join", {"data": {"code": lesson.code, "name": "Eve"}}),
            ("POST", f"/l/{lesson.lesson}/forget", {}),
        ):
            answer = await server.request(method, path, headers={**cookies, **headers}, **options)  # type: ignore[arg-type]
            assert answer.status_code == 403, (method, path, headers)
            assert "set-cookie" not in answer.headers
    report = await lesson.report()
    assert report["phase"] == "lobby"
    answer = await server.request(
        "POST", commands, headers={**cookies, **own}, json={"type": "broadcast", "text": "Ours"}
    )
    assert answer.status_code == 200

    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    for path in (f"/ws/lessons/{lesson.lesson}?role=teacher", f"/ws/lessons/{lesson.lesson}/rooms/{room}?role=teacher"):
        for headers in (*FOREIGN[:4], own):
            async with websockets.connect(
                server.sockets + path, additional_headers={**cookies, **headers}, max_size=None
            ) as socket:
                if headers is own:
                    await socket.ping()
                    assert socket.close_code is None
                else:
                    await socket.wait_closed()
                    assert socket.close_code == 4403, headers


# ── Tokens and keys ──


async def test_tokens_that_are_not_ours(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = await server.create_lesson()
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    tokens = Tokens((server.data / "secret").read_text().strip(), secure=False)
    grant = Grant("teacher", lesson.lesson)
    assert tokens.verify(lesson.teacher_token) == grant
    payload, stamp, signature = lesson.teacher_token.split(".")
    with monkeypatch.context() as past:
        past.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 400 * 24 * 3600)
        expired = tokens.sign(grant)
    bad = {
        "garbage": "garbage",
        "tampered with": f"{payload}.{stamp}.{signature[:-2]}AA",
        "another payload": f"{ana.token.split('.')[0]}.{stamp}.{signature}",
        "a later stamp": f"{payload}.zzzzzz.{signature}",
        "another secret": Tokens("x" * 48, secure=False).sign(grant),
        "another scope": tokens._serializer.dumps(["principal", lesson.lesson, None]),
        "another shape": tokens._serializer.dumps({"scope": "teacher"}),
        "expired": expired,
        "very long": "x" * 4000,
    }
    routes = [
        ("GET", f"/t/{lesson.lesson}"),
        ("GET", f"/t/{lesson.lesson}/report"),
        ("GET", f"/l/{lesson.lesson}"),
        ("GET", f"/p/{lesson.lesson}"),
        ("POST", f"/api/lessons/{lesson.lesson}/commands"),
        ("GET", f"/api/lessons/{lesson.lesson}/report"),
        ("GET", f"/api/lessons/{lesson.lesson}/report.csv"),
        ("GET", f"/api/lessons/{lesson.lesson}/report.html"),
        ("GET", f"/api/lessons/{lesson.lesson}/timeline"),
        ("GET", f"/api/lessons/{lesson.lesson}/rooms/{room}/summary.md"),
        ("GET", f"/api/lessons/{lesson.lesson}/rooms/{room}/summary.html"),
        ("DELETE", f"/api/lessons/{lesson.lesson}"),
    ]
    wrong = {}
    for what, token in bad.items():
        for method, path in routes:
            body: dict[str, Any] = {"json": {"type": "end"}} if method == "POST" else {}
            asked = {
                "header": await server.request(method, path, token, **body),
                "query": await server.request(method, f"{path}?token={token}", **body),
                "cookie": await server.request(method, path, headers={"Cookie": f"roundtable_teacher={token}"}, **body),
            }
            for how, answer in asked.items():
                if answer.status_code != 401:
                    wrong[what, path, how] = answer.status_code
        for path in (f"/ws/lessons/{lesson.lesson}", f"/ws/lessons/{lesson.lesson}/rooms/{room}"):
            async with websockets.connect(f"{server.sockets}{path}?token={token}") as socket:
                await socket.wait_closed()
                if socket.close_code != 4401:
                    wrong[what, path, "socket"] = socket.close_code or 0
    assert wrong == {}
    assert (await lesson.report())["phase"] == "work"


async def test_wrong_codes_are_slowed_and_right_ones_are_not(server: Server) -> None:
    lesson = await server.create_lesson()
    answered: list[str] = []

    async def try_code(code: str) -> None:
        answer = await server.request("POST", "/api/join", json={"code": code, "name": "Ana"})
        assert answer.status_code == (201 if code == lesson.code else 404)
        answered.append(code)

    # Twenty a second are answered, so that the last of these waits two seconds; the right one comes after them all.
    wrong = [asyncio.create_task(try_code(f"WRNG{number:02}")) for number in range(60)]
    await until(lambda: len(answered) >= 5, "the first answers")
    await try_code(lesson.code)
    assert len(answered) < 50, "the right code was answered while wrong ones were waiting"
    await gather(*wrong)


async def test_only_who_has_the_key_starts_lessons(tmp_path_factory: pytest.TempPathFactory) -> None:
    key = "افتح يا سمسم, please"
    server = Server(tmp_path_factory.mktemp("keyed") / "data", {"ROUNDTABLE_TEACHER_KEY": key})
    await server.start()
    try:
        for wrong in (None, "", "wrong", key + "!"):
            headers = {} if wrong is None else {"X-Teacher-Key": wrong.encode()}
            answer = await server.request("POST", "/api/lessons", headers=headers, json={"title": "Acorns"})
            assert error(answer) == (403, "forbidden")
            assert key not in answer.text
        answer = await server.request(
            "POST", "/api/lessons", headers={"X-Teacher-Key": key.encode()}, json={"title": "Acorns"}
        )
        assert answer.status_code == 201
        lesson: JSON = answer.json()
        # Joining needs no key, and the key is in no page.
        joined = await server.request("POST", "/api/join", json={"code": lesson["code"], "name": "Ana"})
        assert joined.status_code == 201
        assert key not in (await server.request("GET", "/new")).text
    finally:
        await server.kill()
    assert key not in "".join(server.output)


async def test_a_teachers_page_in_a_browser_that_does_not_know_the_lesson(server: Server) -> None:
    lesson = await server.create_lesson()
    for query, is_told in (("", True), ("?token=made-up", False)):
        answer = await server.request("GET", f"/t/{lesson.lesson}{query}")
        assert answer.status_code == 401
        assert ('<p class="lead">Are you the teacher?' in answer.text) == is_told
