"""How far a lesson's journal has been received here: other processes write to it too."""

from __future__ import annotations

import asyncio

from server.errors import Unavailable


class Progress:
    """Counts what has been received, for those who must not go on before some entry."""

    def __init__(self, patience_secs: float) -> None:
        self._patience_secs = patience_secs
        self._waiting: dict[asyncio.Future[None], int] = {}
        self.seq = 0
        """The last entry received."""

    def reach(self, seq: int) -> None:
        """Everything up to this entry is here."""
        self.seq = seq
        for waiting, wanted in self._waiting.items() if self._waiting else ():
            if wanted <= seq and not waiting.done():
                waiting.set_result(None)

    async def wait(self, seq: int) -> None:
        """Wait until an entry is here. Raises Unavailable when it does not come for long, and after ``stop``."""
        if self.seq >= seq:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = seq
        try:
            async with asyncio.timeout(self._patience_secs):
                await waiting
        except TimeoutError:
            raise Unavailable("Storage is behind. Try again in a moment.", reason="behind") from None
        finally:
            del self._waiting[waiting]

    def stop(self) -> None:
        """Send everyone who waits away: nothing more is received."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(Unavailable("This lesson is being opened again. Try again.", reason="reopened"))
