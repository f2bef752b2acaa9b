"""A lesson whose people sit on different web processes, with a moderator apart: everybody sees the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pycrdt
import pytest

from tests.cluster import Cluster
from tests.stage import Classroom, Server, until

pytestmark = pytest.mark.live


def at(server: Server, lesson: Classroom) -> Classroom:
    """Give a lesson as somebody reaches it who came to another process."""
    return replace(lesson, server=server)


async def test_the_teacher_on_one_process_sees_students_on_another(cluster: Cluster) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.start("moderator")
    lesson = await one.create_lesson(room_count=1)
    elsewhere = at(two, lesson)
    async with lesson.watch() as desk:
        ana, ben = await elsewhere.join("Ana"), await lesson.join("Ben")
        await lesson.command("open_rooms")
        (room,) = desk.state["rooms"]
        async with (
            elsewhere.watch(ana.token) as page,
            elsewhere.write(room, ana.token) as anas,
            lesson.write(room, ben.token) as bens,
        ):
            anas.text += "Acorns fall."
            await bens.sees("Acorns fall.")
            await desk.sees(lambda state: "Acorns" in str(state["figures"][room]["excerpt"]), "what Ana wrote")
            await desk.sees(lambda state: state["figures"][room]["members"][ana.participant]["here"], "Ana")

            # What one process was told is in what another is asked at once.
            evidence = await one.request(
                "GET", f"/api/lessons/{lesson.lesson}/rooms/{room}/evidence", lesson.teacher_token
            )
            assert "Acorns fall." in evidence.text
            assert (await lesson.report())["rooms"][0]["text"] == "Acorns fall."
            assert (await lesson.report())["rooms"][0]["text"] == (await elsewhere.report())["rooms"][0]["text"]

            await lesson.command("share_record", on=True)
            await page.sees(lambda state: state["record"]["slots"] == 1, "her own record")
            await elsewhere.command("broadcast", text="Two minutes left")
            await page.sees(lambda state: "Two minutes left" in str(state), "the message")
            await desk.sees(lambda state: "Two minutes left" in str(state), "the message")
        await elsewhere.command("end")
        assert (await lesson.report())["phase"] == "ended"
        timeline = await one.request("GET", f"/api/lessons/{lesson.lesson}/timeline", lesson.teacher_token)
        assert timeline.status_code == 200
        replay = await two.request("GET", f"/api/lessons/{lesson.lesson}/rooms/{room}/replay", lesson.teacher_token)
        assert "Acorns" in replay.text


async def test_a_question_to_the_tables_that_show_a_sign(cluster: Cluster) -> None:
    # No moderator runs: whoever is asked folds for itself.
    one, two = await cluster.start(), await cluster.start()
    lesson = await one.create_lesson(room_count=2)
    ana, ben = await lesson.join("Ana"), await lesson.join("Ben")
    await lesson.command("open_rooms")
    await ana.command("ready")
    async with lesson.watch(ana.token) as anas, lesson.watch(ben.token) as bens:
        await at(two, lesson).command("prompt", sign="done", text="What would a squirrel say?")
        await lesson.command("broadcast", text="Two minutes left")
        for page in (anas, bens):
            await page.sees(lambda state: "Two minutes left" in str(state), "the message to all")
        assert "squirrel" in str(anas.state)
        assert "squirrel" not in str(bens.state)


async def test_restarting_every_process_in_turn_loses_nothing(cluster: Cluster) -> None:
    webs = [await cluster.start() for _ in range(2)]
    moderator = await cluster.start("moderator")
    lesson = await webs[0].create_lesson(room_count=1)
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    words = ["Acorns ", "fall ", "in ", "autumn."]
    for number, word in enumerate(words):
        async with at(webs[number % 2], lesson).write(room, ana.token, document) as peer:
            before = len(peer.received)
            peer.text += word
            await until(lambda peer=peer, before=before: len(peer.received) > before, "the receipt")  # type: ignore[misc]
            assert await webs[number % 2].stop() == 0
            assert await peer.is_closed() == 1012
        await webs[number % 2].start()
    assert await moderator.stop() == 0
    assert (await at(webs[1], lesson).report())["rooms"][0]["text"] == "".join(words)


async def test_purge_and_export_while_the_server_runs(cluster: Cluster, tmp_path: Path) -> None:
    web = await cluster.start()
    lesson = await web.create_lesson(title="Acorns", room_count=1)
    kept = await web.create_lesson(title="Oaks")
    ana = await lesson.join("Ana")
    await lesson.command("open_rooms")
    async with lesson.watch() as desk:
        (room,) = desk.state["rooms"]
        async with lesson.write(room, ana.token) as writer:
            writer.text += "Acorns fall."
            await until(lambda: len(writer.received) > 1, "the receipt")
        await cluster.run("export", lesson.lesson, str(tmp_path / "export"))
        assert any(b"Acorns fall." in file.read_bytes() for file in (tmp_path / "export").iterdir())
        assert "Deleted 1 lesson." in await cluster.run("purge", lesson.lesson)
        await until(lambda: desk.closed == 4401, "the goodbye")
    assert (await web.request("GET", f"/api/lessons/{lesson.lesson}/report", lesson.teacher_token)).status_code == 404
    assert (await kept.report())["title"] == "Oaks"
