"""The demonstration: what a visitor is to see is there at once, goes on, and ends when it is told to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from server.demonstration_texts import TABLES, Pattern
from tests.stage import Classroom, Server, until

SIGNS = {Pattern.ONE_VOICE: "one_voice", Pattern.QUIET: "quiet", Pattern.PARALLEL: "parallel"}


async def test_each_table_shows_its_pattern_at_once_and_writes_on(tmp_path: Path) -> None:
    server = Server(tmp_path)
    await server.start("demo")
    try:
        await until(lambda: len(server.output) >= 4, "the addresses of its pages")
        teach, _, join = (urlsplit(line.split()[-1]) for line in server.output[1:4])
        (token,) = parse_qs(teach.query)["token"]
        lesson = Classroom(server, Path(teach.path).name, Path(join.path).name, token, "")
        async with lesson.watch() as teacher:
            rooms = {room["name"]: id_ for id_, room in teacher.state["rooms"].items()}
            assert list(rooms) == [table.name for table in TABLES]
            begun = {name: teacher.state["figures"][id_] for name, id_ in rooms.items()}
            for table in TABLES:
                found = begun[table.name]
                signs = {sign for sign in SIGNS.values() if sign in found["signs"]}
                assert signs == ({SIGNS[table.pattern]} if table.pattern in SIGNS else set()), table.name
                assert sorted(person["here"] for person in found["members"].values()) == [True] * 3

            texts = {room["name"]: room["text"] for room in (await lesson.report())["rooms"]}
            for table in TABLES:
                assert [each for each in table.sentences if texts[table.name].count(each) > 1] == []
                assert len(texts[table.name]) > 800

            def units() -> int:
                rooms = teacher.state["figures"].values()
                return sum(person["inserted"] for room in rooms for person in room["members"].values())

            before = units()
            await until(lambda: units() > before, "new words", 60)
    finally:
        status = await server.stop()
    assert status == 0
    assert not [line for line in server.output if "error" in line]
