"""Which moderator has which lesson.

::

    web ──announce──► live:  lesson → until when somebody has it open
    moderator ──take──► alive: moderator → until when it counts as living
                        held:  lesson → moderator
                        changed: when any of these last did; while it has not, a call looks no further

A moderator's one heartbeat holds all of its lessons, so renewing costs one call whatever their number (a key with its
own expiry for each would cost thousands a second in a school district). Lessons without a living holder are given out
by whoever calls next, all in one script, to whoever has fewest: that spreads new ones evenly, and a killed
moderator's, too. Time is Redis's own; no two machines' clocks are compared.

Nothing bad happens when two hold the same lesson for a moment, say after one was paused: both fold the same journal and
publish the same figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from server.redis_shards import Links

HOLD_SECS: Final = 2.0
"""A moderator that has not been heard of for so long has lost its lessons: another begins well within five seconds."""
RENEW_SECS: Final = 0.5
OPEN_SECS: Final = 15.0
"""A lesson counts as open for so long after a web process last said so: a restart, or a pause, costs no new fold."""
ANNOUNCE_SECS: Final = 3.0

# One tag, so that a script may touch all of them in a Redis Cluster.
_KEYS: Final = tuple(f"roundtable:{{moderators}}:{name}" for name in ("live", "alive", "held", "changed"))
_FORGET_SECS: Final = 60

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local live, alive, held, changed = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function note(count)
  if count > 0 then redis.call('SET', changed, time[1] .. '.' .. time[2]) end
end
"""

_ANNOUNCE: Final = (
    _NOW
    + """
for i = 2, #ARGV do note(redis.call('ZADD', live, 'GT', now + ARGV[1], ARGV[i])) end
note(redis.call('ZREMRANGEBYSCORE', live, '-inf', now))
return redis.call('ZCOUNT', alive, '(' .. now, '+inf')
"""
)

_TAKE: Final = (
    _NOW
    + """
local me = ARGV[1]
note(redis.call('ZADD', alive, now + ARGV[2], me))
note(redis.call('ZREMRANGEBYSCORE', live, '-inf', now))
note(redis.call('ZREMRANGEBYSCORE', alive, '-inf', now))
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[3]) end
local last = redis.call('GET', changed)
if last == ARGV[4] then return {last} end

local names, load = redis.call('ZRANGE', alive, 0, -1), {}
for _, name in ipairs(names) do load[name] = 0 end
local holder = {}
local pairs_held = redis.call('HGETALL', held)
for i = 1, #pairs_held, 2 do holder[pairs_held[i]] = pairs_held[i + 1] end
local lessons, open = redis.call('ZRANGE', live, 0, -1), {}
for _, lesson in ipairs(lessons) do open[lesson] = true end
for lesson, name in pairs(holder) do
  if not open[lesson] then redis.call('HDEL', held, lesson)
  elseif load[name] then load[name] = load[name] + 1 end
end

local others = 0
local function give(lesson, name)
  redis.call('HSET', held, lesson, name)
  note(1)
  holder[lesson] = name
  load[name] = load[name] + 1
  if name ~= me then others = others + 1 end
end
local function fewest()
  local found = me
  for _, name in ipairs(names) do if load[name] < load[found] then found = name end end
  return found
end
for _, lesson in ipairs(lessons) do
  if not load[holder[lesson] or ''] then give(lesson, fewest()) end
end

-- Whoever came last is given, a few a call, of those who have most: not all figures pause to move at once.
local most = me
for _, name in ipairs(names) do if load[name] > load[most] then most = name end end
local least = fewest()
local uneven = load[most] - load[least]
local moves = uneven > 1 and math.ceil(uneven / 20) or 0
for _, lesson in ipairs(lessons) do
  if moves == 0 then break end
  if holder[lesson] == most then
    load[most] = load[most] - 1
    give(lesson, least)
    moves = moves - 1
  end
end

local mine = {}
for _, lesson in ipairs(lessons) do if holder[lesson] == me then mine[#mine + 1] = lesson end end
return {uneven > 1 and '' or redis.call('GET', changed), others, mine}
"""
)

_RELEASE: Final = (
    _NOW
    + """
redis.call('ZREM', alive, ARGV[1])
note(1)
local pairs_held = redis.call('HGETALL', held)
for i = 1, #pairs_held, 2 do
  if pairs_held[i + 1] == ARGV[1] then redis.call('HDEL', held, pairs_held[i]) end
end
"""
)


@dataclass(frozen=True, slots=True)
class Share:
    """What came of one ``take``: my lessons, and whether others were given any and should look at once."""

    lessons: frozenset[str]
    others: bool


class Leases:
    """The book of who has what, in Redis. All methods raise one of FAILURES while it is away."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._seen: dict[str, tuple[bytes, frozenset[str]]] = {}

    async def announce(self, lessons: Iterable[str]) -> int:
        """Say that these lessons are open here, again every ``ANNOUNCE_SECS``; give how many moderators live."""
        (living,) = await self._links.ask(("EVAL", _ANNOUNCE, len(_KEYS), *_KEYS, round(OPEN_SECS * 1000), *lessons))
        return int(living)

    async def take(self, moderator: str) -> Share:
        """Say that a moderator lives, again every ``RENEW_SECS``, and give the lessons that are its own now."""
        known, mine = self._seen.get(moderator, (b"", frozenset[str]()))
        ((changed, *rest),) = await self._links.ask(
            ("EVAL", _TAKE, len(_KEYS), *_KEYS, moderator, round(HOLD_SECS * 1000), _FORGET_SECS, known)
        )
        if not rest:
            return Share(mine, False)
        others, lessons = rest
        mine = frozenset(lesson.decode() for lesson in lessons)
        self._seen[moderator] = changed, mine
        return Share(mine, others > 0)

    async def release(self, moderator: str) -> None:
        """Hand over all lessons of a moderator that goes."""
        await self._links.ask(("EVAL", _RELEASE, len(_KEYS), *_KEYS, moderator))
