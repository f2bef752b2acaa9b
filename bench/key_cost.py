"""Measure what one key costs the core, step by step: the best of several rounds, in µs of CPU time.

Rooms of five, in which everyone types on, now and then elsewhere, and one key in twenty-five is a backspace (see
`bench.typists`). With ``--memory`` it tells instead what such a room's text takes. Run it from the root of the
repository:

    python -m bench.key_cost [--memory]
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from time import process_time
from typing import TypeVar

from bench.editor import Editor
from bench.typists import START, Class
from server.core.admission import UNLIMITED, Holdings
from server.core.authorship import Authorship
from server.core.events import AnyEvent, DocumentUpdated, decode_event, encode_event
from server.core.participation import Participation
from server.core.update import Update, decode_update
from server.core.wire import AwarenessUpdate, decode_message, encode_awareness, encode_update, first_awareness_client

KEYS = 10_000
ROUNDS = 9

T = TypeVar("T")


def main() -> None:
    everyone = Class(rooms=20, keys_a_second=4.0)
    opening = list(everyone.opening())
    events = list(everyone.typing(0, KEYS // (20 * 5 * 4)))
    if "--memory" in sys.argv:
        _tell_memory(everyone, opening, events)
        return
    updates = [event for _, event in events]
    bodies = [encode_event(event) for event in updates]
    editor = Editor(3_000_000_001, "Mia")
    keys = [encode_update(event.update) for event in updates]
    cursors = [editor.cursor(clock + 1, clock) for clock in range(KEYS)]
    states = [message.states for message in map(decode_message, cursors) if isinstance(message, AwarenessUpdate)]

    _tell("read a key's frame", keys, lambda: decode_message)
    _tell("read a cursor's frame", cursors, lambda: decode_message)
    _tell("tell whose cursor it is", cursors, lambda: first_awareness_client)
    _tell("write a key's frame", [event.update for event in updates], lambda: encode_update)
    _tell("write a cursor's frame", states, lambda: encode_awareness)
    _tell("decode an update", [event.update for event in updates], lambda: decode_update)
    _tell("admit an update, with that", updates, lambda: _admitting(opening))
    _tell("encode an event", updates, lambda: encode_event)
    _tell("decode an event", bodies, lambda: decode_event)
    _tell("fold an event", events, lambda: _folding(opening))


def _tell(step: str, values: Iterable[T], begin: Callable[[], Callable[[T], object]]) -> None:
    best = float("inf")
    sample = list(values)
    for _ in range(ROUNDS):
        work = begin()
        gc.collect()
        begun = process_time()
        for value in sample:
            work(value)
        best = min(best, process_time() - begun)
    print(f"{step:28} {best / len(sample) * 1e6:6.2f}", flush=True)


def _admitting(opening: Iterable[AnyEvent]) -> Callable[[DocumentUpdated], object]:
    rooms: dict[str, Holdings] = {}
    for event in opening:
        if isinstance(event, DocumentUpdated):
            rooms[event.room] = Holdings()
            rooms[event.room].admit(event.update, event.author, UNLIMITED)
    return lambda event: rooms[event.room].admit(event.update, event.author, UNLIMITED)


def _folding(opening: Iterable[AnyEvent]) -> Callable[[tuple[int, AnyEvent]], object]:
    participation = Participation("lesson")
    for event in opening:
        participation.apply(event, START)
    return lambda entry: participation.apply(entry[1], entry[0])


def _tell_memory(everyone: Class, opening: Iterable[AnyEvent], events: Sequence[tuple[int, AnyEvent]]) -> None:
    """Fold every key from bytes of its own, as it comes from a journal."""
    entries = [(START, event) for event in opening] + list(events)
    for name, make in (("holdings", Holdings), ("authorship", lambda: Authorship(START))):
        tracemalloc.start()
        rooms = {room.room: make() for room in everyone.rooms}
        for at, event in entries:
            if isinstance(event, DocumentUpdated):
                copy = decode_event(encode_event(event))
                assert isinstance(copy, DocumentUpdated)
                update, room = decode_update(copy.update), rooms[copy.room]
                assert isinstance(update, Update)
                if isinstance(room, Holdings):
                    room.admit(copy.update, copy.author, UNLIMITED)
                else:
                    room.take(update, copy.author, at)
                del copy, update
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] / len(rooms) / 1000
        tracemalloc.stop()
        keys = len(events) // len(rooms)
        print(f"{name:12} {size:6.1f} kB for a room's text after {keys} keys", flush=True)


if __name__ == "__main__":
    main()
