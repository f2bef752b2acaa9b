"""In which language the server says what it refuses: that of the page that asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.stage import Server, until

pytestmark = pytest.mark.live

MESSAGES = Path(__file__).parents[2] / "static" / "messages"
REFUSALS: dict[str, str] = json.loads((MESSAGES / "ar" / "refusals.json").read_text())
NO_LESSON = "No lesson has this code. Look at the board again: six letters and numbers."
ARABIC = {"Accept-Language": "ar"}


async def message(server: Server, method: str, path: str, *arguments: Any, **options: Any) -> str:
    """Ask for what will be refused; give the sentence."""
    answer = await server.request(method, path, *arguments, **options)
    assert answer.status_code >= 400
    assert answer.headers["cache-control"] == "no-store", "it depends on who asks"
    sentence: str = answer.json()["error"]["message"]
    return sentence


async def test_the_interface_answers_in_the_language_that_is_asked_for(server: Server) -> None:
    wish = {"code": "ZZZZZ9", "name": "Ana"}
    assert await message(server, "POST", "/api/join", json=wish) == NO_LESSON
    assert await message(server, "POST", "/api/join", json=wish, headers={"Accept-Language": "de"}) == NO_LESSON
    assert await message(server, "POST", "/api/join", json=wish, headers=ARABIC) == REFUSALS[NO_LESSON]
    assert await message(server, "POST", "/api/join?lang=ar", json=wish) == REFUSALS[NO_LESSON]
    none = "There is no such page. Check the address."
    assert await message(server, "GET", "/api/none") == none
    assert await message(server, "GET", "/api/none", headers=ARABIC) == REFUSALS[none]
    here = "This cannot be asked here. Check the address."
    assert await message(server, "GET", "/api/join") == here
    assert await message(server, "GET", "/api/join", headers=ARABIC) == REFUSALS[here]


async def test_a_name_that_will_not_do(server: Server) -> None:
    lesson = await server.create_lesson(language="ar")
    for name, refusal in (
        ("", "Please write a name that others can read, such as your first name."),
        ("x" * 41, "This name is too long: please use at most {most} letters."),
    ):
        wish = {"code": lesson.code, "name": name}
        said = await message(server, "POST", "/api/join", json=wish, headers=ARABIC)
        assert said == REFUSALS[refusal].replace("{most}", "40")
        assert await message(server, "POST", "/api/join", json=wish) == refusal.replace("{most}", "40")


async def test_the_join_page_says_in_its_own_language_what_was_wrong(server: Server) -> None:
    for method, path, data in (
        ("GET", "/j/ZZZZZ9", None),
        ("GET", "/join?code=ZZZZZ9", None),
        ("POST", "/join", {"code": "ZZZZZ9", "name": "Ana"}),
        ("POST", "/join?lang=ar", {"code": "ZZZZZ9", "name": "Ana"}),
    ):
        answer = await server.request(method, path, data=data, headers=ARABIC)
        assert answer.status_code == 404
        assert REFUSALS[NO_LESSON] in answer.text
        assert NO_LESSON not in answer.text
        assert 'action="/join?lang=ar"' in answer.text, "without a script it stays in this language"
    blank = await server.request("POST", "/join", data={"code": "ZZZZZ9", "name": " "}, headers=ARABIC)
    assert REFUSALS["Write your first name: 1 to 40 letters."] in blank.text
    over = await server.create_lesson()
    await over.command("end")
    answer = await server.request("GET", f"/j/{over.code}", headers=ARABIC)
    assert REFUSALS["This lesson is over. Ask your teacher for the code of the next one."] in answer.text


async def test_a_page_that_cannot_be_shown_says_why_in_its_own_language(server: Server) -> None:
    lesson = await server.create_lesson()
    why = "This browser is not in this lesson. Join with the code on the board."
    arabic = await server.request("GET", f"/l/{lesson.lesson}", headers=ARABIC)
    assert REFUSALS[why] in arabic.text
    english = await server.request("GET", f"/l/{lesson.lesson}")
    assert why in english.text


async def test_a_page_stays_in_the_language_that_its_address_asks_for(server: Server) -> None:
    lesson = await server.create_lesson()
    for page in ("/", "/none", "/l/none", f"/l/{lesson.lesson}"):
        for language in ("ar", "en"):
            answer = await server.request("GET", f"{page}?lang={language}", headers=ARABIC)
            (form,) = re.findall(r'<form action="/join" method="get".*?</form>', answer.text, re.DOTALL)
            assert f'name="lang" value="{language}"' in form
    assert 'href="/new?lang=ar"' in (await server.request("GET", "/?lang=ar")).text
    link = await server.request("GET", f"/t/{lesson.lesson}?lang=ar&token={lesson.teacher_token}")
    assert link.headers["location"] == f"/t/{lesson.lesson}?lang=ar", "what the token leaves behind"
    link = await server.request("GET", f"/t/{lesson.lesson}?token={lesson.teacher_token}")
    assert link.headers["location"] == f"/t/{lesson.lesson}"


async def test_the_lesson_socket_refuses_in_the_language_of_its_page(server: Server) -> None:
    rooms = [{"name": "Salmon {most} %s"}, {"name": "Acorns"}]
    lesson = await server.create_lesson(language="ar", grouping="self", rooms=rooms)
    ana = await lesson.join("Ana")
    async with lesson.watch() as desk:
        salmon = next(room for room, each in desk.state["rooms"].items() if each["name"].startswith("Salmon"))
    await lesson.command("close_room", room=salmon)
    closed = "{room} is closed: choose another room."
    async with lesson.watch(f"{ana.token}&lang=ar") as page, lesson.watch(ana.token) as program:
        refused = await page.send("choose", room=salmon)
        assert refused["type"] == "error"
        assert refused["code"] == "conflict"
        assert refused["message"] == REFUSALS[closed].replace("{room}", "\u2068Salmon {most} %s\u2069")
        refused = await program.send("choose", room=salmon)
        assert refused["message"] == closed.replace("{room}", "Salmon {most} %s")
        await page.socket.send('{"type": "chat", "id": 77}')
        await until(lambda: any(each.get("re") == 77 for each in page.messages), "an answer to what does not fit")
        assert page.messages[-1]["message"].startswith(REFUSALS["This request does not fit: {error}."].split("{")[0])


async def test_the_goodbye_of_a_lesson_socket_is_in_the_language_of_its_page(server: Server) -> None:
    lesson = await server.create_lesson(language="ar")
    ana, ben = await lesson.join("Ana"), await lesson.join("Ben")
    goodbyes = {}
    async with (
        lesson.watch(f"{ana.token}&lang=ar") as removed,
        lesson.watch(f"{ben.token}&lang=ar") as left,
        lesson.watch(f"{lesson.teacher_token}&lang=ar") as deleted,
        lesson.watch(f"{lesson.projector_token}") as english,
    ):
        await lesson.command("remove", participant=ana.participant)
        await ben.command("leave")
        await until(lambda: removed.closed is not None and left.closed is not None, "two goodbyes")
        answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token)
        assert answer.status_code == 204
        await until(lambda: deleted.closed is not None and english.closed is not None, "the others'")
        for watch in (removed, left, deleted, english):
            (bye,) = [each for each in watch.messages if each["type"] == "bye"]
            goodbyes[watch] = bye["code"], bye["message"]
        reason = removed.socket.close_reason
    assert goodbyes[removed] == (
        "removed",
        REFUSALS["Your teacher took you out of this lesson. Ask your teacher if this is a mistake."],
    )
    assert goodbyes[left] == (
        "left",
        REFUSALS["You left this lesson. To come back, join again with the code on the board."],
    )
    assert goodbyes[deleted] == (
        "deleted",
        REFUSALS["Your teacher deleted this lesson. Ask for the code of the next one."],
    )
    assert goodbyes[english] == ("deleted", "Your teacher deleted this lesson. Ask for the code of the next one.")
    assert reason == "Your teacher took you out of this lesson. Ask your teacher if this is a mistake.", (
        "a close's reason is for whoever writes a client"
    )
