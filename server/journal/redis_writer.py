"""How appends go to Redis: whatever came during the last flush, in one go.

A flush is one script call for each lesson. The script numbers the entries, so that there are no gaps whoever writes,
and touches a lesson only if it is there, so that nothing is written behind a deletion.

Measured on two cores shared with Redis and six busy programs, entries of 100 bytes over 20 lessons, with one tail each:
1 µs a call of ``append``; 0.4 ms of the processor a flush, most of it the kernel's for two round trips, so all in all
60 µs an entry at 1,000 a second, 30 at 4,000, 16 at 12,000. Redis spends 17 µs a lesson and flush. An entry takes 129
bytes of Redis' memory (50 once packed) and 260 of its append-only file until that is rewritten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import OutOfMemoryError, ResponseError

from server.errors import Unavailable
from server.journal import Conflict
from server.journal.redis_reader import Reader
from server.journal.redis_store import RedisStore, key
from server.journal.rows import pack
from server.journal.tails import Append, away, behind, no_lesson, unavailable
from server.redis_link import ELSEWHERE, Command, Link, Patience, Reply

MAX_QUEUED_BYTES = 32 * 1024 * 1024
"""What may wait for Redis: some minutes of a whole school's typing, and bounded memory when Redis hangs."""

COMMIT_INTERVAL_SECS = 0.004
"""Flushes begin no closer together, the first after a quiet spell at once: one costs 0.4 ms of the processor however
little is in it, and unlike a commit on disk it takes hardly longer than nothing, so nothing would gather by itself."""

_APPEND = """
local found = redis.call('HMGET', KEYS[1], 'seq', 'at', 'x')
if not found[1] then return false end
local seq, at, exclusive = tonumber(found[1]), tonumber(found[2]), tonumber(found[3])
local answers = {}
for i = 1, #ARGV, 4 do
    local after, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
    if after and exclusive > after then
        answers[#answers + 1] = -exclusive
    else
        if count > 0 then
            seq = seq + count
            redis.call('XADD', KEYS[2], string.format('%d-0', seq), 'f', string.format('%d', at), 'e', ARGV[i + 3])
            at = math.max(at, tonumber(ARGV[i + 2]))
            if after then exclusive = seq end
        end
        answers[#answers + 1] = seq
    end
end
redis.call('HSET', KEYS[1], 'seq', string.format('%d', seq), 'at', string.format('%d', at),
    'x', string.format('%d', exclusive))
return answers
"""
"""For each part: after which seq it was decided ('' for any), how many entries, the latest of their times, the row.

Answers the lesson's last seq after each part, or minus the exclusive commit that came first; nothing for no lesson.
"""

_FULL = ("MISCONF", "NOREPLICAS")
"""Redis takes no writes now (a full disk, missing replicas), as when its memory is full: a new connection would change
nothing, and reads go on."""


class Writer:
    """The queue for one Redis, and its way out."""

    def __init__(
        self,
        store: RedisStore,
        reader: Reader,
        patience: Patience,
        max_queued_bytes: int,
        commit_interval_secs: float,
        observe: Callable[[float, int], None] | None,
    ) -> None:
        self._store = store
        self._reader = reader
        self._patience = patience
        self._max_queued_bytes = max_queued_bytes
        self._commit_interval_secs = commit_interval_secs
        self._observe = observe
        self._queue: list[Append] = []
        self._flying: list[Append] = []
        self._unanswered = 0
        self._queued_bytes = 0
        """Of everything unanswered."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._wake = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._begun_at = 0.0

    def add(self, append: Append) -> None:
        """Take an append on its way, or refuse it."""
        if self._queued_bytes + append.size > self._max_queued_bytes:
            return append.answer(behind())
        self._queued_bytes += append.size
        self._unanswered += 1
        self._idle.clear()
        append.answered = self._answered
        self._queue.append(append)
        if self._gathering is None:
            loop = asyncio.get_running_loop()
            wait = self._begun_at + self._commit_interval_secs - loop.time()
            self._gathering = loop.call_later(max(0.0, wait), self._wake.set)

    def _answered(self, append: Append) -> None:
        self._queued_bytes -= append.size
        self._unanswered -= 1
        if not self._unanswered:
            self._idle.set()

    async def drain(self) -> None:
        """Wait until everything has been answered."""
        self.hurry()
        await self._idle.wait()

    def hurry(self) -> None:
        """Begin the next flush without gathering more for it."""
        self._wake.set()

    async def run(self, link: Link) -> None:
        """Flush what is queued until the connection is lost, and raise what it was lost by."""
        (script,) = await link.ask([("SCRIPT", "LOAD", _APPEND)], self._patience.answer)
        if isinstance(script, ResponseError):
            raise script
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.poll):
                    await self._wake.wait()
            self._wake.clear()
            if self._gathering is not None:
                self._gathering.cancel()
                self._gathering = None
            if not self._queue:
                await link.ask([("PING",)], self._patience.answer)  # a dead connection is noticed before it is needed
                continue
            self._begun_at = asyncio.get_running_loop().time()
            self._flying, self._queue = self._queue, []
            lessons: dict[str, list[_Part]] = {}
            for append in self._flying:
                parts = lessons.setdefault(append.lesson, [])
                if parts and parts[-1].after is None and append.after is None:
                    parts[-1].appends.append(append)
                else:
                    parts.append(_Part(append))
            commands = [_command(script, lesson, parts) for lesson, parts in lessons.items()]
            start = time.perf_counter()
            barrier = self._store.barrier(key(self._flying[0].lesson, "meta"))
            replies = await link.ask([*commands, *barrier], self._patience.answer)
            if self._observe is not None:
                self._observe(time.perf_counter() - start, sum(len(append.bodies) for append in self._flying))
            self._flying = []
            self._settle(lessons, replies)

    def _settle(self, lessons: dict[str, list[_Part]], replies: list[Reply]) -> None:
        failed: Exception | None = None
        try:
            self._store.require_replicated(replies[len(lessons) :])
        except Unavailable as error:
            failed = error
        refused = failed
        misplaced = set()
        for (lesson, parts), reply in zip(lessons.items(), replies, strict=False):
            if reply is None:
                self._reader.end(lesson, gone=True)
            if isinstance(reply, ELSEWHERE):
                misplaced.add(lesson)
            elif isinstance(reply, ResponseError):
                failed = reply
            for number, part in enumerate(parts):
                if refused or isinstance(reply, ResponseError):
                    part.answer(unavailable(refused or reply))
                elif reply is None:
                    part.answer(no_lesson())
                elif reply[number] < 0:
                    part.answer(Conflict(-reply[number]))
                else:
                    for append in part.number(reply[number]):
                        self._reader.acknowledged(append)
        # What was admitted meanwhile stands on what is now lost.
        for lesson in misplaced:
            self._store.links.shards.doubt()
            self._reader.misplaced(lesson)
            self._refuse(lesson)
        if failed is not None:
            queue, self._queue = self._queue, []
            for append in queue:
                append.answer(unavailable(failed))
            full = isinstance(failed, OutOfMemoryError) or str(failed).startswith(_FULL)
            if isinstance(failed, ResponseError) and not full:
                raise failed

    async def give_up(self, lesson: str) -> None:
        """Refuse what waits for a lesson that is elsewhere now; return when nothing of it is under way any more."""
        self._refuse(lesson)
        while any(append.lesson == lesson for append in self._flying):  # noqa: ASYNC110  (rare)
            await asyncio.sleep(self._commit_interval_secs)

    def _refuse(self, lesson: str) -> None:
        refused = [append for append in self._queue if append.lesson == lesson]
        self._queue = [append for append in self._queue if append.lesson != lesson]
        for append in refused:
            append.answer(away())

    def fail(self, error: Unavailable) -> None:
        """Answer everything that is not known to be durable."""
        failed = self._flying + self._queue
        self._flying, self._queue = [], []
        for append in failed:
            append.answer(error)


class _Part:
    """What a script writes as one row: appends that nobody decided exclusively, or one commit that somebody did."""

    __slots__ = ("after", "appends")

    def __init__(self, append: Append) -> None:
        self.after = append.after
        self.appends = [append]

    def number(self, last: int) -> list[Append]:
        """Say which ``seq`` each append came to, when the last entry's is this."""
        for append in reversed(self.appends):
            append.seq = last
            last -= len(append.bodies)
        return self.appends

    def answer(self, error: Unavailable) -> None:
        for append in self.appends:
            append.answer(error)


def _command(script: bytes, lesson: str, parts: list[_Part]) -> Command:
    arguments: list[str | int | bytes] = []
    for part in parts:
        entries = [(append.at, body) for append in part.appends for body in append.bodies]
        latest = max(append.at for append in part.appends)
        arguments += ("" if part.after is None else part.after, len(entries), latest, pack(entries))
    return ("EVALSHA", script, 2, key(lesson, "meta"), key(lesson, "entries"), *arguments)
