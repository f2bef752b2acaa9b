"""What a teacher's open dashboard receives: how much, and how soon a key is in its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.client import Client
from bench.jobs import Dashboard
from bench.judge import Member


def judge_dashboard(client: Client, writers: Mapping[str, Member], started: float, secs: float) -> Dashboard:
    """Judge what a teacher's lesson socket received since ``started`` (`clock`).

    ``writers`` by participant. A frame shows a key when the writer's ``inserted`` units in its figures reach it.
    """
    size = frames = 0
    shown = dict.fromkeys(writers, 0)
    latencies: list[float] = []
    for at, payload in client.take_messages():
        message = msgspec.json.decode(payload)
        if at >= started:
            size += len(payload)
            frames += 1
        for participant, inserted in _inserted(message.get("state") or message.get("patch") or {}):
            if participant in shown and inserted > shown[participant]:
                sent_at = writers[participant].sent_at
                latencies += [at - sent_at[unit] for unit in range(shown[participant], inserted)]
                shown[participant] = inserted
    latencies.sort()
    return Dashboard(
        bytes_each_second=size / secs,
        frames_each_second=frames / secs,
        keys_seen=len(latencies),
        p50_ms=percentile_ms(latencies, 50),
        p99_ms=percentile_ms(latencies, 99),
    )


def _inserted(view: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Give (participant, units inserted) of a teacher's state or of a change to it."""
    found = []
    for figures in view.get("figures", {}).values():
        for participant, member in ((figures or {}).get("members") or {}).items():
            if member is not None and "inserted" in member:
                found.append((participant, int(member["inserted"])))
    return found


def percentile_ms(ordered: list[float], percent: int) -> float:
    """Give a percentile of sorted seconds in milliseconds; 0 of none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0
