"""What operators watch. Labels hold names of ours, never a person's or a lesson's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily


class HotCounter:
    """A counter for the way of every keystroke: without the library's lock, 0.03 µs against 0.6 (2026-11).

    For one thread only, as all that concerns keystrokes here is.
    """

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._name, self._documentation = name, documentation
        self.value = 0
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._documentation, value=self.value)


class HotHistogram:
    """A histogram for the way of every keystroke; see ``HotCounter``."""

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry, bounds: Sequence[float]) -> None:
        self._name, self._documentation = name, documentation
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        counts = accumulate(self._counts)
        buckets = [(str(float(bound)), next(counts)) for bound in self._bounds] + [("+Inf", sum(self._counts))]
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


class Metrics:
    """The process's own registry, so that two servers in one test do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, CPU time, open files
        self.connections = Gauge("roundtable_connections", "Open sockets", ["kind"], registry=self.registry)
        self.lessons = Gauge("roundtable_lessons_loaded", "Lessons in memory", registry=self.registry)
        self.updates = HotCounter("roundtable_updates", "Document updates, durable and applied", self.registry)
        self.refusals = Counter(
            "roundtable_refusals", "What clients sent and was refused", ["reason"], registry=self.registry
        )
        self.echo_seconds = HotHistogram(
            "roundtable_admit_to_echo_seconds",
            "From admission of an update to its sending, durable, to the room: the slowest of each commit",
            self.registry,
            (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
        )
        self.commit_seconds = HotHistogram(
            "roundtable_commit_seconds",
            "One group commit of the journal",
            self.registry,
            (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
        )
        self.commit_entries = HotHistogram(
            "roundtable_commit_entries",
            "Entries in one group commit",
            self.registry,
            (1, 2, 5, 10, 20, 50, 100, 500, 1000),
        )
        self.storage_failures = Counter(
            "roundtable_storage_failures", "Updates or events that could not be stored", registry=self.registry
        )
        self.outbox_overflows = Counter(
            "roundtable_outbox_overflows", "Slow clients whose backlog was replaced by a resync", registry=self.registry
        )
        self.moderators = Gauge(
            "roundtable_moderators", "Moderator processes alive, as a web process knows them", registry=self.registry
        )
        self.moderator_lag_seconds = Histogram(
            "roundtable_moderator_lag_seconds",
            "From an entry's time to the figures that include it",
            buckets=(0.1, 0.25, 0.5, 0.75, 1, 2, 5),
            registry=self.registry,
        )

    def observe_commit(self, seconds: float, entries: int) -> None:
        """Note one group commit of the journal."""
        self.commit_seconds.observe(seconds)
        self.commit_entries.observe(entries)

    def render(self) -> bytes:
        """Give the metrics in the Prometheus text format."""
        return generate_latest(self.registry)
