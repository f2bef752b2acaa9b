"""``kill -9`` while people type, ten times over: what anyone was shown is there, once, and so are the figures."""

from __future__ import annotations

import asyncio
import itertools
import json
import random

import msgspec
import pytest

from server.core.events import decode_event
from server.core.participation import Participation
from server.report.figures import build_report
from tests.stage import Server, until
from tests.stock import StockPeer, Version, stock_peers
from tests.typist import EVERY_SECS, FIRST_SIGN, SIGNS, Typist, signs, signs_of

pytestmark = pytest.mark.live

KILLS = 10
VERSIONS: tuple[Version, ...] = ("2.1", "3.0", "3.1")


@pytest.mark.parametrize("seed", [20261122])
async def test_kill_nine_while_people_type(server: Server, seed: int) -> None:
    rng = random.Random(seed)
    lesson = await server.create_lesson(room_count=1)
    people = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo", "Dan", "Eve", "Finn")]
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]

    typists = [
        Typist(lesson, room, person.token, signs(writer), random.Random(seed + writer))
        for writer, person in enumerate(people[:2])
    ]
    async with stock_peers() as stock:
        tabs: list[StockPeer] = [
            await stock.open(version, lesson, room, person.token)
            for version, person in zip(VERSIONS, people[2:5], strict=True)
        ]
        connections = [asyncio.create_task(typist.stay_connected()) for typist in typists]
        work = [asyncio.create_task(typist.type()) for typist in typists]
        for writer, tab in enumerate(tabs, len(typists)):
            await tab.ask("type", first=FIRST_SIGN + writer * SIGNS, seed=seed + writer, every=1000 * EVERY_SECS)

        # One more each time, who dies with the server: nobody sends their text again, and what the others were shown of
        # it must be there all the same.
        lost: list[Typist] = []
        signs_of_the_lost = signs(5)
        for _ in range(KILLS):
            victim = Typist(lesson, room, people[5].token, signs_of_the_lost, random.Random(seed))
            dying = [asyncio.create_task(victim.stay_connected()), asyncio.create_task(victim.type())]
            lost.append(victim)
            # Some way into the typing: after a number of updates that came back, which is another one each time.
            wanted = [(typist, len(typist.received) + rng.randint(2, 25)) for typist in (*typists, victim)]
            await until(
                lambda wanted=wanted: all(len(typist.received) >= count for typist, count in wanted),  # type: ignore[misc]
                "typing to go on",
            )
            await server.kill()
            for task in dying:
                task.cancel()
            await server.start()

        for typist in typists:
            typist.typing = False
        await asyncio.gather(*work)
        last_signs = [FIRST_SIGN + writer * SIGNS + int(await tab.ask("rest")) for writer, tab in enumerate(tabs, 2)]
        typed = "".join(itertools.chain(*(typist.typed for typist in typists)))
        for writer, last in enumerate(last_signs, 2):
            typed += "".join(map(chr, range(FIRST_SIGN + writer * SIGNS, last)))
        assert len(typed) > 500
        typed_by_the_lost = {sign for victim in lost for sign in victim.typed}

        # Everything that was typed arrives everywhere, and every sign once.
        async with lesson.write(room, lesson.teacher_token) as visitor:
            await until(lambda: set(typed) <= set(str(visitor.text)), "all that was typed")
            text = str(visitor.text)
            assert len(text) == len(set(text))
            assert set(text) - set(typed) <= typed_by_the_lost
            assert set(text) & typed_by_the_lost, "some of them had been heard"
            for typist in typists:
                await until(lambda typist=typist: str(typist.text) == text, "the same text")  # type: ignore[misc]
            for tab in tabs:
                await tab.reads(text)
                assert not (await tab.look())["pending"]
            held = signs_of(visitor.document.get_update())
            histories = [typist.received for typist in (*typists, *lost)] + [await tab.history() for tab in tabs]
        for connection in connections:
            connection.cancel()

    # What each had been shown, before and after the crashes, is what the document holds, under the same identifiers.
    assert sorted(held.values()) == sorted(text)
    for history in histories:
        shown = {identifier: sign for update in history for identifier, sign in signs_of(update).items()}
        assert shown
        assert shown.items() <= held.items()

    await lesson.command("end")
    report = await lesson.report()
    assert report["rooms"][0]["text"] == text
    standing = {member["participant"]: member["standing"] for member in report["rooms"][0]["members"]}
    assert standing[people[0].participant] == len(typists[0].typed)
    assert sum(standing.values()) == len(text)
    await server.stop()
    fold = Participation(lesson.lesson)
    for entry in await server.journal(lesson.lesson):
        fold.apply(decode_event(entry.body), entry.at)
    assert json.loads(msgspec.json.encode(build_report(fold, 0))) == report
