"""What operators watch. Labels hold names of ours, never a person's or a lesson's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest


class Metrics:
    """The process's own registry, so that two servers in one test do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, CPU time, open files
        self.connections = Gauge("roundtable_connections", "Open sockets", ["kind"], registry=self.registry)
        self.lessons = Gauge("roundtable_lessons_loaded", "Lessons in memory", registry=self.registry)
        self.updates = Counter("roundtable_updates", "Document updates, durable and applied", registry=self.registry)
        self.refusals = Counter(
            "roundtable_refusals", "What clients sent and was refused", ["reason"], registry=self.registry
        )
        self.echo_seconds = Histogram(
            "roundtable_admit_to_echo_seconds",
            "From admission of an update to its sending, durable, to the room: the slowest of each commit",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "roundtable_commit_seconds",
            "One group commit of the journal",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
            registry=self.registry,
        )
        self.commit_entries = Histogram(
            "roundtable_commit_entries",
            "Entries in one group commit",
            buckets=(1, 2, 5, 10, 20, 50, 100, 500, 1000),
            registry=self.registry,
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
