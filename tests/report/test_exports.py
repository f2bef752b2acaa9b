"""The CSV opens safely in a spreadsheet."""

from __future__ import annotations

import csv
import io

from server.core.patch import JSONObject
from server.report.exports import report_csv


def report_of(name: str) -> JSONObject:
    member: JSONObject = {"name": name, "slots": 3, "present_seconds": 60, "standing": 12, "inserted": 20, "deleted": 8}
    return {"rooms": [{"name": "Table 1", "balance": {"value": 0.5, "word": "leaning"}, "members": [member]}]}


def rows_of(name: str) -> list[list[str]]:
    content = report_csv(report_of(name))
    assert content.startswith(b"\xef\xbb\xbf"), "spreadsheets take it for UTF-8 by this mark"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_one_row_a_member() -> None:
    header, row = rows_of("Zoë, the 2nd")
    assert dict(zip(header, row, strict=True))["name"] == "Zoë, the 2nd"
    assert dict(zip(header, row, strict=True))["slots"] == "3"
    assert dict(zip(header, row, strict=True))["balance"] == "0.5"


def test_a_name_is_never_a_formula() -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
        assert rows_of(name)[1][1] == f"'{name}"


def test_a_name_is_no_formula_where_semicolons_end_a_cell() -> None:
    for name in ("Ada;=1+1", "Ada; =1+1;", "Ada,@SUM(A1)", ";-1"):
        content = report_csv(report_of(name)).decode("utf-8-sig")
        for separator in (";", ",", "\t"):
            for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator):
                assert not [cell for cell in row if cell.strip().startswith(("=", "+", "-", "@"))], (name, row)
    assert rows_of("Ada-Lou; Bo")[1][1] == "Ada-Lou; Bo"
