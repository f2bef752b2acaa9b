"""The keys under the Redis journal, and whatever is rare; what happens at every keystroke is in ``redis``.

The keys::

    roundtable:lessons              set of all lessons
    roundtable:code:<code>          the lesson that has it
    roundtable:traces               set: a sign for each deletion since which files may not have been written anew
    roundtable:{<lesson>}:meta      hash: code, created, ended, seq, at (of the last entry), x (seq of the last
                                    exclusive commit); a lesson is there as long as this key is
    roundtable:{<lesson>}:entries   stream: rows, see ``rows``; the id of one is <seq of its last entry>-0
    roundtable:{<lesson>}:packed    stream: what ``compact`` took from the beginning of ``entries``
    roundtable:{<lesson>}:snapshots hash: <name>, and <name>:seq

    roundtable:{<tag>}:barrier      where the key with that tag is, so that ``WAIT`` has something to wait for; what it
                                    holds means nothing, and it is gone after a millisecond

A row of ``entries`` has two fields: ``e``, the row, and ``f``, when the entry before it was made: the clocks of several
processes differ, and no entry may be earlier than the one before. A row of ``packed`` has ``z``, compressed.

No script touches the keys of more than one lesson, nor what is asked in one go: in a Redis Cluster they lie elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import zlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import ResponseError

from server.errors import Unavailable
from server.journal import Entry, LessonRow, Snapshot
from server.journal.rows import BLOCK_ENTRIES, pack, unpack
from server.journal.tails import not_found, unavailable
from server.redis_link import FAILURES, Command, Patience, Reply, place, told
from server.redis_shards import Links, address

LESSONS = b"roundtable:lessons"
TRACES = b"roundtable:traces"

FAILED = b"cluster_state:fail"
"""In what a Redis of a cluster that takes nothing says of it."""

_READ_ROWS = 128
"""Rows in one reply: with some entries in a row, what one ``read`` wants."""
_LISTED = 500
"""Lessons looked up in one round trip."""
_CODE_SECS = 60
"""How long a code stays taken by a process that died while it made the lesson."""

_log = logging.getLogger(__name__)

_CREATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'code', ARGV[1], 'created', ARGV[2], 'seq', ARGV[3], 'at', ARGV[2], 'x', 0)
if ARGV[3] ~= '0' then redis.call('XADD', KEYS[2], ARGV[3] .. '-0', 'f', ARGV[2], 'e', ARGV[4]) end
return 1
"""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

_END = "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end redis.call('HSET', KEYS[1], 'ended', ARGV[1]) return 1"

_SNAPSHOT = """
local last = redis.call('HGET', KEYS[1], 'seq')
if not last then return 0 end
local old = redis.call('HGET', KEYS[2], ARGV[1] .. ':seq')
if tonumber(ARGV[2]) <= tonumber(last) and tonumber(ARGV[2]) >= tonumber(old or 0) then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[3], ARGV[1] .. ':seq', ARGV[2])
end
return 1
"""

_RESTORE = """
local found = redis.call('HMGET', KEYS[1], 'seq', 'at')
if found[1] ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'f', found[2], 'e', ARGV[4])
redis.call('HSET', KEYS[1], 'seq', ARGV[2], 'at', ARGV[3], 'x', ARGV[2])
return 1
"""
"""As if all of it were one exclusive commit: who decides next must have received it."""

_PACK = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if not first or first[1] ~= ARGV[1] then return 0 end
redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[4])
redis.call('XADD', KEYS[3], ARGV[2], 'z', ARGV[3])
return 1
"""
"""In this order: what would be refused because memory is full is not once a script has begun to write."""


Row = tuple[bytes, Sequence[bytes]]
"""One row of a stream as Redis gives it: its id, and names and values of its fields in turns."""


def code_key(code: str) -> bytes:
    return b"roundtable:code:" + code.encode()


def key(lesson: str, part: str) -> bytes:
    return b"roundtable:{%s}:%s" % (lesson.encode(), part.encode())


def entries_of(row: Row) -> list[Entry]:
    """Unpack one row of a stream."""
    name, fields = row
    last = int(name[: name.index(b"-")])
    if fields[0] == b"z":
        return unpack(last, zlib.decompress(fields[1]))
    return unpack(last, fields[3], int(fields[1]))


@dataclass(frozen=True, slots=True)
class Replication:
    """Where a Redis stands among those that have the same keys."""

    offset: int
    """How far it has come in what its primary has done."""
    source: str
    """The address of whom it receives that from; empty for a primary."""
    replicas: list[str]
    """The addresses of those that receive it from this one."""


class RedisStore:
    """Everything about lessons that a keystroke does not need. Raises ``Unavailable`` when Redis is away."""

    def __init__(self, url: str, replicas: int, patience: Patience) -> None:
        self._replicas = replicas
        self._patience = patience
        self.links = Links(url, patience)

    async def close(self) -> None:
        """Close what is open; it may be used again."""
        await self.links.close()

    def barrier(self, name: bytes) -> list[Command]:
        """What to ask after reading or writing a key on a connection, so that all of it is on enough replicas; the last
        reply must not be below their number."""
        if not self._replicas:
            return []
        _, _, tag = name.partition(b"{")
        near = b"roundtable:{%s}:barrier" % (tag.partition(b"}")[0] or name)
        return [("SET", near, b"", "PX", 1), ("WAIT", self._replicas, int(self._patience.answer * 500))]

    async def any_answers(self, urls: Sequence[str]) -> bool:
        """Say whether one of several Redis lives, as soon as one says so."""
        # A cluster may live and take nothing.
        command: Command = ("CLUSTER", "INFO") if self.links.shards.several else ("PING",)
        waiting = {asyncio.create_task(self.links.ask_at(url, command)) for url in urls}
        try:
            while waiting:
                answered, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() is None and FAILED not in task.result()[0] for task in answered):
                    return True
        finally:
            for task in waiting:
                task.cancel()
        return False

    async def create(self, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> bool:
        taken, meta = code_key(code), key(lesson, "meta")
        packed = pack([(at, body) for body in bodies])
        # Should this process die in between: the code frees itself, and what was made is listed, so that it expires.
        listed = "SADD", LESSONS, lesson
        _, free = await self._ask_each(listed, ("SET", taken, lesson, "NX", "EX", _CODE_SECS))
        if not free:
            return False
        create = "EVAL", _CREATE, 2, meta, key(lesson, "entries"), code, at, len(bodies), packed
        made, *replicated = await self._ask(create, *self.barrier(meta))
        if not made:
            await self._ask(("EVAL", _RELEASE, 1, taken, lesson))
            return False
        self.require_replicated(replicated)
        kept, *replicated = await self._ask(("PERSIST", taken), *self.barrier(taken))
        if not kept:
            raise Unavailable("Storage cannot take it now. Try again in a moment.", reason="storage")
        self.require_replicated(replicated)
        _, *replicated = await self._ask(listed, *self.barrier(LESSONS))
        self.require_replicated(replicated)
        return True

    async def find(self, code: str) -> str | None:
        (lesson,) = await self._ask(("GET", code_key(code)))
        return None if lesson is None else lesson.decode()

    async def latest(self, lesson: str) -> int:
        (seq,) = await self._ask(("HGET", key(lesson, "meta"), "seq"))
        if seq is None:
            raise not_found()
        return int(seq)

    async def read(self, lesson: str, after: int, limit: int) -> list[Entry]:
        found: list[Entry] = []
        while len(found) < limit:
            start = b"%d-0" % (after + 1)
            # In this order: what is packed between the two is then found twice, and not never.
            there, plain, packed, *replicated = await self._ask(
                ("EXISTS", key(lesson, "meta")),
                ("XRANGE", key(lesson, "entries"), start, "+", "COUNT", min(limit, _READ_ROWS)),
                ("XRANGE", key(lesson, "packed"), start, "+", "COUNT", 1 + limit // BLOCK_ENTRIES),
                *self.barrier(key(lesson, "meta")),
            )
            if not there:
                raise not_found()
            self.require_replicated(replicated)
            before = len(found)
            for row in (*packed, *plain):
                if len(found) >= limit:
                    break  # at a busy time a row holds many entries: not all of them again for every read
                for entry in entries_of(row):
                    if entry.seq == after + 1:
                        found.append(entry)
                        after = entry.seq
            if len(found) == before:
                break
        return found[:limit]

    async def end(self, lesson: str, at: int) -> None:
        self._require((await self._ask(("EVAL", _END, 1, key(lesson, "meta"), at)))[0])

    async def save_snapshot(self, lesson: str, name: str, seq: int, data: bytes) -> None:
        keys = key(lesson, "meta"), key(lesson, "snapshots")
        self._require((await self._ask(("EVAL", _SNAPSHOT, 2, *keys, name, seq, data)))[0])

    async def snapshot(self, lesson: str, name: str) -> Snapshot | None:
        there, found = await self._ask(
            ("EXISTS", key(lesson, "meta")), ("HMGET", key(lesson, "snapshots"), name + ":seq", name)
        )
        self._require(there)
        return None if found[0] is None else Snapshot(int(found[0]), found[1])

    async def lessons(self) -> list[LessonRow]:
        (members,) = await self._ask(("SMEMBERS", LESSONS))
        lessons = [member.decode() for member in members]
        rows: list[LessonRow] = []
        for start in range(0, len(lessons), _LISTED):
            part = lessons[start : start + _LISTED]
            fields = "code", "created", "at", "ended"
            for lesson, found in zip(
                part, await self._ask_each(*(("HMGET", key(lesson, "meta"), *fields) for lesson in part)), strict=True
            ):
                code, created, at, ended = found
                if code is not None:  # else it is being made, or deleted
                    rows.append(LessonRow(lesson, code.decode(), int(created), int(at), ended and int(ended)))
        return rows

    async def restore(self, lesson: str, entries: Sequence[Entry]) -> None:
        """Write entries again that were lost, unless there is more, or less, than what came before them."""
        packed = pack([(entry.at, entry.body) for entry in entries])
        keys = key(lesson, "meta"), key(lesson, "entries")
        last = entries[-1]
        _, *replicated = await self._ask(
            ("EVAL", _RESTORE, 2, *keys, entries[0].seq - 1, last.seq, last.at, packed), *self.barrier(keys[0])
        )
        self.require_replicated(replicated)

    async def unblock(self, link: int) -> None:
        """Make a link that waits in a blocking read return."""
        await self._ask(("CLIENT", "UNBLOCK", link))

    async def compact(self, lesson: str) -> None:
        while True:
            there, rows = await self._ask(
                ("EXISTS", key(lesson, "meta")), ("XRANGE", key(lesson, "entries"), "-", "+", "COUNT", BLOCK_ENTRIES)
            )
            self._require(there)
            if not rows:
                return
            block: list[Entry] = []
            for row in rows:
                block += entries_of(row)
                if len(block) >= BLOCK_ENTRIES:
                    break
            last = block[-1].seq
            packed = await asyncio.to_thread(zlib.compress, pack([(entry.at, entry.body) for entry in block]))
            keys = (key(lesson, part) for part in ("meta", "entries", "packed"))
            (done,) = await self._ask(("EVAL", _PACK, 3, *keys, rows[0][0], f"{last}-0", packed, f"{last + 1}-0"))
            if not done:  # another process is at it, or has deleted the lesson
                self._require((await self._ask(("EXISTS", key(lesson, "meta"))))[0])
                return

    async def delete(self, lesson: str) -> None:
        with suppress(Unavailable):  # a full Redis takes no more signs, but deletes; then this process alone knows
            await self._ask(("SADD", TRACES, secrets.token_urlsafe(9)))
        (code,) = await self._ask(("HGET", key(lesson, "meta"), "code"))
        if code is not None:
            await self._ask(("EVAL", _RELEASE, 1, code_key(code.decode()), lesson))
        parts = "meta", "entries", "packed", "snapshots"
        meta = key(lesson, "meta")
        _, *replicated = await self._ask(("DEL", *(key(lesson, part) for part in parts)), *self.barrier(meta))
        _, *listed = await self._ask(("SREM", LESSONS, lesson), *self.barrier(LESSONS))
        self.require_replicated(replicated)
        self.require_replicated(listed)

    async def traces(self) -> set[bytes]:
        """Give the signs of deletions that may have left bytes in append-only files."""
        (signs,) = await self._ask(("SMEMBERS", TRACES))
        return set(signs)

    async def forget(self, signs: Collection[bytes]) -> None:
        """Note that files have been written anew since these deletions."""
        if signs:
            await self._ask(("SREM", TRACES, *signs))

    async def replication(self, url: str) -> Replication:
        """Ask one Redis of whom it receives, and who of it."""
        info = await self._info(url)
        source = address(url, info["master_host"], info["master_port"]) if "master_host" in info else ""
        replicas = []
        for name in info:
            if name.startswith("slave") and info[name].startswith("ip="):
                fields = dict(field.split("=", 1) for field in info[name].split(","))
                replicas.append(address(url, fields["ip"], fields["port"]))
        return Replication(int(info["master_repl_offset"]), source, replicas)

    async def rewrite(self, url: str) -> None:
        """Have the append-only file of one Redis written anew, without what was deleted.

        Waits while one is being written that was begun before.
        """
        # Where there is no such file the command would make one.
        while (await self._info(url))["aof_enabled"] == "1" and not await self._begin_rewrite(url):  # noqa: ASYNC110
            await asyncio.sleep(self._patience.poll)

    async def _info(self, url: str) -> dict[str, str]:
        try:
            (info,) = await self.links.ask_at(url, ("INFO",))
        except FAILURES as error:
            raise unavailable(error) from error
        return told(info)

    async def _begin_rewrite(self, url: str) -> bool:
        try:
            await self.links.ask_at(url, ("BGREWRITEAOF",))
        except ResponseError as error:
            if "in progress" in str(error):
                return False
            _log.warning(
                "journal: the Redis at %s refused BGREWRITEAOF: deleted lessons stay in its append-only file for now",
                place(url),
            )
        except FAILURES as error:
            raise unavailable(error) from error
        return True

    def require_replicated(self, replies: Sequence[Reply]) -> None:
        """Refuse when ``barrier`` did not reach enough replicas, or a primary no more."""
        if replies and (isinstance(replies[-1], ResponseError) or replies[-1] < self._replicas):
            raise Unavailable("Storage cannot take it now. Try again in a moment.", reason="storage")

    @staticmethod
    def _require(there: object) -> None:
        if not there:
            raise not_found()

    async def _ask(self, *commands: Command) -> list[Reply]:
        try:
            return await self.links.ask(*commands)
        except FAILURES as error:
            raise unavailable(error) from error

    async def _ask_each(self, *commands: Command) -> list[Reply]:
        try:
            return await self.links.ask_each(*commands)
        except FAILURES as error:
            raise unavailable(error) from error
