"""Several test processes at once (``pytest -n``): whose a port is, and quiet for tests that measure."""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES

_PORTS = range(10_000 + PROCESS, 20_000, PROCESSES)
# Hypothesis seeds the generator that all share, in every process alike.
_ports = itertools.cycle(random.SystemRandom().sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """Find a port that no other test is given, below those that systems give to outgoing connections.

    One of these could take it between two starts. A cluster's Redis also listens 10,000 above.
    """
    for port in _ports:
        with socket.socket() as free, socket.socket() as above, suppress(OSError):
            free.bind(("127.0.0.1", port))
            above.bind(("127.0.0.1", port + 10_000))
            return port
    raise AssertionError("no port is free")


class Quiet:
    """Either one test that needs the machine for itself, or any number of others: locks on two files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._door, self._room = (os.open(folder / name, os.O_CREAT | os.O_RDWR) for name in ("door", "room"))

    @contextmanager
    def test(self, *, alone: bool) -> Iterator[None]:
        """Wait until this may run. Who waits for the others' end stands in the door, so that nobody else begins."""
        wish = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        fcntl.flock(self._door, wish)
        fcntl.flock(self._room, wish)
        fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)
