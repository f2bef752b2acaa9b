"""Measure what one lesson costs the moderator: 200 students in 40 rooms, each typing at 2 keys a second for an hour.

The fold and the frames are the server's own; time is simulated, so that an hour of a lesson passes in a minute and the
share of a core is (CPU time used) / (lesson time passed). Every key is folded; what frames cost and how large they are
is measured in the last minute before each line. Hands go up and down meanwhile. Run it from the root of the repository:

    python -m bench.moderator_cost [minutes]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import msgspec

from bench.typists import START, Class
from server.core.events import AnyEvent, HandLowered, HandRaised, decode_event, encode_event
from server.core.participation import Participation
from server.core.patch import JSONObject, difference
from server.moderator.frames import Frames
from server.settings import Limits

_FRAME_MS = int(Limits().figures_interval_secs * 1000)
_MINUTES = (1, 5, 15, 30, 45, 60)
_HAND_SECS = 20
"""Every so often somebody asks for help, and is answered."""


class _Lesson:
    """The moderator's side of one lesson, with what it has cost."""

    def __init__(self, everyone: Class) -> None:
        self.everyone = everyone
        self.participation = Participation("lesson")
        self.frames = Frames(self.participation)
        self.shown: JSONObject = {}
        self.folding = self.framing = self.sending = 0.0
        self.updates = self.looks = 0
        self.sizes: list[tuple[int, int]] = []
        """When (ms) how many bytes went to a teacher."""
        for event in everyone.opening():
            self.participation.apply(event, START)
            self.frames.note(event)

    def fold(self, entries: list[tuple[int, bytes]]) -> None:
        """Take entries from the journal."""
        begun = process_time()
        for at, body in entries:
            event = decode_event(body)
            self.participation.apply(event, at)
            self.frames.note(event)
        self.folding += process_time() - begun
        self.updates += len(entries)

    def show(self, now: int) -> None:
        """Make a frame, and what a teacher's socket sends of it."""
        begun = process_time()
        frame = msgspec.json.encode(self.frames.at(now))
        framed = process_time()
        view: JSONObject = msgspec.json.decode(frame)
        patch = difference(self.shown, view)
        self.sizes.append((now, len(msgspec.json.encode({"type": "change", "patch": patch, "now": now}))))
        self.shown = view
        self.framing += framed - begun
        self.sending += process_time() - framed
        self.looks += 1

    def worst(self, secs: int) -> float:
        """Give the most bytes a second over any so many seconds."""
        most = window = first = 0
        for now, size in self.sizes:
            window += size
            while self.sizes[first][0] <= now - secs * 1000:
                window -= self.sizes[first][1]
                first += 1
            most = max(most, window)
        return most / secs


def _minute(everyone: Class, minute: int) -> Iterator[tuple[int, AnyEvent]]:
    """Give what happens in the minute that ends at ``minute``."""
    raised = ""
    due = START + (minute - 1) * 60_000
    for at, event in everyone.typing((minute - 1) * 60, minute * 60):
        if at >= due:
            if raised:
                yield at, HandLowered(raised)
            raised = everyone.rooms[due // 1000 % len(everyone.rooms)].people[0]
            yield at, HandRaised(raised, "stuck")
            due += _HAND_SECS * 1000
        yield at, event
    yield START + minute * 60_000 - 1, HandLowered(raised)


def main() -> None:
    last = int(sys.argv[1]) if len(sys.argv) > 1 else _MINUTES[-1]
    memory = _memory_mb()
    everyone = Class()
    lesson = _Lesson(everyone)
    print("        moderator                        a teacher's socket, kB/s")
    print("minute  of a core  µs/update  ms/frame   mean  worst 10 s  worst 1 s  of a core   memory MB", flush=True)
    for minute in range(1, last + 1):
        entries = [(at, encode_event(event)) for at, event in _minute(everyone, minute)]
        if minute not in _MINUTES:
            lesson.fold(entries)
            continue
        lesson.show(START + (minute - 1) * 60_000)
        lesson.folding = lesson.framing = lesson.sending = 0.0
        lesson.updates = lesson.looks = 0
        lesson.sizes = []
        position = 0
        for now in range(START + (minute - 1) * 60_000 + _FRAME_MS, START + minute * 60_000 + 1, _FRAME_MS):
            end = position
            while end < len(entries) and entries[end][0] < now:
                end += 1
            lesson.fold(entries[position:end])
            position = end
            lesson.show(now)
        mean = sum(size for _, size in lesson.sizes) / 60
        print(
            f"{minute:6} {(lesson.folding + lesson.framing) / 60:10.1%} {lesson.folding / lesson.updates * 1e6:10.1f}"
            f" {lesson.framing / lesson.looks * 1e3:9.2f} {mean / 1000:6.1f} {lesson.worst(10) / 1000:11.1f}"
            f" {lesson.worst(1) / 1000:10.1f} {lesson.sending / 60:10.1%} {_memory_mb() - memory:11.0f}",
            flush=True,
        )


def _memory_mb() -> float:
    """Give what this process holds in memory; the typists themselves take 2 MB of it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
