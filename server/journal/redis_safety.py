"""Whether a Redis, or each of a cluster, may be trusted with lessons: asked once, when a process starts."""

from __future__ import annotations

import asyncio
import logging

from redis.exceptions import AuthenticationError, ClusterDownError, ResponseError

from server.errors import SettingsError
from server.redis_link import FAILURES, Patience, place, told
from server.redis_shards import Links

OLDEST_VERSION = (7, 0)

_OTHERWISE = "or set ROUNDTABLE_REDIS_UNSAFE to 1 if lessons may be lost."

_log = logging.getLogger(__name__)


async def require_safe(links: Links, url: str, patience: Patience, *, unsafe: bool) -> None:
    """Refuse what would lose lessons. Raises SettingsError, which says what to set, and where.

    A primary that is away is not asked: a process must be able to start while a cluster is without one.
    """
    deadline = asyncio.get_running_loop().time() + patience.start
    while True:
        try:
            infos = await _ask(links)
            break
        except FAILURES as error:
            refused = isinstance(error, AuthenticationError | ResponseError) and not isinstance(error, ClusterDownError)
            if not refused and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(patience.retry)
                continue
            raise SettingsError(
                f"The Redis at {place(url)} cannot be used ({error or type(error).__name__}). "
                "Start it, or set REDIS_URL to one that runs, such as redis://127.0.0.1:6379/0."
            ) from error
    shards = links.shards
    if len(shards.seeds) > 1 and not shards.several:
        raise SettingsError(
            f"REDIS_URL names several Redis, and the one at {place(shards.primaries[0])} is not part of a cluster. "
            "Set REDIS_URL to one of them."
        )
    for each, info in infos.items():
        _require_safe(f"The Redis at {place(each)}", info, unsafe=unsafe)


async def _ask(links: Links) -> dict[str, dict[str, str]]:
    """Give what each says of itself. Raises one of FAILURES when none does, or when a cluster is not whole."""
    shards = links.shards
    await shards.known()
    if shards.unserved:
        raise ConnectionError(f"{shards.unserved} of its cluster's slots are nobody's")
    infos = {}
    failure: Exception | None = None
    for url in shards.primaries:
        try:
            (found,) = await links.ask_at(url, ("INFO",))
        except ResponseError:
            raise
        except FAILURES as error:
            failure = error
        else:
            infos[url] = told(found)
    if failure is not None and not infos:
        raise failure
    for url in shards.primaries:
        if url not in infos:
            _log.warning(
                "journal: no connection to the Redis at %s: not known whether it would lose lessons", place(url)
            )
    return infos


def _require_safe(at: str, info: dict[str, str], *, unsafe: bool) -> None:
    if info.get("role") == "slave":
        raise SettingsError(f"{at} is a replica, which takes no writes. Set REDIS_URL to its primary.")
    if unsafe:
        return
    version = info.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise SettingsError(f"{at} is version {version}. Install Redis 7.0 or newer, {_OTHERWISE}")
    if info.get("aof_enabled") != "1":
        raise SettingsError(
            f"{at} keeps no append-only file, so a restart would lose lessons. Set `appendonly yes` in its "
            f"configuration (for now: `redis-cli config set appendonly yes`), {_OTHERWISE}"
        )
    if info.get("maxmemory_policy") != "noeviction":
        raise SettingsError(
            f"{at} throws data away when its memory is full (`maxmemory-policy {info.get('maxmemory_policy')}`). "
            f"Set `maxmemory-policy noeviction` in its configuration, {_OTHERWISE}"
        )
