"""Every setting and every limit, with its unit and its reason; read once, from a mapping."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from server.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one participant, connection or lesson, never for an address: a whole school sits behind one."""

    update_bytes: int = 512 * 1024
    """One document update. A pasted page is 5 kB; half a megabyte is more text than a lesson writes."""
    document_units: int = 200_000
    """UTF-16 units standing in one text: thirty times a long group summary."""
    history_units: int = 2_000_000
    """UTF-16 units ever inserted into one document, deleted ones included: bounds memory against type-and-delete."""
    frame_bytes: int = 1024 * 1024
    """One websocket message: an update and its framing."""
    body_bytes: int = 256 * 1024
    """One HTTP request body: a roster and a template in a four-byte script, and room to spare."""
    awareness_state_bytes: int = 4 * 1024
    """One presence state as JSON; an editor's cursor takes 300 bytes."""
    update_rate: float = 1_000.0
    """Document updates per second and connection, sustained. A held key makes 30, a replay more."""
    update_burst: float = 4_000.0
    update_share_bytes: int = 256
    """From so many bytes on an update counts for several: half a megabyte of single keys is checked in 0.2 s."""
    question_rate: float = 1.0
    """Sync steps 1 per second and connection, sustained: to answer one takes up to 20 ms for a long text, and a stock
    client sends it once."""
    question_burst: float = 20.0
    message_rate: float = 4_000.0
    """Messages per second and connection, sustained; pings and fragments count, too. Stock clients send everyone's
    cursors back: 30 a second for each of thirty classmates is 900."""
    message_burst: float = 12_000.0
    command_rate: float = 10.0
    """Lesson commands per second and connection, over HTTP per person, sustained: a child tapping as fast as it can."""
    command_burst: float = 60.0
    outbox_bytes: int = 1024 * 1024
    """What one slow client may leave unsent before its backlog is replaced by one resync."""
    connections_per_participant: int = 8
    """Open sockets of one kind for one participant: tabs and devices, and what a broken network leaves half open."""
    wrong_code_rate: float = 20.0
    """Wrong codes answered per second and process; beyond it a wrong answer waits, a right one never does: nobody can
    keep a school from joining. Who waits for the answers finds one of ten live lessons among 31^6 codes once in seven
    weeks; who hangs up instead and tries 250 a second, with sixteen connections, once in four days (2026-11)."""
    awareness_interval_secs: float = 1 / 30
    """Presence is sent to a room at most this often."""
    awareness_hold_secs: float = 5.0
    """How long a leaver's cursor stays: a reload or a change of network is not a departure."""
    departure_hold_secs: float = 4.0
    """How long after the last socket a person counts as away: a reload takes a second."""
    view_interval_secs: float = 0.05
    """Changes of a lesson's state are sent at most this often to each browser."""
    figures_interval_secs: float = 0.3
    """Figures are published at most this often for each lesson; a room's text goes out every second time, so that a
    teacher sees a keystroke within 0.6 s."""
    handshake_secs: float = 3.0
    """How long an update that builds on text we have asked for waits for that text: round trips of a bad network."""
    storage_retry_secs: float = 3.0
    """After a write failed, how long until the writer's browser is asked for it again."""
    idle_unload_secs: float = 300.0
    """A lesson without any socket leaves memory after this."""
    send_timeout_secs: float = 20.0
    """A client that takes nothing off its socket for this long is closed (1013)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; the README's table lists the same names."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    public_url: str | None = None
    teacher_key: str | None = None
    secret: str | None = None
    retention_days: int = 30
    log_format: str | None = None
    """``text`` or ``json``; None: text for a terminal, JSON for whatever collects logs."""
    redis_url: str | None = None
    """The Redis all processes share; of a cluster one or several (``redis://one:7000,two:7000``); None: one
    process, with SQLite in ``data``."""
    redis_replicas: int = 0
    """How many replicas must have an entry before anybody sees it."""
    redis_unsafe: bool = False
    """Run on a Redis that would lose lessons."""
    limits: Limits = field(default_factory=Limits)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over https, so that cookies may say so."""
        return self.public_url is not None and self.public_url.startswith("https://")


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return parse


def _host(value: str) -> str:
    if value == "localhost":
        return value
    return str(ipaddress.ip_address(value))


def _public_url(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in {"http", "https"} or not url.netloc or url.path.strip("/") or url.query or url.fragment:
        raise ValueError
    return f"{url.scheme}://{url.netloc}"


def _flag(value: str) -> bool:
    return bool(_integer(0, 1)(value))


def _at_least(length: int) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if len(value) < length:
            raise ValueError
        return value

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError
        return value

    return parse


def read_settings(environ: Mapping[str, str], port: int = 8000) -> Settings:
    """Read the settings from a mapping of environment variables; ``port`` is where to listen if nothing is set.

    An empty value counts as not set. Raises SettingsError with a sentence that says what to set.
    """

    def read(name: str, default: T, parse: Callable[[str], T], expected: str) -> T:
        value = environ.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError:
            raise SettingsError(f"{name} is {value!r}. Set {name} to {expected}, or leave it out.") from None

    default = Settings()
    return Settings(
        host=read("HOST", default.host, _host, "an IP address such as 127.0.0.1 or 0.0.0.0, or to localhost"),
        port=read("PORT", port, _integer(0, 65535), "a port between 0 and 65535"),
        data=read("ROUNDTABLE_DATA", default.data, Path, "a folder that the server may write to"),
        public_url=read(
            "ROUNDTABLE_PUBLIC_URL",
            default.public_url,
            _public_url,
            "the address people type, such as https://classroom.example, without a path",
        ),
        teacher_key=_secret(environ, "ROUNDTABLE_TEACHER_KEY", 8),
        secret=_secret(environ, "ROUNDTABLE_SECRET", 32),
        retention_days=read(
            "ROUNDTABLE_RETENTION_DAYS", default.retention_days, _integer(1, 3650), "a number of days from 1 to 3650"
        ),
        log_format=read("ROUNDTABLE_LOG", default.log_format, _one_of("text", "json"), "text or json"),
        redis_url=_redis_url(environ),
        redis_replicas=read(
            "ROUNDTABLE_REDIS_REPLICAS", default.redis_replicas, _integer(0, 10), "a number of replicas from 0 to 10"
        ),
        redis_unsafe=read("ROUNDTABLE_REDIS_UNSAFE", default.redis_unsafe, _flag, "1 or 0"),
    )


def _redis_url(environ: Mapping[str, str]) -> str | None:
    value = environ.get("REDIS_URL", "").strip()
    if not value:
        return None
    try:
        for address in addresses(value):
            url = urlsplit(address)
            if url.scheme not in {"redis", "rediss", "unix"} or url.port == 0:
                raise ValueError
            if not (url.path if url.scheme == "unix" else url.hostname):
                raise ValueError
    except ValueError:
        # It may hold a password, which stays out of the message.
        raise SettingsError(
            "REDIS_URL is not the address of a Redis. Set REDIS_URL to one such as redis://10.0.0.5:6379/0, "
            "or leave it out."
        ) from None
    return value


def addresses(redis_url: str) -> tuple[str, ...]:
    """Take apart an address that names several Redis of a cluster: ``redis://user:word@one:7000,two:7000``."""
    url = urlsplit(redis_url)
    user, at, hosts = url.netloc.rpartition("@")
    return tuple(url._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(","))


def _secret(environ: Mapping[str, str], name: str, length: int) -> str | None:
    value = environ.get(name, "").strip()
    if not value:
        return None
    try:
        return _at_least(length)(value)
    except ValueError:
        # The value itself stays out of the message: messages end up in logs.
        expected = f"Set {name} to at least {length} characters, or leave it out."
        raise SettingsError(f"{name} is too short. {expected}") from None


@dataclass(frozen=True, slots=True)
class Assets:
    """Where templates, built front-end files and message catalogues lie: inside the wheel, or in a checkout."""

    templates: Path
    dist: Path
    messages: Path


def find_assets() -> Assets:
    """Find the assets. Raises SettingsError when the front end has not been built."""
    package = Path(__file__).parent
    packed = package / "_assets"
    root = packed if packed.is_dir() else package.parent
    messages = packed / "messages" if packed.is_dir() else root / "static" / "messages"
    assets = Assets(root / "templates", root / "static" / "dist", messages)
    if not (assets.dist / "manifest.json").is_file():
        raise SettingsError("The pages have not been built yet. Run `make run`, which builds them first.")
    return assets
