"""A disk that is full, at the start and in flight: the writer is told, and nobody is shown what is not stored."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from server.core.events import decode_event
from server.core.participation import Participation
from tests.live.test_retention import hold_lesson, traces
from tests.stage import Server, Watch, until
from tests.stock import stock_peers

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux", reason="tmpfs and prlimit are Linux's"),
]

SPACE = "4m"


class Tmpfs:
    """A small file system in memory, filled to its last byte by another file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: Server) -> None:
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 512)

    def empty(self, server: Server) -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(self.folder)], check=True)


class FileSizeLimit:
    """A limit on how far a process may write into any file: every write fails as on a full disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: Server) -> None:
        self._limit(server, 1)

    def empty(self, server: Server) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Server, size: int) -> None:
        assert server.process is not None
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


Disk = Tmpfs | FileSizeLimit


@contextmanager
def tmpfs(folder: Path) -> Iterator[Tmpfs]:
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("only root can mount")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr.decode()}")
    try:
        yield Tmpfs(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def file_size_limit(folder: Path) -> Iterator[FileSizeLimit]:
    folder.mkdir()
    yield FileSizeLimit(folder)


@pytest.fixture(params=[tmpfs, file_size_limit], ids=["a full disk", "a limit on files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with request.param(tmp_path / "disk") as disk:
        yield disk


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


def told(watch: Watch) -> list[bool]:
    return [message["ok"] for message in watch.messages if message["type"] == "storage"]


async def test_a_disk_that_fills_up_while_people_write(disk: Disk) -> None:
    async with running(Server(disk.folder / "data")) as server, stock_peers() as stock:
        lesson = await server.create_lesson(room_count=1)
        ana, ben, cleo = [await lesson.join(name) for name in ("Ana", "Ben", "Cleo")]
        await lesson.command("open_rooms")
        room = (await lesson.report())["rooms"][0]["room"]
        async with (
            lesson.watch() as desk,
            lesson.watch(ana.token) as page,
            lesson.write(room, ana.token) as writer,
            lesson.write(room, lesson.teacher_token) as visitor,
        ):
            tab = await stock.open("3.1", lesson, room, ben.token)
            await tab.is_synced()
            writer.text += "Stored. "
            await tab.reads("Stored. ")
            await until(lambda: str(visitor.text) == "Stored. ", "the visitor's copy")

            disk.fill(server)
            # What a log that begins anew has room for is stored all the same.
            while not told(page):
                writer.text += "More. "
                await asyncio.sleep(0.05)
            await until(lambda: told(page) == [False] and told(desk) == [False], "the bad news")
            stored = (await lesson.report())["rooms"][0]["text"]
            await visitor.sees(stored)
            for sign in "Not yet.":
                writer.text += sign
            await tab.edit("🌰", at=0)
            whole = f"🌰{writer.text}"
            refused = await page.send("hand", reason="stuck")
            assert (refused["type"], refused["code"]) == ("error", "unavailable")
            answer = await server.request("POST", "/api/join", json={"code": lesson.code, "name": "Dan"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
            assert (await server.request("GET", "/healthz")).status_code == 200
            # Who comes now is told at once, can read, and reads no more than what is stored.
            async with lesson.watch(cleo.token) as late, lesson.write(room, cleo.token) as reader:
                await until(lambda: told(late) == [False], "the bad news for one who comes later")
                assert str(reader.text) == stored
                assert str(visitor.text) == stored
                assert (await lesson.report())["rooms"][0]["text"] == stored
                assert not desk.state["people"][cleo.participant]["here"]

                disk.empty(server)
                await reader.sees(whole)
                await visitor.sees(whole)
                await tab.reads(whole)
                await until(lambda: told(page) == told(desk) == told(late) == [False, True], "the good news")
                writer.text += " On it goes."
                await tab.edit("!")
                await until(lambda: "On it goes." in str(visitor.text) and "!" in str(visitor.text), "what came after")
                # What was not stored of people's coming is made up for.
                await desk.sees(lambda state: state["people"][cleo.participant]["here"], "who came meanwhile")
                await desk.sees(
                    lambda state: state["figures"][room]["members"][cleo.participant]["here"], "their open text"
                )
            assert (await tab.look())["closes"] == []
            assert (writer.closed, visitor.closed, page.closed) == (None, None, None)
            text = str(visitor.text)
            await writer.sees(text)
            await tab.reads(text)
            assert sorted(text) == sorted(f"{whole} On it goes.!")
        await lesson.command("end")
        report = await lesson.report()
        assert report["rooms"][0]["text"] == text
        assert await server.stop() == 0

        fold = Participation(lesson.lesson)
        for entry in await server.journal(lesson.lesson):
            fold.apply(decode_event(entry.body), entry.at)
        assert fold.text(room) == text


async def test_a_failure_that_nobody_waits_for_is_over_by_itself(tmp_path: Path) -> None:
    with file_size_limit(tmp_path / "disk") as disk:
        async with running(Server(disk.folder / "data")) as server:
            lesson = await server.create_lesson()
            async with lesson.watch() as desk:
                disk.fill(server)
                assert (await desk.send("broadcast", text="Hello"))["code"] == "unavailable"
                await until(lambda: told(desk) == [False], "the bad news")
                disk.empty(server)
                await until(lambda: told(desk) == [False, True], "the good news")
                assert (await desk.send("broadcast", text="Hello"))["type"] == "done"


async def test_p23_a_deletion_that_the_disk_refused_can_be_asked_for_again(disk: Disk) -> None:
    async with running(Server(disk.folder / "data")) as server:
        lesson, words = await hold_lesson(server)
        disk.fill(server)
        for _ in range(2):
            answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token)
            assert answer.status_code == 503
        disk.empty(server)
        answer = await server.request("DELETE", f"/api/lessons/{lesson.lesson}", lesson.teacher_token)
        assert answer.status_code == 204
        assert traces(server.data, *words) == set()


async def test_no_space_at_the_start(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk") as disk:
        server = Server(disk.folder / "data")
        disk.fill(server)
        sentence = await server.refuses_to_start()
        assert "ROUNDTABLE_DATA" in sentence
        assert "Traceback" not in sentence
        disk.empty(server)
        async with running(Server(disk.folder / "data")) as server:
            assert (await server.request("GET", "/readyz")).status_code == 200


async def test_no_space_at_the_first_start_spoils_no_later_one(tmp_path: Path) -> None:
    def no_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    sentence = await Server(tmp_path / "data", prepare=no_files).refuses_to_start()
    assert "ROUNDTABLE_DATA" in sentence
    async with running(Server(tmp_path / "data")) as server:
        assert (await server.request("GET", "/readyz")).status_code == 200


async def test_no_space_at_a_later_start(tmp_path: Path) -> None:
    async with running(Server(tmp_path / "data")) as server:
        lesson = await server.create_lesson()
        await server.stop()

    def no_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    sentence = await Server(tmp_path / "data", prepare=no_files).refuses_to_start()
    assert "ROUNDTABLE_DATA" in sentence
    async with running(Server(tmp_path / "data")) as server:
        answer = await server.request("GET", f"/api/lessons/{lesson.lesson}/report", lesson.teacher_token)
        assert answer.status_code == 200


@pytest.mark.parametrize("where", ["a file", "below a file", "read-only"])
async def test_a_data_folder_that_cannot_be_used(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "closed").mkdir(mode=0o500)
    match where:
        case "a file":
            data = tmp_path / "file"
        case "below a file":
            data = tmp_path / "file" / "data"
        case _:
            data = tmp_path / "closed" / "data"
            if os.getuid() == 0:
                data = Path("/proc/roundtable")  # a place where even root cannot make one
    sentence = await Server(data).refuses_to_start()
    assert "ROUNDTABLE_DATA" in sentence
    assert "Traceback" not in sentence
