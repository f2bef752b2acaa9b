"""The server's clock, read at the edge and passed inward."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Give the time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
