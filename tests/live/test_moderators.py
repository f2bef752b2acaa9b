"""Moderators that are processes of their own: taken over, handed over, evenly spread, with the same figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
import pycrdt
import pytest

from server.core.patch import JSON as Value
from server.report.figures import build_report
from tests.cluster import Cluster, settled
from tests.stage import Classroom, Server, gather, until

pytestmark = pytest.mark.live

TAKEOVER_SECS = 5.0


async def moderated(server: Server) -> int:
    """Say how many lessons a moderator process folds."""
    for line in (await server.request("GET", "/metrics")).text.splitlines():
        if line.startswith("roundtable_lessons_loaded "):
            return int(float(line.split()[1]))
    raise AssertionError("no such figure")


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, secs: float) -> None:
    """Ask again and again until it is so."""
    deadline = time.monotonic() + secs
    while not await condition():
        assert time.monotonic() < deadline, f"not within {secs} s: {what}"
        await asyncio.sleep(0.02)


async def write(lesson: Classroom, room: str, token: str, text: str, document: pycrdt.Doc[pycrdt.Text]) -> None:
    async with lesson.write(room, token, document) as peer:
        peer.text += text
        await until(lambda: len(peer.received) > 1, "the receipt")


@pytest.mark.alone
@pytest.mark.parametrize("killed", [True, False], ids=["kill -9", "SIGTERM"])
async def test_another_moderator_takes_over_with_the_same_figures(cluster: Cluster, killed: bool) -> None:
    web = await cluster.start()
    moderators = [await cluster.start("moderator") for _ in range(2)]
    lesson = await web.create_lesson(room_count=1)
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    async with lesson.watch() as desk:
        room = next(iter(desk.state["rooms"]))
        await desk.sees(lambda state: room in state["figures"], "figures")
        await write(lesson, room, ana.token, "Acorns fall in autumn. ", document)
        await desk.sees(lambda state: "autumn" in str(state["figures"][room]["excerpt"]), "what she wrote")

        holder = moderators[0] if await moderated(moderators[0]) else moderators[1]
        began = time.monotonic()
        await (holder.kill() if killed else holder.stop())
        await write(lesson, room, ana.token, "Squirrels bury them.", document)
        await desk.sees(lambda state: "bury" in str(state["figures"][room]["excerpt"]), "what she wrote then")
        took = time.monotonic() - began
        assert took < (TAKEOVER_SECS if killed else 2.0)
        await desk.sees(lambda state: state["figures"][room]["words"] == 7, "the amounts")
        shown = settled(desk.state["figures"])
    assert shown == settled(await cluster.figures(lesson.lesson))


@pytest.mark.alone
async def test_ten_lessons_are_spread_over_two_moderators(cluster: Cluster) -> None:
    web = await cluster.start()
    moderators = [await cluster.start("moderator") for _ in range(2)]

    async def holds() -> list[int]:
        return sorted(await gather(*(moderated(moderator) for moderator in moderators)))

    for number in range(10):
        await web.create_lesson(title=f"Lesson {number}")
        if number == 0:
            await eventually(lambda: _is(holds(), [0, 1]), "one lesson with one moderator", TAKEOVER_SECS)
    await eventually(lambda: _is(holds(), [5, 5]), "five lessons each", TAKEOVER_SECS)

    # One more shares the work of the others.
    moderators.append(await cluster.start("moderator"))
    await eventually(lambda: _is(holds(), [3, 3, 4]), "a part for the third", 2 * TAKEOVER_SECS)
    # And when two die, the third has it all.
    await gather(*(moderator.kill() for moderator in moderators[:2]))
    del moderators[:2]
    await eventually(lambda: _is(holds(), [10]), "all lessons with the last one", TAKEOVER_SECS)


async def _is(value: Awaitable[list[int]], wanted: list[int]) -> bool:
    return await value == wanted


async def test_without_a_moderator_everything_but_live_figures_is_there(cluster: Cluster) -> None:
    web = await cluster.start()
    lesson = await web.create_lesson(room_count=1)
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    async with lesson.watch() as desk:
        room = next(iter(desk.state["rooms"]))
        await write(lesson, room, ana.token, "Acorns fall in autumn.", pycrdt.Doc())
        report = await lesson.report()
        assert report["rooms"][0]["text"] == "Acorns fall in autumn."
        evidence = await web.request("GET", f"/api/lessons/{lesson.lesson}/rooms/{room}/evidence", lesson.teacher_token)
        assert evidence.status_code == 200
        assert "figures" not in desk.state
        assert any("moderator.nobody" in line for line in web.output)
        await cluster.start("moderator")
        await desk.sees(lambda state: state["figures"][room]["words"] == 4, "the figures")


async def test_the_report_is_a_replay_of_the_journal(cluster: Cluster) -> None:
    web = await cluster.start()
    await cluster.start("moderator")
    lesson = await web.create_lesson(room_count=2)
    people = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan")]
    await lesson.command("open_rooms")
    rooms = (await lesson.report())["rooms"]
    seats = {member["participant"]: room["room"] for room in rooms for member in room["members"]}
    await gather(*(write(lesson, seats[who.participant], who.token, "I write. ", pycrdt.Doc()) for who in people))
    await lesson.command("end")
    report: Value = await lesson.report()
    participation = await cluster.replay(lesson.lesson)
    now = participation.lesson.paused_at
    assert now is not None
    assert report == msgspec.json.decode(msgspec.json.encode(build_report(participation, now)))
