"""Work that one process does for all: whoever takes the turn first does it."""

from __future__ import annotations

import secrets
from typing import Protocol

from redis.exceptions import OutOfMemoryError

from server.redis_link import FAILURES
from server.redis_shards import Links

# Kept by whoever has it, so that the same process sweeps again and again while it lives.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class Turns(Protocol):
    """Who may do what only one should."""

    async def take(self, work: str, secs: float) -> bool:
        """Say whether this process may do a piece of work now; nobody else may for ``secs``."""
        ...


class OwnTurns:
    """The turns of a process that has the journal for itself: always its own."""

    async def take(self, work: str, secs: float) -> bool:
        return True


class RedisTurns:
    """Turns among all processes on one Redis. While it is away nobody has a turn, while it is full everybody."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._token = secrets.token_urlsafe(9)

    async def take(self, work: str, secs: float) -> bool:
        try:
            key = f"roundtable:turn:{work}"
            (mine,) = await self._links.ask(("EVAL", _TAKE, 1, key, self._token, round(secs * 1000)))
        except OutOfMemoryError:
            return True  # nobody could take it, and old lessons must go all the more
        except FAILURES:
            return False
        return bool(mine)
