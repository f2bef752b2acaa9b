"""The file under the SQLite journal: what runs in its threads. The event loop's half is ``sqlite``.

The schema::

    lesson         key, lesson, code, created_at, ended_at
    lesson_<key>   last, at, packing, entries      one row: consecutive entries up to seq ``last``, made until ``at``
    snapshot_<key> name, seq, data                 made with the first snapshot

Each lesson has a table of its own so that no page of the file ever holds two lessons. In a shared B-tree,
``secure_delete`` is not enough: when SQLite splits or merges pages it leaves copies of cells in their unused space
(found here: 4 of 883 deleted entries still readable). Dropping a table frees whole pages, and those are zeroed.
5,000 tables cost a reader 14 ms when the schema changes.

``packing`` 0 is plain, see ``rows``: one row holds what one commit brought a lesson. ``packing`` 1 is several of them
compressed by zlib.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from server.errors import SettingsError, Unavailable
from server.journal import Entry, Snapshot
from server.journal.rows import BLOCK_ENTRIES, pack, unpack

FORMAT = 2
"""``PRAGMA user_version``; a file with a higher one is not touched. 1 knew no snapshots, and would not delete them."""

VACUUM_PAGES = 256
"""How many pages are given back in one turn: 1 MB, so that compacting does not hold up commits."""

WAL_PAGES = 16_000
"""How long the write-ahead log may grow before the writer empties it itself, 64 MB: see ``Store.checkpoint``."""

_BUSY_MSECS = 5000
_PREPARED = 256
"""Statements that the writer keeps prepared: those of the lessons of a school at once."""
_PLAIN, _ZLIB = 0, 1
_LESSON_TABLE = """CREATE TABLE IF NOT EXISTS lesson(key INTEGER PRIMARY KEY, lesson TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, ended_at INTEGER)"""


@dataclass(slots=True)
class Known:
    """A lesson as it stands once everything durable has been handed to the loop; changed by the loop only."""

    key: int
    lesson: str
    code: str
    created_at: int
    ended_at: int | None
    seq: int
    last_at: int
    gone: bool = False
    exclusive: int = 0
    """The last exclusive commit of this process, and so of all that anybody's tail could have missed."""


class Row(NamedTuple):
    """Consecutive entries of the lesson with this key: ``last`` is the last one's ``seq``, ``at`` when it was made."""

    key: int
    last: int
    at: int
    entries: bytes


class Store:
    """One SQLite file: each connection is used by the thread it is named after, and by no other."""

    def __init__(
        self, lock: int, writer: sqlite3.Connection, reader: sqlite3.Connection, checkpointer: sqlite3.Connection
    ) -> None:
        self._lock = lock
        self._writer = writer
        self._cursor = writer.cursor()  # for what every commit does: to make one takes 1 % of all
        self._reader = reader
        self._checkpointer = checkpointer
        self._checkpointing = threading.Lock()  # of two checkpoints at once, SQLite turns the second down

    @classmethod
    def open(cls, path: Path) -> tuple[Self, list[Known]]:
        """Lock and open the file, making it and its folder if need be; return its lessons, too.

        Raises ``SettingsError``.
        """
        lock: int | None = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _lock(path)
            writer = _writer(path)
            try:
                reader = _connect(path.absolute().as_uri() + "?mode=ro")
                return cls(lock, writer, reader, _connect(path.absolute().as_uri())), _lessons(writer)
            except BaseException:
                writer.close()
                raise
        except BaseException as error:
            if lock is not None:
                os.close(lock)
            if isinstance(error, OSError | sqlite3.Error):
                raise SettingsError(
                    f"The journal {path} cannot be opened ({error}). Set ROUNDTABLE_DATA to a folder that the server "
                    "may write to and that has free space."
                ) from error
            raise

    def close_reader(self) -> None:
        self._reader.close()

    def close_checkpointer(self) -> None:
        self._checkpointer.close()

    def close(self) -> None:
        """Close the file and let another process have it; all connections but the writer's are closed."""
        try:
            self._writer.close()
        finally:
            os.close(self._lock)

    def create(self, key: int, lesson: str, code: str, at: int, bodies: Sequence[bytes]) -> Known | None:
        """Write a lesson and its first entries; None when id or code is taken."""
        try:
            with self._transaction():
                self._writer.execute("INSERT INTO lesson VALUES (?, ?, ?, ?, NULL)", (key, lesson, code, at))
                self._writer.execute(
                    f"CREATE TABLE lesson_{key}(last INTEGER PRIMARY KEY, at INTEGER NOT NULL, "
                    "packing INTEGER NOT NULL, entries BLOB NOT NULL)"
                )
                if bodies:
                    self._insert(Row(key, len(bodies), at, pack([(at, body) for body in bodies])))
        except sqlite3.IntegrityError:
            return None
        return Known(key, lesson, code, at, None, len(bodies), at)

    def write(self, rows: Sequence[Row]) -> None:
        """Make rows durable, all or none."""
        with self._transaction():
            for row in rows:
                self._insert(row)

    def end(self, key: int, at: int) -> None:
        with self._transaction():
            self._writer.execute("UPDATE lesson SET ended_at = ? WHERE key = ?", (at, key))

    def read(self, key: int, after: int, limit: int) -> list[Entry]:
        found: list[Entry] = []
        rows = self._reader.execute(
            f"SELECT last, packing, entries FROM lesson_{key} WHERE last > ? ORDER BY last", (after,)
        )
        try:
            for last, packing, packed in rows:
                entries = unpack(last, zlib.decompress(packed) if packing == _ZLIB else packed)
                found += entries if entries[0].seq > after else [entry for entry in entries if entry.seq > after]
                if len(found) >= limit:
                    break
        finally:
            rows.close()  # an open statement would hold its snapshot and keep `scrub` from emptying the WAL
        return found[:limit]

    def save_snapshot(self, key: int, name: str, snapshot: Snapshot) -> None:
        with self._transaction():
            self._writer.execute(
                f"CREATE TABLE IF NOT EXISTS snapshot_{key}(name TEXT PRIMARY KEY, seq INTEGER NOT NULL, "
                "data BLOB NOT NULL)"
            )
            self._writer.execute(
                f"INSERT INTO snapshot_{key} VALUES (?, ?, ?) ON CONFLICT(name) DO UPDATE "
                "SET seq = excluded.seq, data = excluded.data WHERE excluded.seq >= seq",
                (name, snapshot.seq, snapshot.data),
            )

    def snapshot(self, key: int, name: str) -> Snapshot | None:
        table = self._reader.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (f"snapshot_{key}",)).fetchall()
        if not table:
            return None
        rows = self._reader.execute(f"SELECT seq, data FROM snapshot_{key} WHERE name = ?", (name,)).fetchall()
        return Snapshot(*rows[0]) if rows else None

    def compact(self, key: int) -> bool:
        """Pack the oldest plain rows into one; return whether there may be more."""
        rows: list[tuple[int, int, bytes]] = []
        size = 0
        found = self._writer.execute(
            f"SELECT last, at, entries FROM lesson_{key} WHERE packing = {_PLAIN} ORDER BY last"
        )
        first: int | None = None
        try:
            for last, at, packed in found:
                rows.append((last, at, packed))
                size += len(packed)
                first = last - len(unpack(last, packed)) if first is None else first
                if last - first >= BLOCK_ENTRIES:
                    break
        finally:
            found.close()
        if not rows:
            return False
        last, at, _ = rows[-1]
        packed = zlib.compress(b"".join(packed for _, _, packed in rows))
        with self._transaction():
            self._writer.execute(f"DELETE FROM lesson_{key} WHERE last BETWEEN ? AND ?", (rows[0][0], last))
            self._writer.execute(f"INSERT INTO lesson_{key} VALUES (?, ?, {_ZLIB}, ?)", (last, at, packed))
        return True

    def shrink(self) -> bool:
        """Give some free pages back to the file system; return whether to go on."""
        (before,) = self._writer.execute("PRAGMA freelist_count").fetchone()
        # `executescript`, since `execute` would stop after the first page.
        self._writer.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        (after,) = self._writer.execute("PRAGMA freelist_count").fetchone()
        return bool(0 < after < before)

    def delete(self, key: int) -> None:
        """Remove a lesson. You must call ``shrink`` until it returns False, then ``scrub``."""
        with self._transaction():
            self._writer.execute(f"DROP TABLE IF EXISTS lesson_{key}")
            self._writer.execute(f"DROP TABLE IF EXISTS snapshot_{key}")
            rows = self._writer.execute("SELECT * FROM lesson WHERE key != ?", (key,)).fetchall()
            # Its id and code stand in pages shared with other lessons, where copies stay as said above (found in a
            # trial: 9 of 31,602, among 4,000 lessons): those pages are dropped and written anew.
            self._writer.execute("DROP TABLE lesson")
            self._writer.execute(_LESSON_TABLE)
            self._writer.executemany("INSERT INTO lesson VALUES (?, ?, ?, ?, ?)", rows)

    def checkpoint(self) -> None:
        """Copy into the file what stands in the write-ahead log, while commits go on.

        The next commit that finds all of it copied begins the log anew. After an error it is copied another time.

        By itself SQLite would have the writer do this, within a commit, for every 1,000 pages: of 1,450 commits with
        entries of 13 lessons each the slowest hundredth took 4.0 ms, and with this 1.9 (2026-11).
        """
        with self._checkpointing:
            self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def scrub(self) -> None:
        """Empty the write-ahead log, where deleted pages still stand."""
        with self._checkpointing:
            busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable("The journal is being read. Try again in a moment.", reason="busy")

    def _insert(self, row: Row) -> None:
        self._cursor.execute(f"INSERT INTO lesson_{row.key} VALUES (?, ?, {_PLAIN}, ?)", row[1:])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._cursor.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._cursor.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if self._writer.in_transaction:  # SQLite has often rolled back already when the disk is full
                    self._writer.execute("ROLLBACK")
            raise


def _lock(path: Path) -> int:
    """Take the file for this process; the lock goes with the process, however it ends."""
    # A file beside it: SQLite's own locks are POSIX ones, lost when any descriptor of the file is closed.
    lock = os.open(path.with_name(path.name + "-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise SettingsError(
                f"Another Roundtable process is using the journal {path}. Stop it, set ROUNDTABLE_DATA to a folder of "
                "this process's own, or set REDIS_URL to let several processes share one journal."
            ) from None
        raise
    return lock


def _connect(uri: str) -> sqlite3.Connection:
    """Open another connection to the file, for statements that are rare: each that is kept takes some 4 kB."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=0)
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MSECS}")
    connection.execute("PRAGMA checkpoint_fullfsync=ON")  # as ``fullfsync`` of the writer
    return connection


def _writer(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)  # SQLite gives the -wal and -shm files the same mode
    # One insert statement a lesson that is being written; each takes some 4 kB as long as it is kept.
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=_PREPARED)
    try:
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise SettingsError(
                f"The journal {path} was written by a newer Roundtable (format {version}; this one knows {FORMAT}). "
                "Install that version, or set ROUNDTABLE_DATA to another folder."
            )
        for pragma in (
            f"busy_timeout={_BUSY_MSECS}",
            "auto_vacuum=INCREMENTAL",  # before anything is written, or it has no effect
            "journal_mode=WAL",
            "synchronous=FULL",
            "fullfsync=ON",  # on macOS a plain fsync leaves the data in the drive's cache
            "secure_delete=ON",
            "temp_store=MEMORY",
            f"wal_autocheckpoint={WAL_PAGES}",
        ):
            writer.execute(f"PRAGMA {pragma}")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(_LESSON_TABLE)
        writer.execute(f"PRAGMA user_version={FORMAT}")  # writes in any case, and so finds a full disk
        writer.execute("COMMIT")
        # Finish a deletion that a crash cut short.
        writer.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        writer.close()
        raise
    return writer


def _lessons(writer: sqlite3.Connection) -> list[Known]:
    found = []
    for key, lesson, code, created_at, ended_at in writer.execute("SELECT * FROM lesson").fetchall():
        last = writer.execute(f"SELECT last, at FROM lesson_{key} ORDER BY last DESC LIMIT 1").fetchone()
        seq, last_at = last or (0, created_at)
        found.append(Known(key, lesson, code, created_at, ended_at, seq, last_at))
    return found
