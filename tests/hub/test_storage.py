"""Whether people are told the truth about storage."""

from __future__ import annotations

from server.errors import Unavailable
from server.hub.storage import StorageHealth


async def test_what_is_refused_as_soon_as_storage_works_again_is_not_hidden_by_the_good_news() -> None:
    told: list[bool] = []
    behind = Unavailable("Storage is behind. Try again in a moment.", reason="behind")

    def retry() -> bool:
        health.note(behind)  # as the journal refuses at once when too much is waiting
        return True

    health = StorageHealth(60.0, told.append, retry)
    health.note(behind)
    health.note(None)
    assert (health.good, told) == (False, [False, True, False])
    health.stop()
