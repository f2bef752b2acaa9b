"""What stops a start: each with one sentence that names what to set."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from tests.stage import Server

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "the internet"),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ROUNDTABLE_PUBLIC_URL", "classroom.example"),
        ("ROUNDTABLE_TEACHER_KEY", "short"),
        ("ROUNDTABLE_SECRET", "short"),
        ("ROUNDTABLE_RETENTION_DAYS", "for ever"),
        ("ROUNDTABLE_LOG", "loud"),
    ],
)
async def test_an_invalid_setting(tmp_path: Path, name: str, value: str) -> None:
    sentence = await Server(tmp_path / "data", {name: value}).refuses_to_start()
    assert f"Set {name} to" in sentence
    assert not (tmp_path / "data").exists()


async def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = await Server(tmp_path / "data", port=port).refuses_to_start()
    assert str(port) in sentence
    assert "Set PORT to" in sentence


async def test_a_data_folder_in_use(server: Server) -> None:
    sentence = await Server(server.data).refuses_to_start()
    assert "ROUNDTABLE_DATA" in sentence


async def test_what_is_kept_is_for_the_owner_alone(server: Server) -> None:
    await server.create_lesson()
    kept = sorted(path for path in server.data.iterdir() if path.is_file())
    assert {path.name for path in kept} >= {"secret", "journal.sqlite"}
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in kept} == dict.fromkeys(
        (path.name for path in kept), "0o600"
    )
    await server.stop()

    # A secret that others may read is no secret: the next start says so, and says what to do.
    (server.data / "secret").chmod(0o644)
    sentence = await Server(server.data).refuses_to_start()
    assert "chmod 600" in sentence
