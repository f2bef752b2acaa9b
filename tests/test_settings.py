"""Settings come from a mapping; a wrong one says what to set."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import SettingsError
from server.settings import Settings, read_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"PORT": "", "ROUNDTABLE_TEACHER_KEY": " "}) == Settings()


def test_every_setting_is_read() -> None:
    settings = read_settings(
        {
            "HOST": "0.0.0.0",
            "PORT": "9000",
            "ROUNDTABLE_DATA": "/srv/roundtable",
            "ROUNDTABLE_PUBLIC_URL": "https://classroom.example/",
            "ROUNDTABLE_TEACHER_KEY": "open sesame",
            "ROUNDTABLE_SECRET": "s" * 32,
            "ROUNDTABLE_RETENTION_DAYS": "7",
            "ROUNDTABLE_LOG": "json",
            "REDIS_URL": "redis://:password@10.0.0.5:6379/0",
            "ROUNDTABLE_REDIS_REPLICAS": "2",
            "ROUNDTABLE_REDIS_UNSAFE": "1",
        }
    )
    assert (settings.host, settings.port, settings.data) == ("0.0.0.0", 9000, Path("/srv/roundtable"))
    assert settings.public_url == "https://classroom.example"
    assert settings.secure
    assert (settings.teacher_key, settings.retention_days, settings.log_format) == ("open sesame", 7, "json")
    assert settings.redis_url == "redis://:password@10.0.0.5:6379/0"
    assert (settings.redis_replicas, settings.redis_unsafe) == (2, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "the internet"),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ROUNDTABLE_PUBLIC_URL", "classroom.example"),
        ("ROUNDTABLE_PUBLIC_URL", "https://classroom.example/lessons"),
        ("ROUNDTABLE_TEACHER_KEY", "sesame"),
        ("ROUNDTABLE_SECRET", "too short to sign with"),
        ("ROUNDTABLE_RETENTION_DAYS", "0"),
        ("ROUNDTABLE_LOG", "xml"),
        ("REDIS_URL", "http://10.0.0.5"),
        ("REDIS_URL", "redis://10.0.0.5:port"),
        ("ROUNDTABLE_REDIS_REPLICAS", "-1"),
        ("ROUNDTABLE_REDIS_UNSAFE", "perhaps"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_set(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"Set {name} to") as caught:
        read_settings({name: value})
    if name in {"ROUNDTABLE_TEACHER_KEY", "ROUNDTABLE_SECRET", "REDIS_URL"}:
        assert value not in str(caught.value), "messages end up in logs"


def test_the_readme_names_every_setting() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    source = (Path(__file__).parents[1] / "server" / "settings.py").read_text()
    names = {word.strip('"') for word in source.replace(",", " ").replace("(", " ").split() if word.startswith('"')}
    settings = {name for name in names if name in {"HOST", "PORT"} or name.startswith(("ROUNDTABLE_", "REDIS_"))}
    assert len(settings) >= 8
    for name in settings:
        assert f"`{name}`" in readme
