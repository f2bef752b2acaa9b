"""Who folds a lesson's participation and tells its teacher, live, how the work is shared.

::

    one process       registry ──watch──► EmbeddedModerator: fold ──► bus ──► teacher
    several           web: RemoteModerator ──announce──► leases ──► moderator: Duty: fold ──► bus ──► web ──► teacher

What is asked for once in a while (report, evidence, replay) is folded, from the same journal, where it is asked.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final, Protocol

from server.core.events import Kind
from server.core.participation import Participation

MODERATORS_TOPIC: Final = "moderators"
"""The bus topic that makes moderators look at once who has which lesson."""


def records_topic(lesson: str) -> str:
    """Name the bus topic on which everyone's own record is published, as JSON by participant.

    Give nobody any but their own (P20).
    """
    return f"records:{lesson}"


def asked_topic(lesson: str) -> str:
    """Name the bus topic on which a web process says what it has heard: see ``digest``."""
    return f"asked:{lesson}"


class Moderator(Protocol):
    """What a web process needs of moderators, here or elsewhere. An async context manager."""

    async def __aenter__(self) -> Moderator: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def watch(self, lesson: str) -> None:
        """Have a lesson moderated from now on. Raises NotFound."""
        ...

    def unwatch(self, lesson: str) -> None:
        """Let go of a lesson."""
        ...

    async def participation(self, lesson: str) -> Participation:
        """Give the fold of everything that was durable when asked, to read at once. Raises NotFound, Unavailable."""
        ...

    async def rooms_with(self, lesson: str, sign: Kind) -> tuple[str, ...]:
        """Name the open rooms that show a sign just now. Raises as ``participation``."""
        ...

    def latest(self, lesson: str) -> bytes | None:
        """Give the newest known here of a watched lesson, as JSON ``{figures, triage}``; None before the first."""
        ...

    def latest_records(self, lesson: str) -> bytes:
        """Give what was last published on ``records_topic``."""
        ...
