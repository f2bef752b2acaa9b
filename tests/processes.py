"""Several test processes at once (``pytest -n``): whose a port is."""

from __future__ import annotations

import itertools
import os
import random
import socket
from contextlib import suppress

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
