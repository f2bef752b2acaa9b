"""Imports point one way: errors, settings → core → journal, bus → hub, moderator, report → web → app."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "server"

LAYER = {
    "errors": 0,
    "clock": 0,
    "settings": 1,
    "metrics": 1,
    "logs": 1,
    "redis_link": 1,
    "redis_shards": 2,
    "core": 2,
    "journal": 3,
    "bus": 3,
    "hub": 4,
    "moderator": 4,
    "report": 4,
    "web": 5,
    "app": 6,
    "demonstration_texts": 3,
    "demonstration": 6,
    "__main__": 7,
}
IMPURE = {
    "asyncio",
    "starlette",
    "uvicorn",
    "redis",
    "sqlite3",
    "time",
    "datetime",
    "random",
    "secrets",
    "os",
    "pathlib",
    "socket",
    "threading",
    "logging",
    "structlog",
    "pycrdt",
}
MODULES = sorted(path for path in SERVER.rglob("*.py") if path.name != "__init__.py" or path.parent != SERVER)


def room(path: Path) -> str:
    return path.relative_to(SERVER).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVER)))
def test_imports_point_one_way(path: Path) -> None:
    own = room(path)
    for module, name in imported(path):
        parts = [*module.split("."), *([name] if module == "server" and name else [])]
        if parts[0] != "server":
            continue
        other = parts[1]
        allowed = LAYER[other] < LAYER[own] or other == own
        assert allowed, f"{own} imports {module}"


@pytest.mark.parametrize("path", sorted((SERVER / "core").glob("*.py")), ids=lambda path: path.name)
def test_the_core_is_pure(path: Path) -> None:
    # Type hints may name random.Random: the generator itself is an argument.
    names = {(module.split(".")[0], name) for module, name in imported(path)}
    impure = {module for module, name in names if module in IMPURE and (module, name) != ("random", None)}
    assert not impure
    source = path.read_text()
    assert "random.random(" not in source
    assert "random.choice(" not in source
