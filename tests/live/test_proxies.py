"""The README's configurations of nginx and HAProxy, as they stand there, before two web processes."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import pycrdt
import pytest

from tests.cluster import Cluster
from tests.processes import free_port
from tests.stage import DEADLINE_SECS, Server, until

pytestmark = pytest.mark.live

README = Path(__file__).parents[2] / "README.md"
_AROUND_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {block}
}}
"""


def configuration(program: str, folder: Path, port: int, webs: list[Server]) -> Path:
    """Write down the README's example with this test's addresses."""
    found = re.search(rf"```{program}\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    block = found[1]
    for example, web in zip(("10.0.0.11:8000", "10.0.0.12:8000"), webs, strict=True):
        assert example in block
        block = block.replace(example, f"127.0.0.1:{web.port}")
    block = block.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("bind :80", f"bind 127.0.0.1:{port}")
    block = block.replace("/var/log/nginx", str(folder))
    path = folder / program
    path.write_text(_AROUND_NGINX.format(folder=folder, block=block) if program == "nginx" else block)
    return path


@asynccontextmanager
async def proxy(program: str, folder: Path, webs: list[Server]) -> AsyncIterator[Server]:
    """Run a proxy; give it in place of the server behind it."""
    executable = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if executable is None:
        pytest.skip(f"{program} is not installed")
    port = free_port()
    path = configuration(program, folder, port, webs)
    arguments = ["-p", str(folder), "-c", str(path)] if program == "nginx" else ["-f", str(path)]
    process = await asyncio.create_subprocess_exec(executable, *arguments)
    try:
        server = Server(folder, port=port, address=f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + DEADLINE_SECS
        while True:
            assert process.returncode is None
            with suppress(httpx.TransportError):
                if (await server.request("GET", "/join")).status_code == 200:
                    break
            assert time.monotonic() < deadline, f"{program} does not serve"
            await asyncio.sleep(0.02)
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def sockets_of(web: Server) -> float:
    """Say how many sockets a web process has open."""
    lines = (await web.request("GET", "/metrics")).text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("roundtable_connections{"))


@pytest.mark.parametrize("program", ["nginx", "haproxy"])
async def test_a_lesson_stays_on_one_process_and_moves_when_it_ends(
    program: str, cluster: Cluster, tmp_path: Path
) -> None:
    webs = [await cluster.start() for _ in range(2)]
    async with proxy(program, tmp_path, webs) as public:
        assert (await public.request("GET", "/metrics")).status_code == 404

        lesson = await public.create_lesson(room_count=1)
        people = [await lesson.join(f"Student {number}") for number in range(4)]
        await lesson.command("open_rooms")
        room = (await lesson.report())["rooms"][0]["room"]
        documents: list[pycrdt.Doc[pycrdt.Text]] = [pycrdt.Doc() for _ in people]
        before = AsyncExitStack()
        peers = [
            await before.enter_async_context(lesson.write(room, person.token, document))
            for person, document in zip(people, documents, strict=True)
        ]
        peers[0].text += "Acorns"
        for peer in peers:
            await peer.sees("Acorns")
        here = [await sockets_of(web) for web in webs]
        assert sorted(here) == [0, 4], "all of a lesson on one process"

        # It ends; everyone is back by the same address, on the other, and nothing is lost.
        old, new = (webs[0], webs[1]) if here[0] else (webs[1], webs[0])
        stopping = asyncio.create_task(old.stop())
        await until(lambda: peers[0].closed == 1012, "the close")
        began = time.monotonic()
        async with lesson.write(room, people[0].token, documents[0]) as again:
            again.text += " fall"
            assert time.monotonic() - began < 5
            for peer in peers[1:]:
                await until(lambda peer=peer: peer.closed == 1012, "the close")  # type: ignore[misc]
            await before.aclose()
            assert await stopping == 0
            assert await sockets_of(new) == 1
            async with lesson.write(room, people[1].token, documents[1]) as other:
                await other.sees("Acorns fall")
        assert (await public.request("GET", "/join")).status_code == 200
        if program == "nginx":
            log = (tmp_path / "access.log").read_text()
            assert "/ws/lessons/" in log
            assert "token" not in log
            assert people[0].token not in log
