"""Tokens, cookies, origins and the secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.errors import Forbidden, NotSignedIn, SettingsError
from server.settings import Settings
from server.web.auth import Grant, Tokens, load_secret, require_same_site

SECRET = "s" * 40
TOKENS = Tokens(SECRET, secure=False)


def connection(query: str = "", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": query.encode(), "path": "/"})


def cookie_of(response: Response) -> str:
    return response.headers["set-cookie"].split(";")[0]


def test_a_token_says_who_it_is() -> None:
    grant = Grant("participant", "lesson", "ana")
    assert TOKENS.verify(TOKENS.sign(grant)) == grant


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ä", "." * 200])
def test_what_is_no_token_grants_nothing(token: str) -> None:
    assert TOKENS.verify(token) is None


def test_a_token_of_another_server_or_purpose_grants_nothing() -> None:
    grant = Grant("teacher", "lesson")
    assert Tokens("t" * 40, secure=False).verify(TOKENS.sign(grant)) is None
    other_purpose = URLSafeTimedSerializer(SECRET, salt="something else").dumps(["teacher", "lesson", None])
    assert TOKENS.verify(other_purpose) is None


def test_a_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    token = TOKENS.sign(Grant("projector", "lesson"))
    from itsdangerous import TimestampSigner

    later = TimestampSigner("x").get_timestamp() + 3 * 24 * 60 * 60
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: later)
    assert TOKENS.verify(token) is None


def test_a_presented_token_decides_alone() -> None:
    response = Response()
    TOKENS.remember(connection(), response, Grant("teacher", "lesson"))
    cookie = cookie_of(response)
    token = TOKENS.sign(Grant("projector", "lesson"))
    asked = connection(f"token={token}", cookie=cookie)
    assert TOKENS.authenticate(asked, "lesson").scope == "projector"
    with pytest.raises(Forbidden):
        TOKENS.authenticate(asked, "lesson", ("teacher",))
    with pytest.raises(Forbidden):
        TOKENS.authenticate(connection(f"token={token}"), "another")
    with pytest.raises(NotSignedIn):
        TOKENS.authenticate(connection("token=forged", cookie=cookie), "lesson")


def test_a_browser_holds_several_lessons_and_roles() -> None:
    cookies: dict[str, str] = {}

    def keep(grant: Grant) -> None:
        response = Response()
        TOKENS.remember(connection(cookie="; ".join(cookies.values())), response, grant)
        cookies[grant.scope] = cookie_of(response)

    for number in range(25):
        keep(Grant("teacher", f"lesson-{number}"))
    keep(Grant("participant", "lesson-24", "ana"))
    everything = "; ".join(cookies.values())
    assert len(everything) < 4096
    browser = connection(cookie=everything)
    assert [grant.lesson for grant in TOKENS.grants(browser, "teacher")][:2] == ["lesson-24", "lesson-23"]
    assert len(TOKENS.grants(browser, "teacher")) == 20
    assert TOKENS.authenticate(browser, "lesson-24").scope == "teacher"
    chosen = connection("role=participant", cookie=everything)
    assert TOKENS.authenticate(chosen, "lesson-24").participant == "ana"
    with pytest.raises(Forbidden):
        TOKENS.authenticate(browser, "lesson-24", ("projector",))
    with pytest.raises(NotSignedIn):
        TOKENS.authenticate(browser, "lesson-1", ("teacher",))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "host": "classroom.example"},
        {"origin": "null", "host": "classroom.example"},
        {"origin": "https://classroom.example.evil.example", "host": "classroom.example"},
        {"sec_fetch_site": "cross-site", "host": "classroom.example"},
        {"sec_fetch_site": "same-site", "host": "classroom.example"},
    ],
)
def test_a_foreign_page_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        require_same_site(connection(**headers), None)


@pytest.mark.parametrize(
    ("headers", "public_url"),
    [
        ({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}, None),
        ({"origin": "https://classroom.example", "host": "10.0.0.7:8000"}, "https://classroom.example"),
        ({"sec_fetch_site": "same-origin", "host": "classroom.example"}, None),
        ({"host": "classroom.example"}, None),
    ],
)
def test_own_pages_and_programs_are_let_in(headers: dict[str, str], public_url: str | None) -> None:
    require_same_site(connection(**headers), public_url)


def test_the_secret_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    secret = load_secret(settings)
    path = tmp_path / "data" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(secret) >= 48
    assert load_secret(settings) == secret
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_secret(settings)
    path.chmod(0o600)
    path.write_text("")
    with pytest.raises(SettingsError, match="not a whole secret"):
        load_secret(settings)
    assert load_secret(Settings(data=tmp_path, secret="given " * 8)) == "given " * 8
