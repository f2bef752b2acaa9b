"""A page that cannot be shown says what to do next, to whoever it is for."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from server.settings import find_assets
from server.web.templates import Pages

ASKS_FOR_THE_CODE = 'action="/join"'
TRIES_AGAIN = '<a class="btn main big" href="">Try again</a>'


def error_page(code: str, *, teachers: bool = False) -> str:
    request = Request({"type": "http", "headers": [], "query_string": b"", "state": {"csp_nonce": "nonce"}})
    page = Pages(find_assets()).render(request, "error", code=code, message="Why not.", teachers=teachers)
    return bytes(page.body).decode()


@pytest.mark.parametrize("code", ["not_found", "not_signed_in", "forbidden", "ended", "malformed"])
def test_who_came_to_the_wrong_place_joins_with_the_code(code: str) -> None:
    page = error_page(code)
    assert ASKS_FOR_THE_CODE in page
    assert TRIES_AGAIN not in page


@pytest.mark.parametrize("code", ["too_fast", "unavailable", "failed"])
def test_who_came_at_the_wrong_moment_tries_again(code: str) -> None:
    page = error_page(code)
    assert TRIES_AGAIN in page
    assert ASKS_FOR_THE_CODE not in page


@pytest.mark.parametrize("code", ["not_signed_in", "forbidden"])
def test_a_teacher_whom_this_browser_does_not_know_is_told_the_way(code: str) -> None:
    page = error_page(code, teachers=True)
    assert "Open your lesson from the start page of the browser you started it in, or with its private link." in page
    assert "Why not." not in page
    assert "Why not." in error_page(code)
