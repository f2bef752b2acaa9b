"""How long a process takes to open a lesson of 100,000 entries, with and without a snapshot.

    .venv/bin/python -m bench.opening [--entries 100000] [--redis redis://127.0.0.1:6379/0]

Forty rooms of five who type, delete and now and then go back into their text; every hundredth entry is no text.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import pycrdt
import structlog

from server.core import events
from server.core.events import AnyEvent
from server.hub.lessons import LiveLesson
from server.hub.snapshots import SNAPSHOT
from server.journal import Journal
from server.journal.redis import RedisJournal
from server.journal.sqlite import SqliteJournal
from server.metrics import Metrics
from server.settings import Limits

ROOMS, TABLE = 40, 5
LESSON = "bench-opening"


def history(entries: int) -> list[bytes]:
    rng = random.Random(1)
    happened: list[AnyEvent] = [events.LessonCreated("Acorns", "BENCH2")]
    happened += [events.RoomAdded(f"r{room}", f"Room {room}") for room in range(ROOMS)]
    pages: list[tuple[str, str, pycrdt.Text]] = []
    sent: list[bytes] = []
    docs = []
    for room in range(ROOMS):
        for seat in range(1, TABLE + 1):
            pupil = f"p{room}-{seat}"
            happened += [events.ParticipantJoined(pupil, pupil), events.Seated(pupil, f"r{room}", seat)]
            doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
            pages.append((f"r{room}", pupil, doc.get("summary", type=pycrdt.Text)))
            # What one change brings; since a state vector, an update names every deletion there ever was.
            docs.append((doc, doc.observe(lambda event: sent.append(event.update))))
    happened.append(events.RoomsOpened())
    cursors = [0] * len(pages)
    while len(happened) < entries:
        if len(happened) % 100 == 0:
            happened.append(events.Talked("r0", f"m{len(happened)}", "p0-1", "What now?"))
            continue
        which = rng.randrange(len(pages))
        room_id, pupil, text = pages[which]
        length = len(text)
        at = min(cursors[which], length)
        if rng.random() < 0.02:
            at = rng.randrange(length + 1)
        if at and rng.random() < 0.12:
            del text[at - 1 : at]
            cursors[which] = at - 1
        else:
            text.insert(at, rng.choice("etaoin shrdlu"))
            cursors[which] = at + 1
        happened.append(events.DocumentUpdated(room_id, pupil, sent.pop()))
    return [events.encode_event(event) for event in happened]


async def measure(journal: Journal, bodies: list[bytes]) -> None:
    await journal.open()
    await journal.delete(LESSON)
    assert await journal.create(LESSON, "BENCH2", 1, bodies[:1])
    for start in range(1, len(bodies), 50):  # what a busy lesson gathers in some milliseconds
        await journal.commit(LESSON, 2, bodies[start : start + 50])
    for kind in ("without a snapshot", "with one"):
        start_at = time.perf_counter()
        live = LiveLesson(LESSON, journal, Limits(), Metrics(), node="bench")
        await live.open()
        print(f"{type(journal).__name__}: {len(bodies):,} entries {kind}: {time.perf_counter() - start_at:.2f} s")
        if kind == "without a snapshot":
            start_at = time.perf_counter()
            frozen = live.snapshots.make(1)
            frozen_secs = time.perf_counter() - start_at
            assert frozen is not None
            await live.snapshots.store(frozen, live.snapshots.seq)
            stored = await journal.snapshot(LESSON, SNAPSHOT)
            assert stored is not None
            print(f"  making it held the loop for {frozen_secs * 1000:.0f} ms; {len(stored.data):,} bytes")
        live.close()
    await journal.delete(LESSON)
    await journal.close()


async def run(entries: int, redis_url: str | None) -> None:
    bodies = history(entries)
    with tempfile.TemporaryDirectory() as folder:
        await measure(SqliteJournal(Path(folder) / "journal.sqlite"), bodies)
    if redis_url is not None:
        await measure(RedisJournal(redis_url, unsafe=True), bodies)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--redis", metavar="URL")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    asyncio.run(run(options.entries, options.redis))
