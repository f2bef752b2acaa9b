"""Compare Roundtable with its peers on this machine.

    python -m bench                    everything: about an hour; writes bench/results/comparison.* as it goes
    python -m bench --best             the same against @y/websocket-server alone; writes bench/results/best.*
    python -m bench --quick            150 and 500 students, against @y/websocket-server: two minutes
    python -m bench --only "500 students" --only joins --rounds 1

Servers take turns within each round, on the same core, so that what drifts in the machine drifts for all. A round of a
scenario in which the machine was not quiet is run once more, and that run counts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench import scenarios
from bench.report import Measurement, Outcome, new_run, noises, write_results
from bench.scenarios import SMALL_TEXT_BYTES
from bench.servers import OURS, PEERS, ROOT, Y_WEBSOCKET, Server, install_peers

ROUNDS, TRIES = 3, 2
SECS, QUICK_SECS, CAPACITY_SECS = 10.0, 3.0, 5.0
ALL = (OURS, *PEERS)
BEST = (OURS, Y_WEBSOCKET)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name for the table, who takes part, and how it is run; ``once`` for what takes too long for every round."""

    name: str
    servers: Sequence[Server]
    run: Callable[[Server], Outcome]
    once: bool = False


def _students(count: int, secs: float, **more: bool) -> Callable[[Server], Outcome]:
    return lambda server: scenarios.students(server, count, secs, **more)


QUICK = tuple(Scenario(f"{count} students", BEST, _students(count, QUICK_SECS)) for count in (150, 500))

FULL = (
    *(Scenario(f"{count:,} students", ALL, _students(count, SECS)) for count in (150, 500, 1_000)),
    Scenario("500 students at 8 keys a second", BEST, partial(scenarios.students, count=500, secs=SECS, rate=8.0)),
    Scenario("500 students who send cursors back", ALL, _students(500, SECS, return_cursors=True)),
    Scenario("500 students with their lesson sockets", (OURS,), _students(500, SECS, pages=True)),
    Scenario("one lesson of 30 and its dashboard", (OURS,), lambda _: scenarios.lesson_with_dashboard(SECS)),
    Scenario("200 joins at once", ALL, scenarios.joins),
    Scenario("1,000 idle clients", ALL, scenarios.idle, once=True),
    Scenario("1,000 idle clients with 1 kB each", ALL, partial(scenarios.idle, text_bytes=SMALL_TEXT_BYTES), once=True),
    Scenario("capacity: messages a second", ALL, partial(scenarios.capacity, secs=CAPACITY_SECS), once=True),
    Scenario("capacity: students", BEST, partial(scenarios.students_held, secs=CAPACITY_SECS), once=True),
    Scenario("a day of lessons", (OURS,), lambda _: scenarios.day(), once=True),
)


def main() -> int:
    options = _parse()
    wanted = [each for each in (QUICK if options.quick else FULL) if not options.only or _fits(each, options.only)]
    if (os.cpu_count() or 1) < 2:
        print("The comparison needs two cores: one for the server, one for the load.", file=sys.stderr)
        return 2
    install_peers()
    run = new_run()
    name = "quick" if options.quick else "best" if options.best else "comparison"
    for number in range(1, options.rounds + 1):
        for scenario in wanted:
            if scenario.once and number > 1:
                continue
            for _ in range(1 if scenario.once else TRIES):
                found = run_round(scenario, number, BEST if options.best else ALL)
                if all(noise.quiet for each in found for noise in noises(each.outcome)):
                    break
                print("  the machine was not quiet", file=sys.stderr, flush=True)
            run.measurements += found
            table = write_results(run, ROOT / "bench" / "results", name)  # an hour is long
    if run.measurements:
        print(table.read_text())
    return 0


def run_round(scenario: Scenario, number: int, wanted: Sequence[Server]) -> list[Measurement]:
    """Run a scenario in turn on each of its servers that is wanted."""
    found: list[Measurement] = []
    for server in scenario.servers:
        if server not in wanted:
            continue
        print(f"round {number}: {scenario.name}, {server.name}", file=sys.stderr, flush=True)
        try:
            found.append(Measurement(scenario.name, server.name, number, scenario.run(server)))
        except RuntimeError as error:  # a peer that breaks is left out of the table, not out of the run
            print(f"  failed: {error}", file=sys.stderr, flush=True)
    return found


def _fits(scenario: Scenario, only: Sequence[str]) -> bool:
    return any(part in scenario.name for part in only)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compare Roundtable with its peers.")
    parser.add_argument("--quick", action="store_true", help="two minutes: 150 and 500 students, two servers")
    parser.add_argument("--best", action="store_true", help="against the fastest peer alone")
    parser.add_argument("--only", action="append", help="scenarios whose name contains this; may be repeated")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often everything is run in turn (default 3)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
