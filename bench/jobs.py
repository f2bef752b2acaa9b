"""What the load generator is asked to do, and what it found: JSON on its standard input and output."""

from __future__ import annotations

from typing import Literal

import msgspec

Dialect = Literal["y-websocket", "hocuspocus"]
"""How messages look: those of y-protocols, or the same with the document's name in front and a token first."""


class Target(msgspec.Struct, frozen=True):
    """Where the server listens, and which process is measured."""

    host: str
    port: int
    pid: int
    dialect: Dialect = "y-websocket"
    stores: bool = False
    """Whether it waits for the disk, which is then watched."""


class Seat(msgspec.Struct, frozen=True):
    """One student's place: ``path`` opens the socket of the document ``room``."""

    room: str
    path: str
    page: str | None = None
    """The path of the lesson socket that the student's page holds besides, if the server has one."""


class Stage(msgspec.Struct, frozen=True):
    """Everybody types ``rate`` keys a second for ``secs`` seconds."""

    rate: float
    secs: float


class Typing(msgspec.Struct, frozen=True, tag="typing"):
    """Students type; after ``stop_p99_ms`` or a loss no further stage begins."""

    target: Target
    seats: list[Seat]
    stages: list[Stage]
    stop_p99_ms: float | None = None
    return_cursors: bool = False
    """Send every cursor that arrives back to the server, as the stock provider does."""
    give_up_secs: float = 10.0
    """How long after a stage's last key an update may still arrive; then it is lost."""
    dashboard: str | None = None
    """The path of a teacher's lesson socket."""


class Joining(msgspec.Struct, frozen=True, tag="joining"):
    """One writer fills a document, then everybody else opens it at once."""

    target: Target
    seats: list[Seat]
    typed: int
    deleted: int


class Idling(msgspec.Struct, frozen=True, tag="idling"):
    """Two batches of clients connect and stay; ``text_bytes`` are written by the first in each room."""

    target: Target
    first: list[Seat]
    second: list[Seat]
    text_bytes: int = 0


Job = Typing | Joining | Idling


class Noise(msgspec.Struct, frozen=True):
    """How far the machine and the generator themselves may have blurred a figure. Shares are of one core, 0…1."""

    generator_cpu: float
    late_p99_ms: float
    """Of the keys' lateness against their timetable."""
    late_keys: float
    """Share of keys more than 5 ms late."""
    steal: float
    foreign_server_core: float
    """CPU that neither the server nor the generator used, on the server's core."""
    foreign_generator_core: float
    disk_stalled: float = 0.0
    """Share of the time in which the disk was more than 5 ms late with a write of the generator's own; 0 for a server
    that does not store."""

    @property
    def quiet(self) -> bool:
        """Whether nothing but the server can explain the figure."""
        return (
            self.generator_cpu < 0.8
            and self.late_p99_ms < 5
            and self.steal < 0.01
            and self.foreign_server_core < 0.03
            and self.foreign_generator_core < 0.15
            and self.disk_stalled < 0.003
        )


class StageResult(msgspec.Struct, frozen=True):
    """One stage. A delivery is one key's update at one recipient, the writer included where the server echoes."""

    rate: float
    secs: float
    students: int
    keys: int
    deliveries: int
    cursors: int
    """Cursor changes known to a recipient: each seen, or overtaken by a later one of the same client."""
    lost: int
    """Updates that somebody else in the room did not have when waiting was given up."""
    stale_cursors: int
    """Pairs of classmates of whom one does not know the other's last cursor."""
    frames: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cursor_p50_ms: float
    cursor_p99_ms: float
    cpu_us: float
    """Server CPU for each delivered message: deliveries + cursors."""
    server_cpu: float
    """Share of one core while students typed and the last messages went out."""
    rss_mb: float
    received_kb_each: float
    """kB a second that one student's browser receives."""
    noise: Noise


class Dashboard(msgspec.Struct, frozen=True):
    """What a teacher's open dashboard received."""

    bytes_each_second: float
    frames_each_second: float
    keys_seen: int
    p50_ms: float
    p99_ms: float
    """From a key to the frame that shows it."""


class TypingResult(msgspec.Struct, frozen=True, tag="typing"):
    """``texts_differ`` counts rooms where a late joiner or a first seat's received updates give another text."""

    stages: list[StageResult]
    texts_differ: int
    closed: list[int]
    """Close codes of sockets that the server closed."""
    peak_mb: float
    dashboard: Dashboard | None = None


class JoiningResult(msgspec.Struct, frozen=True, tag="joining"):
    """From the first connection attempt to each client's whole document."""

    clients: int
    document_bytes: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    texts_differ: int
    server_cpu_secs: float
    noise: Noise


class IdlingResult(msgspec.Struct, frozen=True, tag="idling"):
    """Memory for each client of the second batch: the first has warmed the server up."""

    clients: int
    kb_each: float
    rss_mb: float


Result = TypingResult | JoiningResult | IdlingResult
