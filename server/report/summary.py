"""A group's text as a document: Markdown in, safe HTML out."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

_TAGS = {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "strong",
    "em",
    "ul",
    "ol",
    "li",
    "blockquote",
    "br",
    "hr",
    "code",
    "pre",
}


def render_summary(text: str) -> str:
    """Give a group's Markdown as HTML that holds text and its shape alone: no links, pictures, classes or scripts.

    Both layers hold alone: the parser takes HTML for text, and what it makes is cleaned to a list of tags.
    """
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
        ["link", "reference", "image", "autolink", "html_inline", "code"]
    )
    return nh3.clean(parser.render(text), tags=_TAGS, attributes={"ol": {"start"}}, link_rel=None)


def summary_markdown(name: str, text: str) -> str:
    """Give a room's text as a Markdown file with its room's name above."""
    return f"# {name}\n\n{text.rstrip()}\n"
