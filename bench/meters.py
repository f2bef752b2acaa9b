"""CPU, memory and noise, from Linux's /proc (man 5 proc) and a file of our own."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.jobs import Noise

_TICKS = os.sysconf("SC_CLK_TCK")
_LATE_SECS = 0.005
_PROBE_SECS = 0.05
_PROBE = bytes(4096)


def process_tree(pid: int) -> list[int]:
    """Give a process and all that it started."""
    tree = [pid]
    for each in tree:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            tree += [int(child) for child in task.read_text().split()]
    return tree


def cpu_secs(pid: int) -> float:
    """Give the CPU time of a process with its threads and children, ended ones included."""
    ticks = 0
    for each in process_tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Give the resident memory of a process and its children; ``VmHWM`` is its highest level."""
    total = 0
    for each in process_tree(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total / 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment, in seconds."""

    at: float
    own: float
    server: float
    busy: dict[int, float]  # core -> user, nice and system time
    steal: float


def read(server: int) -> Reading:
    """Read the counters; ``server`` is the measured process."""
    busy: dict[int, float] = {}
    steal = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            busy[int(name[3:])] = sum(int(field) for field in fields[:3]) / _TICKS
            steal += int(fields[7]) / _TICKS
    return Reading(time.perf_counter(), time.process_time(), cpu_secs(server), busy, steal)


class DiskProbe:
    """Writes the same 4 kB to a disk twenty times a second, while it is entered, and sees how long each takes.

    A disk that others use stands still now and then, for everyone and everything at once (25 to 60 ms, seen in the same
    moments by two loops like this one and by the journal, 2026-11). A server that waits for it cannot be blamed.
    """

    def __init__(self, folder: Path | None) -> None:
        """Without a folder there is nothing to watch."""
        self._folder = folder
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.late_secs = 0.0
        """By how much the writes were late, together."""

    def __enter__(self) -> DiskProbe:
        if self._folder is not None:
            self._folder.mkdir(exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        if self._folder is None:
            return
        with tempfile.TemporaryFile(dir=self._folder) as file:
            while not self._done.wait(_PROBE_SECS):
                begun = time.perf_counter()
                os.pwrite(file.fileno(), _PROBE, 0)
                os.fdatasync(file.fileno())
                self.late_secs += max(0.0, time.perf_counter() - begun - _LATE_SECS)


def judge_noise(
    server: int, before: Reading, after: Reading, lateness: Sequence[float], disk_late_secs: float = 0.0
) -> Noise:
    """Say how quiet it was between two readings; ``lateness`` of the keys in seconds."""
    secs = after.at - before.at
    mine, theirs = os.sched_getaffinity(0), os.sched_getaffinity(server)

    def foreign(cores: set[int]) -> float:
        """Give the share of these cores that neither of the two used."""
        if mine == theirs:
            own = after.own - before.own + after.server - before.server
        else:
            own = after.own - before.own if cores == mine else after.server - before.server
        return max(0.0, (sum(after.busy[core] - before.busy[core] for core in cores) - own) / secs / len(cores))

    late = sorted(lateness)
    return Noise(
        generator_cpu=(after.own - before.own) / secs,
        late_p99_ms=late[len(late) * 99 // 100] * 1000 if late else 0.0,
        late_keys=sum(each > _LATE_SECS for each in late) / len(late) if late else 0.0,
        steal=(after.steal - before.steal) / secs / len(after.busy),
        foreign_server_core=foreign(theirs),
        foreign_generator_core=foreign(mine),
        disk_stalled=disk_late_secs / secs,
    )
