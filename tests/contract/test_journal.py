"""What every journal promises, whatever it stands on."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence

import pytest

from server.errors import NotFound, Unavailable
from server.journal import READ_ENTRIES, Conflict, Entry, Journal, LessonRow, Snapshot
from tests.stage import until

pytestmark = pytest.mark.timeout(30)


class Panic(BaseException):
    """Like pycrdt's, which is no Exception."""


class Answers:
    """Collects what each ``done`` was told, and settles when the expected number is in."""

    def __init__(self) -> None:
        self.given: list[tuple[int, Unavailable | None]] = []

    def of(self, number: int) -> Callable[[Unavailable | None], None]:
        return lambda error: self.given.append((number, error))


class Received(list[Entry]):
    """A receiver; ``until`` waits for an entry."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def __call__(self, entries: Sequence[Entry]) -> None:
        assert entries
        self.extend(entries)
        self._changed.set()

    async def until(self, seq: int) -> None:
        while not self or self[-1].seq < seq:
            self._changed.clear()
            await self._changed.wait()


def bodies_of(entries: Sequence[Entry]) -> list[bytes]:
    return [entry.body for entry in entries]


def seqs_of(entries: Sequence[Entry]) -> list[int]:
    return [entry.seq for entry in entries]


async def whole(journal: Journal, lesson: str) -> list[Entry]:
    found: list[Entry] = []
    while batch := await journal.read(lesson, found[-1].seq if found else 0):
        found += batch
    return found


async def test_it_can_be_asked_whether_it_can_be_read(new_journal: Callable[[], Journal]) -> None:
    journal = new_journal()
    with pytest.raises(Unavailable):
        await journal.check()
    await journal.open()
    await journal.check()
    await journal.close()
    with pytest.raises(Unavailable):
        await journal.check()


async def test_a_lesson_begins_with_its_first_entries(journal: Journal) -> None:
    assert await journal.create("three", "THREE", 5, [b"created", b"opened"])
    assert await journal.find("THREE") == "three"
    assert await journal.read("three") == [Entry(1, 5, b"created"), Entry(2, 5, b"opened")]
    assert await journal.commit("three", 6, [b"joined"]) == 3


async def test_a_taken_code_or_id_writes_nothing(journal: Journal) -> None:
    assert not await journal.create("three", "ONE", 5, [b"x"])
    assert not await journal.create("one", "THREE", 5, [b"x"])
    assert await journal.find("ONE") == "one"
    assert await journal.find("THREE") is None
    assert await journal.read("one") == []
    with pytest.raises(NotFound):
        await journal.read("three")


async def test_one_of_many_who_ask_for_a_code_gets_it(journal: Journal) -> None:
    made = await asyncio.gather(*(journal.create(f"lesson-{n}", "SAME", 1, [b"%d" % n]) for n in range(10)))
    assert made.count(True) == 1
    assert await journal.find("SAME") == f"lesson-{made.index(True)}"
    assert len(await journal.lessons()) == 3


async def test_entries_are_numbered_without_gaps_whoever_appends(journal: Journal) -> None:
    lessons = [f"lesson-{n}" for n in range(12)]
    for lesson in lessons:
        await journal.create(lesson, lesson.upper(), 0, [])
    rng = random.Random(4)
    sent: dict[str, list[bytes]] = {lesson: [] for lesson in lessons}
    answers = Answers()

    async def write(writer: int) -> None:
        for turn in range(60):
            lesson = rng.choice(lessons)
            bodies = [b"%d.%d.%d" % (writer, turn, part) for part in range(rng.randrange(4))]
            sent[lesson] += bodies
            if rng.random() < 0.2:
                assert await journal.commit(lesson, turn, bodies) >= len(bodies)
            else:
                journal.append(lesson, turn, bodies, answers.of(turn))
            if rng.random() < 0.3:
                await asyncio.sleep(0)

    await asyncio.gather(*(write(writer) for writer in range(8)))
    for lesson in lessons:
        await journal.commit(lesson, 0, [])
        entries = await whole(journal, lesson)
        assert bodies_of(entries) == sent[lesson]
        assert seqs_of(entries) == list(range(1, len(entries) + 1))
    assert all(error is None for _, error in answers.given)


async def test_time_never_runs_backwards_in_a_lesson(journal: Journal) -> None:
    await journal.commit("one", 1000, [b"a"])
    journal.append("one", 900, [b"b"])
    journal.append("two", 950, [b"x"])
    await journal.commit("one", 1001, [b"c"])
    await journal.commit("one", 10, [b"d"])
    await journal.commit("two", 1, [])
    assert [entry.at for entry in await journal.read("one")] == [1000, 1000, 1001, 1001]
    assert [entry.at for entry in await journal.read("two")] == [950]


async def test_what_is_answered_has_been_received_in_order(journal: Journal) -> None:
    first, second = Received(), Received()
    await journal.follow("one", first)
    await journal.follow("one", second)
    order: list[int] = []

    def done(number: int) -> Callable[[Unavailable | None], None]:
        def answered(error: Unavailable | None) -> None:
            assert error is None
            assert len(first) >= number
            assert len(second) >= number
            order.append(number)

        return answered

    for number in range(1, 101):
        journal.append("one", number, [b"%d" % number], done(number))
        if number % 7 == 0:
            await asyncio.sleep(0)
    assert await journal.commit("one", 200, [b"last"]) == 101
    assert order == list(range(1, 101))
    assert first == second == await journal.read("one")


async def test_a_commit_without_entries_waits_for_those_before(journal: Journal) -> None:
    answers = Answers()
    journal.append("one", 1, [b"a", b"b"], answers.of(1))
    assert await journal.commit("one", 1, []) == 2
    assert answers.given == [(1, None)]


async def test_an_exclusive_commit_is_refused_when_another_came_first(journal: Journal) -> None:
    assert await journal.commit("one", 1, [b"a"], after=0) == 1
    with pytest.raises(Conflict) as conflict:
        await journal.commit("one", 1, [b"b"], after=0)
    assert conflict.value.seq == 1
    assert await journal.commit("one", 1, [b"text"]) == 2  # neither conflicts nor causes conflicts
    assert await journal.commit("one", 1, [b"c", b"d"], after=1) == 4
    with pytest.raises(Conflict) as conflict:
        await journal.commit("one", 1, [b"e"], after=3)
    assert conflict.value.seq == 4
    with pytest.raises(Conflict):
        await journal.commit("one", 1, [], after=3)
    assert await journal.commit("one", 1, [], after=4) == 4
    assert await journal.commit("two", 1, [b"elsewhere"], after=0) == 1
    assert bodies_of(await journal.read("one")) == [b"a", b"text", b"c", b"d"]


async def test_of_many_exclusive_commits_at_once_one_is_made(journal: Journal) -> None:
    received = Received()
    await journal.follow("one", received)
    answers = Answers()

    async def decide(number: int) -> int:
        tries = 0
        while True:
            seen = received[-1].seq if received else 0
            tries += 1
            try:
                await journal.commit("one", 1, [b"%d saw %d" % (number, seen)], after=seen)
            except Conflict as conflict:
                await received.until(conflict.seq)
            else:
                return tries

    for number in range(10):
        journal.append("one", 1, [b"text"], answers.of(number))
    tries = await asyncio.gather(*(decide(number) for number in range(10)))
    assert max(tries) > 1
    made = [entry for entry in received if b"saw" in entry.body]
    assert len(made) == 10
    for before, entry in itertools.pairwise(made):
        assert int(entry.body.split()[-1]) >= before.seq, "it was decided on everything decided before"
    assert answers.given == [(number, None) for number in range(10)]
    assert seqs_of(received) == list(range(1, 21))


async def test_the_latest_entry_is_a_barrier(journal: Journal) -> None:
    assert await journal.latest("one") == 0
    received = Received()
    await journal.follow("one", received)
    for number in range(5):
        await journal.commit("one", 1, [b"%d" % number] * 2)
    assert await journal.latest("one") == 10
    await received.until(10)


async def test_the_newest_snapshot_is_kept(journal: Journal) -> None:
    assert await journal.snapshot("one", "hub") is None
    await journal.commit("one", 1, [b"x"] * 9)
    await journal.save_snapshot("one", "hub", 7, b"at seven")
    await journal.save_snapshot("one", "participation", 2, bytes(range(256)) * 5000)
    await journal.save_snapshot("one", "hub", 5, b"at five")
    assert await journal.snapshot("one", "hub") == Snapshot(7, b"at seven")
    await journal.save_snapshot("one", "hub", 9, b"at nine")
    assert await journal.snapshot("one", "hub") == Snapshot(9, b"at nine")
    assert await journal.snapshot("one", "participation") == Snapshot(2, bytes(range(256)) * 5000)
    assert await journal.snapshot("two", "hub") is None
    await journal.delete("one")
    with pytest.raises(NotFound):
        await journal.snapshot("one", "hub")
    assert await journal.create("one", "ONE", 1, [])
    assert await journal.snapshot("one", "hub") is None


async def test_a_tail_is_told_of_a_deletion_once(journal: Journal) -> None:
    told: list[str] = []

    def fail() -> None:
        told.append("fails")
        raise ValueError("what the child wrote")

    receive = Received()
    await journal.follow("one", receive, gone=fail)
    await journal.follow("one", receive, lost=lambda: told.append("lost"), gone=lambda: told.append("gone"))
    tail = await journal.follow("one", receive, gone=lambda: told.append("closed"))
    await journal.follow("two", receive, gone=lambda: told.append("two"))
    tail.close()
    await journal.delete("one")
    assert told == ["fails", "gone"]
    await journal.delete("one")
    await journal.commit("two", 1, [b"x"])
    assert told == ["fails", "gone"]


async def test_a_lesson_that_is_not_there(journal: Journal) -> None:
    answers = Answers()
    journal.append("none", 1, [b"x"], answers.of(1))
    with pytest.raises(Unavailable):
        await journal.commit("none", 1, [b"x"])
    [(_, error)] = answers.given
    assert isinstance(error, Unavailable)
    for refused in (
        journal.read("none"),
        journal.follow("none", Received()),
        journal.end("none", 1),
        journal.compact("none"),
        journal.latest("none"),
        journal.save_snapshot("none", "hub", 1, b"x"),
        journal.snapshot("none", "hub"),
    ):
        with pytest.raises(NotFound):
            await refused
    await journal.delete("none")
    assert await journal.find("NONE") is None


async def test_reading_in_pieces(journal: Journal) -> None:
    for start in range(0, 1300, 13):  # rows of 13 entries, so that limits fall inside them
        journal.append("one", start, [b"%d" % number for number in range(start, start + 13)])
    await journal.commit("one", 0, [])
    assert seqs_of(await journal.read("one", limit=10)) == list(range(1, 11))
    assert seqs_of(await journal.read("one", after=20, limit=10)) == list(range(21, 31))
    assert seqs_of(await journal.read("one", after=1290)) == list(range(1291, 1301))
    assert len(await journal.read("one")) == READ_ENTRIES
    assert await journal.read("one", after=1300) == []
    assert await journal.read("one", after=5000) == []


async def test_following_gives_history_then_what_comes(journal: Journal) -> None:
    total = 2 * READ_ENTRIES + 20
    for number in range(total):
        journal.append("one", number, [b"%d" % number])
    await journal.commit("one", 0, [])
    received = Received()
    await journal.follow("one", received)
    assert len(received) == total
    await journal.commit("one", 0, [b"live"])
    assert bodies_of(received) == [b"%d" % number for number in range(total)] + [b"live"]


@pytest.mark.parametrize("seed", range(3))
async def test_following_from_anywhere_while_appends_go_on(journal: Journal, seed: int) -> None:
    rng = random.Random(seed)
    stop = False
    count = 0

    async def write() -> None:
        nonlocal count
        while not stop:
            for _ in range(rng.randrange(1, 30)):
                count += 1
                journal.append("one", count, [b"%d" % count])
                journal.append("two", count, [b"elsewhere"])
            if rng.random() < 0.2:
                await journal.commit("two", count, [])
            else:
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        followers: list[tuple[int, Received]] = []
        for _ in range(25):
            last = await journal.commit("two", 1, [])
            after = rng.choice([0, last // 3, last - 1, last])
            received = Received()
            await journal.follow("one", received, max(after, 0))
            followers.append((max(after, 0), received))
        stop = True
    last = await journal.commit("one", 1, [b"last"])
    entries = await whole(journal, "one")
    assert seqs_of(entries) == list(range(1, last + 1))
    for after, received in followers:
        assert received == entries[after:]


async def test_following_from_beyond_the_end_waits_for_it(journal: Journal) -> None:
    received = Received()
    await journal.follow("one", received, after=3)
    for body in (b"1", b"2", b"3", b"4"):
        await journal.commit("one", 0, [body])
    await journal.commit("one", 0, [b"5", b"6"])
    assert bodies_of(received) == [b"4", b"5", b"6"]
    journal.append("one", 0, [b"7"])
    await received.until(7)


async def test_a_receiver_that_raises_harms_nobody(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    def fail(entries: Sequence[Entry]) -> None:
        raise ValueError("what the child wrote")

    def panic(entries: Sequence[Entry]) -> None:
        raise Panic("what the child wrote")

    def broken_done(error: Unavailable | None) -> None:
        raise ValueError("what the child wrote")

    received, elsewhere, answers = Received(), Received(), Answers()
    for receive in (fail, panic, received):
        await journal.follow("one", receive)
    await journal.follow("two", elsewhere)
    journal.append("one", 1, [b"a"], broken_done)
    journal.append("one", 1, [b"b"], answers.of(2))
    journal.append("two", 1, [b"c"], answers.of(3))
    await journal.commit("one", 1, [b"d"])
    await journal.commit("one", 1, [b"e"])
    await journal.commit("two", 1, [])
    assert bodies_of(received) == [b"a", b"b", b"d", b"e"]
    assert bodies_of(elsewhere) == [b"c"]
    assert sorted(answers.given) == [(2, None), (3, None)], "in whatever order: two lessons"
    assert "lesson=one" in caplog.text
    assert "child" not in caplog.text


async def test_a_receiver_that_raises_on_history_is_not_following(journal: Journal) -> None:
    await journal.commit("one", 1, [b"a"])
    calls = 0

    def fail(entries: Sequence[Entry]) -> None:
        nonlocal calls
        calls += 1
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await journal.follow("one", fail)
    await journal.commit("one", 1, [b"b"])
    assert calls == 1


async def test_a_closed_tail_receives_nothing(journal: Journal) -> None:
    received = Received()
    victim = await journal.follow("two", received)
    victim.close()
    victim.close()
    await journal.commit("two", 1, [b"a"])
    assert received == []

    later = Received()
    await journal.follow("one", lambda entries: tail.close())
    tail = await journal.follow("one", later)  # closed by its neighbour while a commit is being given out
    await journal.commit("one", 1, [b"a"])
    assert later == []


async def test_a_cancelled_commit_leaves_the_journal_whole(journal: Journal) -> None:
    cancelled = asyncio.create_task(journal.commit("one", 1, [b"a"]))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    last = await journal.commit("one", 1, [b"b"])
    assert seqs_of(await journal.read("one")) == list(range(1, last + 1))


async def test_lessons_are_listed_with_their_times(journal: Journal) -> None:
    await journal.commit("one", 5000, [b"a"])
    await journal.end("one", 6000)
    assert sorted(await journal.lessons(), key=lambda row: row.lesson) == [
        LessonRow("one", "ONE", 100, 5000, 6000),
        LessonRow("two", "TWO", 200, 200, None),
    ]


async def test_compaction_changes_no_entry(journal: Journal) -> None:
    rng = random.Random(1)
    for number in range(1700):
        bodies = [rng.randbytes(rng.choice([0, 1, 40, 300])) for _ in range(rng.choice([1, 1, 1, 5, 40]))]
        journal.append("one", 1_700_000_000_000 + number * rng.randrange(50), bodies)
        if number % 11 == 0:
            await journal.commit("one", 0, [])
    await journal.commit("two", 1, [b"other"])
    live = Received()
    await journal.follow("one", live)
    before = await whole(journal, "one")
    await journal.end("one", 1)
    await journal.compact("one")
    assert await whole(journal, "one") == before
    for after in (0, 1, 499, 500, 501, 1234, len(before) - 1):
        received = Received()
        (await journal.follow("one", received, after)).close()
        assert received == before[after:]

    await journal.commit("one", 1, [b"report opened"])  # events after the end
    await journal.compact("one")
    await journal.compact("one")
    await journal.commit("one", 1, [b"report kept"])
    after_all = await whole(journal, "one")
    assert after_all[: len(before)] == before
    assert bodies_of(after_all[len(before) :]) == [b"report opened", b"report kept"]
    assert live == after_all
    assert bodies_of(await journal.read("two")) == [b"other"]


async def test_compaction_while_others_write(journal: Journal) -> None:
    for number in range(2500):
        journal.append("one", number, [b"%d" % number])
        if number % 25 == 0:
            await journal.commit("one", 0, [])
    compaction = asyncio.create_task(journal.compact("one"))
    last = 0
    while not compaction.done():
        last = await journal.commit("two", 1, [b"x"])
        assert len(await journal.read("one", after=1000, limit=10)) == 10
    await compaction
    assert len(await whole(journal, "two")) == last > 0
    assert bodies_of(await whole(journal, "one")) == [b"%d" % number for number in range(2500)]


async def test_deletion_is_complete_and_frees_the_code(journal: Journal) -> None:
    received, answers = Received(), Answers()
    tail = await journal.follow("one", received)
    await journal.commit("one", 1, [b"a"])
    journal.append("one", 2, [b"on its way"], answers.of(1))
    journal.append("two", 2, [b"b"], answers.of(2))
    deletion = asyncio.create_task(journal.delete("one"))
    await asyncio.sleep(0)
    journal.append("one", 3, [b"too late"], answers.of(3))
    assert await journal.find("ONE") is None
    await deletion
    assert await journal.find("ONE") is None
    tail.close()
    with pytest.raises(NotFound):
        await journal.read("one")
    assert [row.lesson for row in await journal.lessons()] == ["two"]
    assert await journal.commit("two", 1, []) == 1
    await until(lambda: len(answers.given) == 3, "all answers")  # in a cluster "one" has another writer
    answered = dict(answers.given)
    assert answered[2] is None
    assert isinstance(answered[3], Unavailable)

    assert await journal.create("three", "ONE", 1, [])
    assert await journal.find("ONE") == "three"
    assert await journal.read("three") == []
    await journal.commit("three", 1, [b"c"])
    assert bodies_of(received) in ([b"a"], [b"a", b"on its way"])


async def test_a_lesson_deleted_while_its_history_is_read(journal: Journal) -> None:
    for number in range(3 * READ_ENTRIES):
        journal.append("one", number, [b"x"])
    await journal.commit("one", 0, [])
    deletions: list[asyncio.Task[None]] = []

    def receive(entries: Sequence[Entry]) -> None:
        if not deletions:
            deletions.append(asyncio.create_task(journal.delete("one")))

    with pytest.raises(NotFound):
        await journal.follow("one", receive)
    await deletions[0]


async def test_closing_makes_durable_what_was_appended(journal: Journal, new_journal: Callable[[], Journal]) -> None:
    answers = Answers()
    for number in range(300):
        journal.append("one", number, [b"%d" % number], answers.of(number))
    await journal.end("two", 7)
    before = await journal.lessons()
    for number in range(300, 400):
        journal.append("one", number, [b"%d" % number], answers.of(number))
    await journal.close()
    assert answers.given == [(number, None) for number in range(400)]

    await journal.close()
    journal.append("one", 1, [b"x"], answers.of(-1))
    assert isinstance(answers.given[-1][1], Unavailable)
    for refused in (
        journal.commit("one", 1, [b"x"]),
        journal.create("three", "THREE", 1, []),
        journal.find("ONE"),
        journal.read("one"),
        journal.follow("one", Received()),
        journal.lessons(),
        journal.end("one", 1),
        journal.compact("one"),
        journal.delete("one"),
        journal.latest("one"),
        journal.save_snapshot("one", "hub", 1, b"x"),
        journal.snapshot("one", "hub"),
    ):
        with pytest.raises(Unavailable):
            await refused

    again = new_journal()
    await again.open()
    await again.open()
    try:
        assert bodies_of(await whole(again, "one")) == [b"%d" % number for number in range(400)]
        assert [row.lesson for row in await again.lessons()] == [row.lesson for row in before]
        assert await again.find("TWO") == "two"
        assert {row.lesson: row.ended_at for row in await again.lessons()} == {"one": None, "two": 7}
        assert await again.commit("one", 1, [b"next"]) == 401
        assert (await again.read("one", after=400))[0].at == 399
    finally:
        await again.close()
