"""A group's Markdown becomes HTML that holds text and shape alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.report.summary import render_summary, summary_markdown


def test_what_the_toolbar_makes_is_shown() -> None:
    html = render_summary("# Acorns\n\n**bold** and *italic*\n\n- one\n- two\n\n> said\n\n3. third")
    for part in ("<h1>Acorns</h1>", "<strong>bold</strong>", "<em>italic</em>", "<li>one</li>", "<blockquote>"):
        assert part in html
    assert '<ol start="3">' in html


def test_each_line_break_is_one() -> None:
    assert render_summary("one\ntwo") == "<p>one<br>\ntwo</p>\n"
    assert "<pre>" not in render_summary("    four spaces are no code")


def test_a_source_in_brackets_stays_where_it_was_written() -> None:
    assert "[Museum]: https://acorns.example" in render_summary("Our text.\n\n[Museum]: https://acorns.example\n")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "<https://evil.example>",
        '<a href="https://evil.example" onclick="x">a</a>',
        "<svg/onload=alert(1)>",
        "&lt;script&gt;",
    ],
)
def test_nothing_runs_or_leads_away(text: str) -> None:
    html = render_summary(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "<a" not in html
    assert "<svg" not in html


@given(st.text(max_size=200))
def test_any_text_gives_only_the_tags_of_the_list(text: str) -> None:
    html = render_summary(text)
    opened = {part.split(">")[0].split(" ")[0].strip("/") for part in html.split("<")[1:]}
    assert opened <= {
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "strong", "em", "ul", "ol", "li"),
        *("blockquote", "br", "hr", "code", "pre"),
    }


def test_the_file_has_the_room_above_it() -> None:
    assert summary_markdown("Acorns", "Text.\n\n") == "# Acorns\n\nText.\n"
