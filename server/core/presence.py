"""Who had a room's text before them, and when: students (P7), and the teacher who looks in (P18)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Visits:
    """The teacher's attention to one room (P18): how often, for how many ms, and when it last began or ended (ms)."""

    count: int = 0
    milliseconds: int = 0
    last_at: int = 0


@dataclass(slots=True)
class Presence:
    """When one person had one room's text open while it was open for writing (P7). Times in ms."""

    nodes: set[str] = field(default_factory=set)
    """The server processes on which they have it open."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    since: int | None = None

    def arrived_at(self) -> int | None:
        return self.spans[0][0] if self.spans else self.since

    def settle(self, writable: bool, at: int) -> None:
        """Begin or end a span, as things stand from ``at`` on."""
        if writable and self.nodes:
            self.since = at if self.since is None else self.since
        elif self.since is not None:
            if at > self.since or not self.spans:
                self.spans.append((self.since, max(at, self.since)))
            self.since = None

    def milliseconds(self, start: int, end: int) -> int:
        """Count what lies between two times."""
        milliseconds = 0
        for first, last in self.spans:
            if first < end and start < last:
                milliseconds += min(end, last) - max(start, first)
        if self.since is not None:
            milliseconds += max(0, end - max(start, self.since))
        return milliseconds
