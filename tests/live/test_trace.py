"""A recorded session of two writers, replayed by stock clients through a real server."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from server.core.events import DocumentUpdated, decode_event
from server.core.participation import Participation
from tests.stage import Server
from tests.stock import PEERS, node

TRACES = os.environ.get("ROUNDTABLE_TRACES", "")
SLOT_MS = 10_000

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not TRACES, reason="set ROUNDTABLE_TRACES to the folder with friendsforever.json.gz"),
]


async def test_p2_p8_a_recorded_session_is_counted_as_inside_yjs(server: Server) -> None:
    trace = Path(TRACES) / "friendsforever.json.gz"
    with gzip.open(trace) as file:
        expected = json.load(file)["endContent"]

    lesson = await server.create_lesson(room_count=1)
    people = [await lesson.join(name) for name in ("Ana", "Ben")]
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    wish = {
        "address": f"{server.sockets}/ws/lessons/{lesson.lesson}/rooms",
        "room": room,
        "tokens": [person.token for person in people],
    }
    process = await asyncio.create_subprocess_exec(
        node(), str(PEERS / "trace.mjs"), str(trace), json.dumps(wish), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(90):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    found = json.loads(output)
    assert found["texts"] == [expected, expected]

    await lesson.command("end")
    report = await lesson.report()
    assert report["rooms"][0]["text"] == expected
    members = {member["participant"]: member for member in report["rooms"][0]["members"]}
    assert found["standing"][0] == found["standing"][1]
    for client, person in enumerate(people, 1):
        assert members[person.participant]["standing"] == found["standing"][0][str(client)]
    await server.stop()

    # The units (P2) once more, from nothing but who had an update in the journal when.
    entries = await server.journal(lesson.lesson)
    events = [decode_event(entry.body) for entry in entries]
    began = entries[0].at
    slots = count_slots([(event, entry.at) for event, entry in zip(events, entries, strict=True)], began)
    assert {person: members[person]["slots"] for person in slots} == {
        person: len(found) for person, found in slots.items()
    }

    # At full speed there are few slots. The same entries as slow as people type give many.
    slow = [(event, began + 300 * index) for index, event in enumerate(events)]
    fold = Participation(lesson.lesson)
    for event, at in slow:
        fold.apply(event, at)
    assert fold.text(room) == expected
    slots = count_slots(slow, began)
    assert min(len(each) for each in slots.values()) > 100
    assert {person: set(done.slots) for person, done in fold.contributions(room).items()} == slots


def count_slots(events: Sequence[tuple[object, int]], began: int) -> dict[str, set[int]]:
    slots: dict[str, set[int]] = defaultdict(set)
    for event, at in events:
        if isinstance(event, DocumentUpdated):
            slots[event.author].add((at - began) // SLOT_MS)
    return dict(slots)
