"""A decision and its way into the journal: made again when another process was quicker."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence

from server.clock import now_ms
from server.core.decisions import Context
from server.core.events import AnyEvent, encode_event
from server.errors import Refused, Unavailable
from server.hub.progress import Progress
from server.journal import Conflict, Journal
from server.metrics import Metrics

_DECISIONS_MAX = 100
"""How often one command is decided anew because another process was quicker. Of each round one process comes away with
its decision, so of four that all ask without a pause one would have to lose the draw a hundred times."""


def new_context() -> Context:
    """Give a decision what the core may not take for itself: the time, chance, and new identifiers."""
    return Context(now=now_ms(), rng=random.Random(secrets.randbits(64)), new_id=lambda: secrets.token_urlsafe(9))


class Decisions:
    """One lesson's. They are made one at a time: a decision must see what the one before it made durable."""

    def __init__(
        self,
        lesson: str,
        journal: Journal,
        progress: Progress,
        metrics: Metrics,
        written: Callable[[Unavailable | None], None],
    ) -> None:
        """``written`` is told the outcome of each write."""
        self._lesson = lesson
        self._journal = journal
        self._progress = progress
        self._metrics = metrics
        self._written = written
        self._one_at_a_time = asyncio.Lock()

    async def decide(self, decision: Callable[[], tuple[AnyEvent, ...] | Refused]) -> tuple[AnyEvent, ...]:
        """Decide and make the events durable; when this returns, they are applied. Raises Refused."""
        async with self._one_at_a_time:
            for _ in range(_DECISIONS_MAX):
                events = decision()
                if isinstance(events, Refused):
                    self._metrics.refusals.labels(events.reason).inc()
                    raise events
                if not events:
                    return events
                try:
                    await self._commit(events)
                except Conflict as conflict:
                    await self._progress.wait(conflict.seq)
                else:
                    return events
            raise Unavailable("Too much is being changed at once. Try again in a moment.", reason="contention")

    async def _commit(self, events: Sequence[AnyEvent]) -> None:
        bodies = [encode_event(event) for event in events]
        try:
            seq = await self._journal.commit(self._lesson, now_ms(), bodies, after=self._progress.seq)
        except Conflict:
            raise
        except Unavailable as error:
            self._written(error)
            raise
        self._written(None)
        await self._progress.wait(seq)
