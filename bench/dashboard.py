"""What a teacher's open dashboard receives: how much, and how soon it shows a key.

A room's figures say when its last unit was written (``last_at``, ms since the epoch). The first frame in which that
moment is no earlier than a key's sending shows the key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bench.client import Client, clock
from bench.jobs import Dashboard
from bench.judge import Member


def judge_dashboard(client: Client, rooms: Mapping[str, Sequence[Member]], started: float, secs: float) -> Dashboard:
    """Judge what a teacher's lesson socket received since ``started`` (`clock`); ``secs`` of it were typed in."""
    size = frames = 0
    epoch_secs = time.time() - clock()
    waiting = {room: sorted(at for member in members for at in member.sent_at) for room, members in rooms.items()}
    latencies: list[float] = []
    for at, payload in client.take_messages():
        if at >= started:
            size += len(payload)
            frames += 1
        for room, last_at in _last_at(msgspec.json.decode(payload)):
            shown = [sent for sent in waiting.get(room, ()) if int((sent + epoch_secs) * 1000) <= last_at]
            latencies += [at - sent for sent in shown]
            waiting[room] = waiting.get(room, [])[len(shown) :]
    latencies.sort()
    return Dashboard(
        bytes_each_second=size / secs,
        frames_each_second=frames / secs,
        keys_seen=len(latencies),
        p50_ms=percentile_ms(latencies, 50),
        p99_ms=percentile_ms(latencies, 99),
    )


def _last_at(message: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Give (room, ``last_at``) of a teacher's state, or of a change to it (RFC 7386: null removes)."""
    view = message.get("state") or message.get("patch") or {}
    for room, figures in (view.get("figures") or {}).items():
        if figures and figures.get("last_at") is not None:
            yield room, figures["last_at"]


def percentile_ms(ordered: Sequence[float], percent: int) -> float:
    """Give a percentile of sorted seconds in milliseconds; 0 of none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0
