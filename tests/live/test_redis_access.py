"""A Redis, and a cluster, that lets in only who has a name and a password, with the rights that the README asks for;
and one that is spoken to over TLS."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from redis.exceptions import NoPermissionError

from server.bus.redis import RedisBus
from server.hub.nodes import RedisNodes
from server.hub.turns import RedisTurns
from server.journal import Entry
from server.journal.redis import RedisJournal
from server.journal.redis_store import RedisStore
from server.moderator.lease import Leases
from server.redis_link import Link, Patience
from server.redis_shards import Links
from server.settings import Settings
from server.web.auth import shared_secret
from tests.journals import IMPATIENT, Tailed, whole
from tests.processes import free_port
from tests.redis_cluster import RedisCluster, ask, told
from tests.redis_server import RedisServer
from tests.stage import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]

README = Path(__file__).parents[2] / "README.md"


def rule() -> list[str]:
    """Give the command that the README says makes the user."""
    (found,) = re.findall(r"^ +(ACL SETUSER (?:.*\\\n)*.*)$", README.read_text(), re.MULTILINE)
    return str(found).replace("\\\n", " ").split()


@asynccontextmanager
async def guarded(servers: Sequence[RedisServer]) -> AsyncIterator[str]:
    """Make the README's user on each; give who it is, as it stands in an address."""
    for server in servers:
        await ask(server, *rule())
    try:
        yield "roundtable:a-long-password"
    finally:
        for server in servers:
            await ask(server, "ACL", "DELUSER", "roundtable")


async def everything(url: str) -> None:
    """Do all that processes ever ask of Redis."""
    links = Links(url)
    patience = replace(IMPATIENT, connect=4.0, answer=4.0)  # nothing fails here, and TLS takes its time
    journal = RedisJournal(url, patience=patience)
    bus, nodes = RedisBus(url), RedisNodes("here", links)
    await journal.open()
    await bus.open()
    await nodes.open()
    try:
        for lesson in ("one", "two"):
            assert await journal.create(lesson, lesson.upper(), 1, [b"a"])
        tails = [await Tailed().follow(journal, lesson) for lesson in ("one", "two")]
        assert await journal.commit("one", 1, [b"b"], after=1) == 2
        store = RedisStore(url, 0, patience)
        await store.restore("one", [Entry(3, 1, b"c")])
        await store.close()
        await until(lambda: tails[0].bodies == [b"a", b"b", b"c"], "all entries")
        await links.ask(*RedisStore(url, 1, patience).barrier(b"roundtable:lessons"))
        assert await journal.find("ONE") == "one"
        await journal.save_snapshot("one", "hub", 2, b"folded")
        assert await journal.snapshot("one", "hub") is not None
        await journal.end("one", 2)
        await journal.compact("one")
        assert len(await whole(journal, "one")) == 3
        await asyncio.sleep(IMPATIENT.poll * 2)  # nothing to do: it is asked for signs of life, and for deletions
        assert {row.lesson for row in await journal.lessons()} == {"one", "two"}
        await journal.delete("two")
        await until(lambda: tails[1].gone == 1, "the deletion")

        heard: list[bytes] = []
        subscription = bus.subscribe("topic", heard.append)
        bus.publish("topic", b"x")
        await until(lambda: heard == [b"x"], "what was published")
        subscription.close()
        leases = Leases(links)
        assert await leases.announce(["one"]) == 0
        assert (await leases.take("moderator")).lessons == {"one"}
        await leases.release("moderator")
        assert await RedisTurns(links).take("sweep", 60)
        assert await nodes.living(["here", "there"]) == {"here"}
        assert await shared_secret(Settings(), links) == await shared_secret(Settings(), links)
    finally:
        await nodes.close()
        await bus.close()
        await journal.close()
        await links.close()


async def test_a_user_with_the_rights_of_the_readme_can_do_everything(redis_server: RedisServer) -> None:
    async with guarded([redis_server]) as user:
        url = redis_server.url.replace("//", f"//{user}@")
        await everything(url)
        links = Links(url)
        for command in ("FLUSHALL", "KEYS *", "CONFIG GET *", "GET elsewhere", "PUBLISH elsewhere x"):
            with pytest.raises(NoPermissionError):
                await links.ask(tuple(command.split()))
        await links.close()


async def test_and_in_a_cluster(redis_cluster: RedisCluster) -> None:
    async with guarded(redis_cluster.primaries) as user:
        await everything(redis_cluster.url.replace("//", f"//{user}@"))


@dataclass
class TlsServer(RedisServer):
    """A Redis that speaks nothing but TLS, with a certificate that it made itself."""

    @property
    def url(self) -> str:
        return f"rediss://localhost:{self.port}/0?ssl_ca_certs={self.folder / 'cert.pem'}"

    async def start(self) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.folder.mkdir()
        certificate, private = self.folder / "cert.pem", self.folder / "key.pem"
        request = (
            "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=localhost"
        )
        made = await asyncio.create_subprocess_exec(
            *(*request.split(), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", private, "-out", certificate),
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await made.wait() == 0
        self.port = free_port()
        self.options = {
            "port": "0",
            "tls-port": str(self.port),
            "tls-cert-file": str(certificate),
            "tls-key-file": str(private),
            "tls-ca-cert-file": str(certificate),
            "tls-auth-clients": "no",
            "tls-cluster": "yes",
            **self.options,
        }
        await super().start()


async def test_a_redis_over_tls(tmp_path: Path) -> None:
    server = TlsServer(tmp_path / "tls")
    await server.start()
    try:
        await everything(server.url)
    finally:
        await server.kill()


async def test_a_link_over_tls_is_gone_though_redis_is_frozen(tmp_path: Path) -> None:
    server = TlsServer(tmp_path / "tls")
    await server.start()
    try:
        before = os.listdir("/proc/self/fd")
        link = await Link.open(server.url, Patience())
        server.pause()
        await link.close()
        await until(lambda: os.listdir("/proc/self/fd") == before, "its socket's end", 2.0)
    finally:
        await server.kill()


async def test_a_cluster_over_tls(tmp_path: Path) -> None:
    """Of one: the address of each comes from the cluster, and how it is spoken to from ``REDIS_URL``."""
    server = TlsServer(tmp_path / "tls", {"cluster-enabled": "yes"})
    await server.start()
    try:
        await ask(server, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        await told(server, lambda info: info["cluster_state"] == "ok")
        await everything(server.url)
    finally:
        await server.kill()
