"""What only the SQLite journal promises: its file, its failures, its death."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

import server.journal.sqlite as sqlite_journal
from server.errors import NotFound, SettingsError, Unavailable
from server.journal import Entry, tails
from server.journal.rows import unpack
from server.journal.sqlite import SqliteJournal
from server.journal.sqlite_store import Row, Store

pytestmark = pytest.mark.timeout(60)

ROOT = Path(sqlite_journal.__file__).parents[2]


class Disk(Protocol):
    """A disk that can be full."""

    folder: Path

    def fill(self) -> None: ...
    def free(self) -> None: ...


class SmallDisk:
    """A real file system of 2 MB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        disk = os.statvfs(self.folder)
        (self.folder / "ballast").write_bytes(bytes(disk.f_bavail * disk.f_frsize))

    def free(self) -> None:
        (self.folder / "ballast").unlink()


class SizeLimit:
    """The system's own limit on the size of a file, for systems where nothing can be mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        size = max(path.stat().st_size for path in self.folder.iterdir() if path.name.endswith("-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._before[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@pytest.fixture(params=["size limit", "small disk"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(sqlite_journal, "CHECKPOINT_SECS", 1000.0)  # an emptied log would have room again
    if request.param == "size limit":
        limited = SizeLimit(tmp_path)
        yield limited
        limited.free()
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a file system here")
    yield SmallDisk(tmp_path)
    subprocess.run(["umount", str(tmp_path)], check=True)


@contextmanager
def finally_freed(disk: Disk) -> Iterator[None]:
    disk.fill()
    try:
        yield
    finally:
        disk.free()


def bytes_of(path: Path) -> bytes:
    return b"".join(found.read_bytes() for found in path.parent.iterdir() if found.name.startswith(path.name))


def start_child(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


async def test_a_full_disk_fails_what_is_under_way_and_nothing_else(disk: Disk) -> None:
    journal = SqliteJournal(disk.folder / "journal.sqlite")
    await journal.open()
    received: list[Entry] = []
    answers: list[tuple[str, Unavailable | None]] = []

    def append(lesson: str, body: str) -> None:
        journal.append(lesson, 1, [body.encode() * 2000], lambda error: answers.append((body, error)))

    await journal.create("one", "ONE", 1, [b"first"])
    await journal.create("two", "TWO", 1, [])
    await journal.follow("one", received.extend)
    await journal.follow("two", received.extend)
    await journal.commit("one", 1, [b"second"])
    with finally_freed(disk):
        for body in "abc":
            append("one", body)
            append("two", body.upper())
        await asyncio.sleep(0)  # what follows is queued behind the batch now under way
        append("two", "D")
        append("one", "d")
        with pytest.raises(Unavailable):
            await journal.commit("one", 1, [b"e" * 2000])
        assert [body for body, _ in answers] == ["a", "A", "b", "B", "c", "C", "D", "d"]
        assert all(isinstance(error, Unavailable) and error.reason == "storage" for _, error in answers)
        with pytest.raises(Unavailable):  # tried afresh, still full
            await journal.commit("two", 1, [b"f" * 2000])
        with pytest.raises(Unavailable):
            await journal.create("three", "THREE", 1, [b"x" * 9000])
        assert await journal.find("THREE") is None
        assert [entry.body for entry in await journal.read("one")] == [b"first", b"second"]
    assert await journal.commit("one", 1, [b"third"]) == 3
    assert await journal.commit("two", 1, [b"1"]) == 1
    assert await journal.create("three", "THREE", 1, [])
    assert [entry.body for entry in received] == [b"first", b"second", b"third", b"1"]
    await journal.close()

    journal = SqliteJournal(disk.folder / "journal.sqlite")
    await journal.open()
    assert [entry.body for entry in await journal.read("one")] == [b"first", b"second", b"third"]
    await journal.close()


async def test_nothing_is_written_between_a_failure_and_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage recovers before the loop hears of the failure; what was admitted on top of it must fail all the same."""
    begun, go_on, failed = threading.Event(), threading.Event(), threading.Event()
    write = Store.write
    calls: list[list[bytes]] = []

    def fail_once(store: Store, rows: Sequence[Row]) -> None:
        calls.append([entry.body for row in rows for entry in unpack(row.last, row.entries)])
        if len(calls) > 1:
            return write(store, rows)
        begun.set()
        go_on.wait(10)
        failed.set()
        raise sqlite3.OperationalError("disk I/O error")

    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("one", "ONE", 1, [])
    monkeypatch.setattr(Store, "write", fail_once)
    answers: list[tuple[bytes, bool]] = []
    written_again = asyncio.Event()

    def append(body: bytes) -> None:
        def done(error: Unavailable | None) -> None:
            answers.append((body, error is None))
            if error is None:
                written_again.set()

        journal.append("one", 1, [body], done)

    def append_again(error: Unavailable | None) -> None:
        answers.append((b"a", error is None))
        append(b"again")

    journal.append("one", 1, [b"a"], append_again)
    await asyncio.to_thread(begun.wait, 10)
    append(b"b")
    go_on.set()
    failed.wait(10)  # holds the loop: it cannot have heard yet
    append(b"c")
    assert answers == []
    await asyncio.wait_for(written_again.wait(), 10)
    assert answers == [(b"a", False), (b"b", False), (b"c", False), (b"again", True)]
    assert calls == [[b"a"], [b"again"]]
    assert await journal.read("one") == [Entry(1, 1, b"again")]
    await journal.close()


async def test_more_than_may_wait_is_refused_at_once(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite", max_queued_bytes=10_000)
    await journal.open()
    await journal.create("one", "ONE", 1, [])
    answers: list[Unavailable | None] = []
    for _ in range(3):
        journal.append("one", 1, [b"x" * 4000], answers.append)
    [error] = answers
    assert isinstance(error, Unavailable)
    assert error.reason == "behind"
    assert await journal.commit("one", 1, []) == 2
    assert answers[1:] == [None, None]
    assert await journal.commit("one", 1, [b"x" * 9000]) == 3  # the room is given back
    for _ in range(100):
        journal.append("one", 1, [], answers.append)
    assert isinstance(answers[-1], Unavailable), "empty appends are bounded too"
    await journal.close()


async def test_a_group_of_appends_is_one_commit(tmp_path: Path) -> None:
    commits: list[tuple[float, int]] = []
    journal = SqliteJournal(tmp_path / "journal.sqlite", observe=lambda secs, entries: commits.append((secs, entries)))
    await journal.open()
    for lesson in ("one", "two"):
        await journal.create(lesson, lesson, 1, [])
    for number in range(40):
        journal.append(("one", "two")[number % 2], 1, [b"x"])
    await journal.commit("one", 1, [])
    [(secs, entries)] = commits
    assert entries == 40
    assert secs > 0
    await journal.close()


async def test_the_log_is_emptied_while_lessons_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while others are deleted, which empties it as well: of two at once, SQLite turns one down."""
    monkeypatch.setattr(sqlite_journal, "CHECKPOINT_SECS", 0.0)
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    lessons = [f"lesson-{number}" for number in range(20)]
    for lesson in lessons:
        await journal.create(lesson, lesson, 1, [])

    async def write(commits: int) -> None:
        for _ in range(commits):
            await journal.commit(lessons[0], 1, [b"x" * 50_000])
            await asyncio.sleep(0.01)  # the log begins anew with a commit that finds all of it copied

    writing = asyncio.create_task(write(100))
    for lesson in lessons[1:]:
        await journal.delete(lesson)
        await asyncio.sleep(0.01)
    await writing
    await write(200)
    assert path.stat().st_size > 10_000_000
    assert path.with_name("journal.sqlite-wal").stat().st_size < 5_000_000
    await journal.close()


async def test_commits_go_on_while_the_log_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    checkpoint, count = Store.checkpoint, 0

    def slow(store: Store) -> None:
        nonlocal count
        count += 1
        begun.set()
        go_on.wait(10)
        checkpoint(store)

    monkeypatch.setattr(Store, "checkpoint", slow)
    monkeypatch.setattr(sqlite_journal, "CHECKPOINT_SECS", 0.0)
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("one", "ONE", 1, [])
    await journal.commit("one", 1, [b"x"])
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(7):
        await journal.commit("one", 1, [b"y"])
    assert count == 1
    go_on.set()
    await journal.close()


async def test_a_tail_far_behind_reads_the_present_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    read = Store.read

    def slow(store: Store, key: int, after: int, limit: int) -> list[Entry]:
        found = read(store, key, after, limit)
        begun.set()
        go_on.wait(10)
        return found

    monkeypatch.setattr(tails, "BUFFER_ENTRIES", 5)
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("one", "ONE", 1, [b"x"] * 20)
    monkeypatch.setattr(Store, "read", slow)
    received: list[Entry] = []
    following = asyncio.create_task(journal.follow("one", received.extend))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(7):
        await journal.commit("one", 1, [b"y", b"y"])
    go_on.set()
    await following
    last = await journal.commit("one", 1, [b"z"])
    assert [entry.seq for entry in received] == list(range(1, last + 1))
    await journal.close()


@pytest.mark.parametrize("beside", [0, 1], ids=["alone", "beside another lesson's"])
async def test_a_deletion_overtakes_what_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: int
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    write = Store.write

    def slow(store: Store, rows: Sequence[Row]) -> None:
        begun.set()
        go_on.wait(10)
        return write(store, rows)

    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("one", "ONE", 1, [])
    await journal.create("two", "TWO", 1, [])
    monkeypatch.setattr(Store, "write", slow)
    doomed: list[Unavailable | None] = []
    answers: list[Unavailable | None] = []

    def append_elsewhere(error: Unavailable | None) -> None:
        doomed.append(error)
        journal.append("two", 1, [b"b"], answers.append)

    received: list[Entry] = []
    await journal.follow("one", received.extend)
    journal.append("one", 1, [b"under way"])
    journal.append("two", 1, [b"a"], answers.append)
    await asyncio.to_thread(begun.wait, 10)
    journal.append("one", 1, [b"doomed"], append_elsewhere)
    for _ in range(beside):
        journal.append("two", 1, [b"beside"], answers.append)
    deletion = asyncio.create_task(journal.delete("one"))
    await asyncio.sleep(0)
    go_on.set()
    turns = 0
    while not deletion.done():
        if doomed:
            journal.append("two", 1, [b"c"], answers.append)
            turns += 1
        await asyncio.sleep(0)
    await deletion
    assert await journal.commit("two", 1, []) == 2 + beside + turns
    assert answers == [None] * (2 + beside + turns)
    assert [error is None for error in doomed] == [False]
    assert received == []
    await journal.close()


APPENDING = """
import asyncio, sys
from pathlib import Path
from server.journal.rows import unpack
from server.journal.sqlite import SqliteJournal

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.open()
    seqs = {}
    for lesson in ("one", "two", "three"):
        await journal.create(lesson, lesson, 1, [])
        seqs[lesson] = await journal.commit(lesson, 1, [])
    while True:
        for lesson in seqs:
            for _ in range(3):
                seqs[lesson] += 1
                line = f"{lesson} {seqs[lesson]}"
                journal.append(lesson, 1, [line.encode()], lambda error, line=line: print(line, error or ""))
        await asyncio.sleep(0)

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    acknowledged = {"one": 0, "two": 0, "three": 0}
    for lines in (1, 50, 400, 3000):
        child = start_child(APPENDING, path)
        assert child.stdout is not None
        for line in itertools.islice(child.stdout, lines):
            lesson, seq = re.fullmatch(r"(\w+) (\d+) \n", line).groups()  # type: ignore[union-attr]
            acknowledged[lesson] = int(seq)
        os.kill(child.pid, signal.SIGKILL)
        for line in child.stdout:  # what it had said before it died
            if match := re.fullmatch(r"(\w+) (\d+) \n", line):
                acknowledged[match[1]] = int(match[2])
        kill(child)

        journal = SqliteJournal(path)
        await journal.open()
        for lesson, last in acknowledged.items():
            if lesson not in {row.lesson for row in await journal.lessons()}:
                assert last == 0
                continue
            found: list[Entry] = []
            (await journal.follow(lesson, found.extend)).close()
            assert len(found) >= last
            assert [(entry.seq, entry.body) for entry in found] == [
                (seq, f"{lesson} {seq}".encode()) for seq in range(1, len(found) + 1)
            ]
        await journal.close()


HOLDING = """
import asyncio, sys
from pathlib import Path
from server.journal.rows import unpack
from server.journal.sqlite import SqliteJournal

async def main():
    await SqliteJournal(Path(sys.argv[1])).open()
    print("open")
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    child = start_child(HOLDING, path)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "open\n"
        with pytest.raises(SettingsError, match=r"Another Roundtable process.*ROUNDTABLE_DATA.*REDIS_URL"):
            await SqliteJournal(path).open()
    finally:
        kill(child)
    journal = SqliteJournal(path)
    await journal.open()
    with pytest.raises(SettingsError, match="Another"):
        await SqliteJournal(path).open()
    await journal.close()
    await journal.open()
    await journal.close()


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="Set ROUNDTABLE_DATA"):
        await SqliteJournal(tmp_path / "file" / "journal.sqlite").open()
    (tmp_path / "not.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(SettingsError, match="Set ROUNDTABLE_DATA"):
        await SqliteJournal(tmp_path / "not.sqlite").open()


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A folder this process may not write to; root, who may write anywhere, is nobody meanwhile."""
    tmp_path.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(os.getuid())
    tmp_path.chmod(0o700)


async def test_a_folder_without_permission(forbidden: Path) -> None:
    with pytest.raises(SettingsError, match="Set ROUNDTABLE_DATA"):
        await SqliteJournal(forbidden / "journal.sqlite").open()


async def test_a_full_disk_at_the_start(disk: Disk) -> None:
    path = disk.folder / "journal.sqlite"
    (disk.folder / "other-wal").write_bytes(b"")
    with finally_freed(disk), pytest.raises(SettingsError, match=r"Set ROUNDTABLE_DATA.*free space"):
        await SqliteJournal(path).open()
    journal = SqliteJournal(path)  # and nothing was left locked
    await journal.open()
    await journal.close()


async def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"newer Roundtable \(format 99"):
        await SqliteJournal(path).open()
    assert path.read_bytes() == before


async def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    await journal.create("one", "ONE", 1, [b"x"])
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4
    await journal.close()


@pytest.mark.parametrize("seed", range(3))
async def test_deletion_leaves_no_byte(tmp_path: Path, seed: int) -> None:
    """Lessons are interleaved, so that pages split and merge between them."""
    rng = random.Random(seed)
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    lessons = [f"lesson-{rng.randbytes(6).hex()}" for _ in range(40)]
    traces: dict[str, list[bytes]] = {}
    for lesson in lessons:
        code = f"code-{rng.randbytes(6).hex()}"
        traces[lesson] = [lesson.encode(), code.encode()]
        await journal.create(lesson, code, 1, [])
    for _ in range(1500):
        lesson = rng.choice(lessons)
        traces[lesson].append(rng.randbytes(9))
        journal.append(lesson, 1, [traces[lesson][-1] + b"x" * rng.choice([5, 30, 80, 500, 3000])])
        if rng.random() < 0.2:
            await journal.commit(lesson, 1, [])
    for lesson in lessons[::3]:
        await journal.compact(lesson)
    for lesson in lessons:
        for seq in (1, 2):
            traces[lesson].append(rng.randbytes(9))
            await journal.save_snapshot(lesson, "hub", seq, traces[lesson][-1] + b"x" * rng.choice([5, 300, 5000]))
    held = bytes_of(path)
    assert any(trace in held for trace in traces[lessons[1]])
    gone: list[bytes] = []
    for lesson in rng.sample(lessons, 12):
        await journal.delete(lesson)
        gone += traces.pop(lesson)
        held = bytes_of(path)
        assert [trace for trace in gone if trace in held] == []
    assert {row.lesson for row in await journal.lessons()} == set(traces)
    for lesson, kept in traces.items():
        found: list[Entry] = []
        (await journal.follow(lesson, found.extend)).close()
        assert [entry.body[:9] for entry in found] == kept[2:-2]
    await journal.close()


async def test_deletion_leaves_neither_id_nor_code(tmp_path: Path) -> None:
    """Fails without ``secure_delete`` or ``scrub``. It does not tell whether the list of lessons is written anew on a
    deletion: the copies that this removes appeared only among thousands of lessons, a few in ten thousand.
    """
    rng = random.Random(1)
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    lessons = {f"lesson-{rng.randbytes(12).hex()}": f"code-{rng.randbytes(12).hex()}" for _ in range(400)}
    for lesson, code in lessons.items():
        await journal.create(lesson, code, 1, [])
    gone: list[str] = []
    for lesson in rng.sample(sorted(lessons), 40):
        await journal.delete(lesson)
        gone += [lesson, lessons.pop(lesson)]
    held = bytes_of(path)
    assert [trace for trace in gone if trace.encode() in held] == []
    assert all(trace.encode() in held for pair in lessons.items() for trace in pair)
    await journal.close()


async def test_a_deletion_that_failed_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    await journal.create("one", "ONE", 1, [b"what the child wrote"])

    def fail(store: Store) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "scrub", fail)
        with pytest.raises(Unavailable):
            await journal.delete("one")
    with pytest.raises(NotFound):
        await journal.read("one")
    assert [row.lesson for row in await journal.lessons()] == ["one"], "retention must find it again"
    await journal.delete("one")
    assert await journal.lessons() == []
    assert b"what the child wrote" not in bytes_of(path)
    await journal.close()


async def test_compaction_gives_space_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path)
    await journal.open()
    await journal.create("one", "ONE", 1, [])
    rng = random.Random(1)
    for number in range(8000):
        body = b'["DocumentUpdated","room-%d","participant-%d",%d]' % (number % 6, number % 30, number) + rng.randbytes(
            12
        )
        journal.append("one", 1_700_000_000_000 + number * 40, [body])
        if number % 4 == 0:
            await journal.commit("one", 1, [])
    await journal.close()
    before = path.stat().st_size
    await journal.open()
    await journal.compact("one")
    await journal.close()
    assert path.stat().st_size < before / 2
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM lesson_1").fetchone()[0] <= 20
    file.close()


async def test_the_loop_runs_while_the_disk_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    write: Callable[[Store, Sequence[Row]], None] = Store.write

    def hang(store: Store, rows: Sequence[Row]) -> None:
        begun.set()
        go_on.wait(10)
        return write(store, rows)

    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open()
    await journal.create("one", "ONE", 1, [b"first"])
    monkeypatch.setattr(Store, "write", hang)
    received: list[Sequence[Entry]] = []
    await journal.follow("one", received.append)
    durable = asyncio.create_task(journal.commit("one", 1, [b"second"]))
    await asyncio.to_thread(begun.wait, 10)
    closing = asyncio.create_task(journal.close())
    try:
        assert len(received) == 1, "nothing is seen before it is durable"
    finally:
        go_on.set()
    assert await durable == 2
    assert len(received) == 2
    await closing
