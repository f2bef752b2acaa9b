"""What a teacher takes away: CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from server.clock import now_ms
from server.core.events import decode_event
from server.core.participation import Participation
from server.core.patch import JSONObject
from server.journal import Entry, Journal
from server.report.figures import build_report
from server.report.summary import summary_markdown

_MEMBER_COLUMNS = (
    "slots",
    "present_seconds",
    "standing",
    "inserted",
    "deleted",
    "added_in_one_go",
    "restored",
    "offline",
)
_FORMULA = re.compile(r"(^|[;,\t])(?=\s*[=+\-@])")
"""Where a spreadsheet could begin a formula: in a cell, and behind what it takes for the end of one, which is the
semicolon wherever numbers have a comma."""


def report_csv(report: JSONObject) -> bytes:
    """Give one row a member of a room, UTF-8 with a byte order mark, which spreadsheets need to see the umlauts."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["room", "name", "balance", "word", *_MEMBER_COLUMNS])
    rooms: Any = report["rooms"]
    for room in rooms:
        balance = room["balance"]
        for member in room["members"]:
            writer.writerow(
                [
                    _cell(room["name"]),
                    _cell(member["name"]),
                    _cell(balance.get("value")),
                    _cell(balance.get("word")),
                    *(_cell(member.get(column)) for column in _MEMBER_COLUMNS),
                ]
            )
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: object) -> str:
    # A name typed by a child must not run as a formula on the teacher's machine (OWASP, CSV injection).
    text = "" if value is None else str(value)
    return _FORMULA.sub(r"\1'", text) if isinstance(value, str) else text


async def read_exports(journal: Journal, lesson: str) -> dict[str, bytes]:
    """Give a lesson's report and texts as files, by name. Raises NotFound."""
    participation = Participation(lesson)

    def receive(entries: Sequence[Entry]) -> None:
        for entry in entries:
            participation.apply(decode_event(entry.body), entry.at)

    (await journal.follow(lesson, receive)).close()
    report = build_report(participation, now_ms())
    files = {"report.json": msgspec.json.format(msgspec.json.encode(report)), "report.csv": report_csv(report)}
    rooms: Any = report["rooms"]
    for position, room in enumerate(rooms, 1):
        name = re.sub(r"[^\w-]+", "-", room["name"]).strip("-").lower()
        files[f"{position:02}-{name}.md"] = summary_markdown(room["name"], room["text"]).encode()
    return files
