"""Measure what one lesson costs the moderator: 200 students in 40 rooms, each typing at 2 keys a second.

The fold and the frames are the server's own; time is simulated, so that minutes of a lesson pass in seconds and the
share of a core is (CPU time used) / (lesson time passed). Run it from the root of the repository:

    python -m bench.moderator_cost [minutes]
"""

from __future__ import annotations

import sys
from time import process_time

import msgspec

from bench.typists import START, Class
from server.core.events import decode_event, encode_event
from server.core.participation import Participation
from server.core.patch import JSONObject, difference
from server.moderator.frames import Frames
from server.settings import Limits

_FRAME_MS = int(Limits().figures_interval_secs * 1000)


def main() -> None:
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    everyone = Class()
    participation = Participation("lesson")
    frames = Frames(participation)
    for event in everyone.opening():
        participation.apply(event, START)
        frames.note(event)
    shown: JSONObject = {}
    print("minute   µs/update   ms/frame   moderator   a teacher's socket   kB/s", flush=True)
    for minute in range(minutes):
        entries = [(at, encode_event(event)) for at, event in everyone.typing(minute * 60, minute * 60 + 60)]
        folding = framing = sending = 0.0
        sent = count = 0
        position = 0
        for now in range(START + minute * 60_000, START + minute * 60_000 + 60_000, _FRAME_MS):
            begun = process_time()
            while position < len(entries) and entries[position][0] < now + _FRAME_MS:
                at, body = entries[position]
                event = decode_event(body)
                participation.apply(event, at)
                frames.note(event)
                position += 1
            folded = process_time()
            frame = msgspec.json.encode(frames.at(now + _FRAME_MS))
            framed = process_time()
            view: JSONObject = msgspec.json.decode(frame)
            sent += len(msgspec.json.encode({"type": "change", "patch": difference(shown, view), "now": now}))
            shown = view
            sending += process_time() - framed
            folding += folded - begun
            framing += framed - folded
            count += 1
        print(
            f"{minute + 1:6} {folding / len(entries) * 1e6:11.1f} {framing / count * 1e3:10.2f}"
            f" {(folding + framing) / 60:11.1%} {sending / 60:20.1%} {sent / 60_000:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
