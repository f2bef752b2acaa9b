"""What a moderator process does: takes its share of the open lessons, and hands them over when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from server.bus import Bus
from server.errors import NotFound, Refused
from server.journal import Journal
from server.metrics import Metrics
from server.moderator import MODERATORS_TOPIC, asked_topic
from server.moderator.lease import RENEW_SECS, Leases
from server.moderator.service import Moderation
from server.redis_link import FAILURES
from server.settings import Limits

log = structlog.get_logger(__name__)

_AGAIN_SECS = 1.0
"""How soon to try again to fold a lesson whose journal could not be read."""


class Duty:
    """The lessons that this process moderates, for as long as it runs. Its name must be no other process's."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        bus: Bus,
        leases: Leases,
        topic: Callable[[str], str],
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._name = name
        self._journal = journal
        self._bus = bus
        self._leases = leases
        self._topic = topic
        self._limits = limits
        self._metrics = metrics
        self._lessons: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Moderate until cancelled, then hand over at once."""
        woken = asyncio.Event()
        subscription = self._bus.subscribe(MODERATORS_TOPIC, lambda _: woken.set())
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    woken.clear()
                    await self._look(tasks)
                    try:
                        async with asyncio.timeout(RENEW_SECS):
                            await woken.wait()
                    except TimeoutError:
                        pass
        finally:
            subscription.close()
            await self._hand_over()

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        try:
            share = await self._leases.take(self._name)
        except FAILURES as error:
            # What is folded stays: the journal, too, goes on where it was once Redis is back.
            log.warning("moderator.no_lease", error=type(error).__name__)
            return
        if share.others:
            self._bus.publish(MODERATORS_TOPIC, b"")
        for lesson in self._lessons.keys() - share.lessons:
            self._lessons.pop(lesson).cancel()
        for lesson in share.lessons - self._lessons.keys():
            self._lessons[lesson] = tasks.create_task(self._moderate(lesson))

    async def _hand_over(self) -> None:
        try:
            await self._leases.release(self._name)
        except FAILURES:
            return  # then the lease runs out by itself
        self._bus.publish(MODERATORS_TOPIC, b"")

    async def _moderate(self, lesson: str) -> None:
        self._metrics.lessons.inc()
        log.info("moderator.took", lesson=lesson)
        try:
            while await self._follow(lesson):
                pass
        except NotFound:
            pass  # deleted; whoever announced it will stop
        except Exception:
            # One lesson that cannot be folded must not take the others' figures with it.
            log.exception("moderator.failed", lesson=lesson)
        finally:
            self._metrics.lessons.dec()
            log.info("moderator.let_go", lesson=lesson)

    async def _follow(self, lesson: str) -> bool:
        """Moderate a lesson until its journal says to begin again: True. Raises NotFound."""
        moderation = Moderation(lesson, self._topic(lesson), self._bus, self._limits, self._metrics)
        subscription = self._bus.subscribe(asked_topic(lesson), moderation.answer)
        try:
            await moderation.open(self._journal)
            await moderation.fold.ended.wait()
        except NotFound:
            raise
        except Refused as refused:
            log.warning("moderator.cannot_read", lesson=lesson, reason=refused.reason)
            await asyncio.sleep(_AGAIN_SECS)
        finally:
            subscription.close()
            moderation.close()
        return True
