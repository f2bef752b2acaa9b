"""One lesson over the interface, from its creation to its report."""

from __future__ import annotations

import pytest

from tests.stage import Server, until

pytestmark = pytest.mark.live


async def test_a_lesson_from_start_to_report(server: Server) -> None:
    lesson = await server.create_lesson(title="Acorns", task="One paragraph together", criteria=["where from"])
    ana, ben, cleo, dan = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan")]
    assert ana.room is None

    async with lesson.watch() as desk, lesson.watch(ana.token) as page:
        await page.sees(lambda state: state["lobby"]["count"] == 4, "four in the lobby")
        assert (await desk.send("open_rooms"))["type"] == "done"
        await page.sees(lambda state: state["room"]["name"], "a room")
        rooms = desk.state["rooms"]
        assert sorted(len(room["members"]) for room in rooms.values()) == [2, 2]
        room = page.state["me"]["room"]
        other = next(each for each in rooms if each != room)

        assert (await page.send("chat", text="hello table"))["type"] == "done"
        await desk.sees(
            lambda state: [line["text"] for line in state["talk"][room].values()] == ["hello table"], "talk"
        )
        assert (await page.send("hand", reason="stuck"))["type"] == "done"
        await desk.sees(lambda state: state["people"][ana.participant]["hand"]["reason"] == "stuck", "a hand")
        await page.sees(lambda state: state["me"]["hand"]["place"] == 1, "a place in the queue")
        await desk.send("lower_hand", participant=ana.participant)
        await page.sees(lambda state: "hand" not in state["me"], "the hand answered")

        async with lesson.write(room, ana.token) as writer, lesson.write(room, lesson.teacher_token) as visitor:
            writer.text += "Acorns were leached in the river."
            await visitor.sees("Acorns were leached in the river.")
            await desk.sees(
                lambda state: state["figures"][room]["members"][ana.participant]["standing"] == 33, "the figures"
            )
            await desk.send("lock", room=room)
            await page.sees(lambda state: state["room"]["locked"], "the lock")
            await desk.send("unlock", room=room)

        await desk.send("move", participant=ana.participant, room=other)
        await page.sees(lambda state: state["room"]["room"] == other, "the move")
        await desk.send("nudge", participant=ana.participant, text="What do the others think?")
        await page.sees(lambda state: [each["kind"] for each in state["messages"].values()] == ["nudge"], "the nudge")
        await desk.send("start_timer", seconds=300)
        await page.sees(lambda state: not state["timer"]["ran_out"], "the timer")

        async with lesson.watch(lesson.projector_token) as projector:
            await desk.send("spotlight", room=room)
            await projector.sees(lambda state: "leached" in state["spotlight"]["html"], "the spotlight")
            assert "Ana" not in str(projector.state)

        await desk.send("gather")
        await page.sees(lambda state: state["lesson"]["phase"] == "gather", "gathering")
        await desk.send("end")
        await page.sees(lambda state: state["lesson"]["phase"] == "ended", "the end")

    report = await lesson.report()
    texts = {each["room"]: each["text"] for each in report["rooms"]}
    assert texts[room] == "Acorns were leached in the river."
    members = {each["participant"]: each for each in report["rooms"][0]["members"] + report["rooms"][1]["members"]}
    assert members[ben.participant]["slots"] == 0
    assert {ana.participant, ben.participant, cleo.participant, dan.participant} == set(members)


async def test_deletion_closes_and_forgets(server: Server) -> None:
    lesson = await server.create_lesson()
    ana = await lesson.join("Ana")
    async with lesson.watch(ana.token) as page:
        answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token)
        assert answer.status_code == 204
        await until(lambda: page.closed is not None, "the close")
        assert page.messages[-1]["code"] == "deleted"
    answer = await server.request("GET", f"/api/lessons/{lesson.lesson}/report", lesson.teacher_token)
    assert answer.status_code == 404
