"""Compare this checkout with another one, or with a peer, to half a percent of CPU.

Both serve at the same time on the same core, each under its own students, so that whatever the machine does it does to
both: one after the other, the same code has given 13 and 19 µs a message within a minute, and side by side 0.996 to
1.006 of each other (2026-11). They take the processor's caches from each other, so the figures are higher than alone,
and so are the latencies; the ratio is what counts.

    git worktree add ../before main
    python -m bench.paired ../before
    python -m bench.paired @y/websocket-server
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.jobs import StageResult
from bench.scenarios import students
from bench.servers import OURS, PEERS, Server, install_peers

STUDENTS, SECS, ROUNDS = 400, 8.0, 5


def measure(server: Server, count: int, secs: float) -> StageResult:
    return students(server, count, secs).stages[-1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.paired", description="Compare two servers side by side.")
    parser.add_argument("other", help="the folder of another checkout, or the name of a peer")
    parser.add_argument("--students", type=int, default=STUDENTS, help=f"under each (default {STUDENTS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    options = parser.parse_args()
    peers = {peer.name: peer for peer in PEERS}
    if options.other in peers:
        install_peers()
        other = peers[options.other]
    elif Path(options.other, "server", "__main__.py").exists():
        other = replace(OURS, name=options.other, folder=Path(options.other).resolve())
    else:
        print(f"{options.other} is neither a checkout of Roundtable nor one of {', '.join(peers)}.", file=sys.stderr)
        return 2
    ratios = []
    with ThreadPoolExecutor(2) as both:
        for number in range(1, options.rounds + 1):
            ours, theirs = both.map(lambda server: measure(server, options.students, SECS), (OURS, other))
            ratios.append(ours.cpu_us / theirs.cpu_us)
            print(
                f"round {number}: {ours.cpu_us:.2f} and {theirs.cpu_us:.2f} µs a message, {ratios[-1]:.3f}; "
                f"p99 {ours.p99_ms:.1f} and {theirs.p99_ms:.1f} ms",
                flush=True,
            )
    print(f"this checkout takes {median(ratios):.3f} of {other.name} ({min(ratios):.3f} to {max(ratios):.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
