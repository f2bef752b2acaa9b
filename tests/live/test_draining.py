"""SIGTERM: nobody new comes in, everyone is sent away little by little, nothing typed is lost, and the status is 0."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import httpx2 as httpx
import pytest
import websockets

from tests.stage import Server, gather, until
from tests.stock import Version, stock_peers

pytestmark = pytest.mark.live

PEOPLE = 60
VERSIONS: tuple[Version, ...] = ("2.1", "3.0", "3.1")


@pytest.mark.alone
async def test_sixty_people_are_sent_away_little_by_little(server: Server) -> None:
    lesson = await server.create_lesson(room_count=12)
    students = [await lesson.join(f"Student {number}") for number in range(PEOPLE)]
    await lesson.command("open_rooms")
    rooms = {
        member["participant"]: room["room"] for room in (await lesson.report())["rooms"] for member in room["members"]
    }
    async with stock_peers() as stock:
        tabs = await gather(
            *(
                stock.open(VERSIONS[number % 3], lesson, rooms[student.participant], student.token)
                for number, student in enumerate(students)
            )
        )
        await gather(*(tab.is_synced() for tab in tabs))
        for number, tab in enumerate(tabs):
            await tab.ask("type", first=0x4E00 + 300 * number, seed=number, every=100)
        await gather(*(tab.sees(lambda view: len(view["text"]) > 5, "typing in the whole room") for tab in tabs))

        began = time.monotonic()
        stopping = asyncio.create_task(server.stop())
        answers = []
        async with asyncio.timeout(10):
            while not stopping.done():
                try:
                    ready = await server.request("GET", "/readyz")
                    join = await server.request("POST", "/api/join", json={"code": lesson.code, "name": "Zoe"})
                except httpx.TransportError:
                    break
                if ready.status_code == 503:
                    answers.append((ready.json()["error"]["code"], join.status_code, join.headers.get("Retry-After")))
            assert await stopping == 0
        assert time.monotonic() - began < 10
        assert answers
        assert set(answers) == {("draining", 503, "2")}

        views = [await tab.look() for tab in tabs]
        first = [(view["closes"][0], view["closed_at"][0]) for view in views]
        assert {code for code, _ in first} == {1012}
        moments = sorted(at for _, at in first)
        assert 2_000 < moments[-1] - moments[0] < 5_000
        assert max(later - earlier for earlier, later in itertools.pairwise(moments)) < 1_000

        # They went on typing, and come back with it.
        await server.start()
        for tab in tabs:
            await tab.ask("rest")
        typed = [
            {chr(0x4E00 + 300 * number + n) for n in range((await tab.look())["typed"])}
            for number, tab in enumerate(tabs)
        ]
        for room in set(rooms.values()):
            here = [number for number, student in enumerate(students) if rooms[student.participant] == room]
            everything = sorted(sign for number in here for sign in typed[number])
            for number in here:
                await tabs[number].sees(lambda view, all_=everything: sorted(view["text"]) == all_, "every sign, once")


async def test_a_handshake_is_refused_so_that_a_proxy_tries_elsewhere(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    await server.start()
    lesson = await server.create_lesson()
    people = [await lesson.join(f"Student {number}") for number in range(20)]
    url = f"{server.sockets}/ws/lessons/{lesson.lesson}?token="
    sockets = await gather(*(websockets.connect(url + person.token) for person in people))
    stopping = asyncio.create_task(server.stop())
    await until(lambda: any(socket.close_code for socket in sockets), "the first close")
    with pytest.raises(websockets.InvalidStatus) as refusal:
        await websockets.connect(url + people[0].token)
    assert refusal.value.response.status_code == 503
    assert refusal.value.response.headers["Retry-After"] == "2"
    assert await stopping == 0
    assert {socket.close_code for socket in sockets} == {1012}
    assert not [line for line in server.output if "error" in line]
