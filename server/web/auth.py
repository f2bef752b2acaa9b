"""Who is asking: signed, scoped, expiring tokens, in cookies for browsers and in a header or query for programs."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.core.commands import Actor
from server.errors import Forbidden, NotSignedIn, SettingsError, Unavailable
from server.redis_link import FAILURES
from server.redis_shards import Links
from server.settings import Settings

Scope = Literal["teacher", "participant", "projector", "guardian"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_DAY_SECS = 24 * 60 * 60
_LIFETIME_SECS: dict[Scope, int] = {
    "teacher": 60 * _DAY_SECS,
    "participant": 14 * _DAY_SECS,  # a project goes over two weeks
    "projector": 2 * _DAY_SECS,
    "guardian": 30 * _DAY_SECS,
}
# A browser keeps so many lessons in one cookie: 4 kB is what a cookie may hold and 8 kB what a websocket handshake's
# header line may; a token takes 90 bytes.
_KEPT: dict[Scope, int] = {"teacher": 20, "participant": 6, "projector": 4, "guardian": 4}
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: its holder is this, in this lesson."""

    scope: Scope
    lesson: str
    participant: str | None = None

    @property
    def actor(self) -> Actor:
        """The person, as the core knows them."""
        return Actor(self.scope, self.participant)


class Tokens:
    """Signs grants and checks them."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="roundtable.grant")
        self._secure = secure

    def sign(self, grant: Grant) -> str:
        """Give the token for a grant."""
        return self._serializer.dumps([grant.scope, grant.lesson, grant.participant])

    def verify(self, token: str) -> Grant | None:
        """Give what a token grants, or None when it is not ours or has expired."""
        try:
            payload = self._serializer.loads(token)
            scope, lesson, participant = payload
            grant = Grant(scope, lesson, participant)
            self._serializer.loads(token, max_age=_LIFETIME_SECS[grant.scope])
        except (BadData, ValueError, TypeError, KeyError):
            return None
        return grant

    def grants(self, connection: HTTPConnection, scope: Scope) -> list[Grant]:
        """Give the grants of one scope in this browser's cookie, newest first."""
        tokens = connection.cookies.get(_cookie(scope), "").split(_SEPARATOR)
        found = (self.verify(token) for token in tokens[: _KEPT[scope]] if token)
        return [grant for grant in found if grant is not None and grant.scope == scope]

    def remember(self, connection: HTTPConnection, response: Response, grant: Grant) -> None:
        """Keep a grant in the browser, in front of the others of its scope; one grant a lesson."""
        others = [other for other in self.grants(connection, grant.scope) if other.lesson != grant.lesson]
        self._keep(response, grant.scope, [grant, *others])

    def forget(self, connection: HTTPConnection, response: Response, scope: Scope, lesson: str) -> None:
        """Drop this browser's grant of one scope for a lesson."""
        self._keep(response, scope, [grant for grant in self.grants(connection, scope) if grant.lesson != lesson])

    def _keep(self, response: Response, scope: Scope, grants: Iterable[Grant]) -> None:
        value = _SEPARATOR.join(self.sign(grant) for grant in list(grants)[: _KEPT[scope]])
        response.set_cookie(
            _cookie(scope),
            value,
            max_age=_LIFETIME_SECS[scope],
            httponly=True,
            samesite="lax",  # strict would sign a teacher out who follows a link from the school's own pages
            secure=self._secure,
        )

    def authenticate(self, connection: HTTPConnection, lesson: str, scopes: Iterable[Scope] = SCOPES) -> Grant:
        """Find who is asking about a lesson, as one of ``scopes`` in this order.

        A token in the query or the Authorization header decides alone; without one the cookies do. A page says in the
        query which person it is: another child may have joined on this device since, and its words are not theirs.
        Raises NotSignedIn without a valid token, Forbidden with one that is for something else.
        """
        scopes = tuple(scopes)
        token = presented_token(connection)
        if token is not None:
            grant = self.verify(token)
            if grant is None:
                raise NotSignedIn("This link has expired or is not complete. Ask for a new one.")
            if grant.lesson != lesson or grant.scope not in scopes:
                raise Forbidden("This link is for something else. Ask for the one that is meant for you.")
            return grant
        wanted = connection.query_params.get("role")
        person = connection.query_params.get("participant")
        for scope in scopes:
            if wanted is None or wanted == scope:
                for grant in self.grants(connection, scope):
                    if grant.lesson == lesson and person in {None, grant.participant}:
                        return grant
        known = any(grant.lesson == lesson for scope in SCOPES for grant in self.grants(connection, scope))
        if known and person is None:
            raise Forbidden(
                "You cannot do this in this lesson. Join with the code on the board, or ask for a link of your own."
            )
        raise NotSignedIn("This browser is not in this lesson. Join with the code on the board.")


def presented_token(connection: HTTPConnection) -> str | None:
    """Give the token that a program sent, or None."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return connection.query_params.get("token") or None


def _cookie(scope: Scope) -> str:
    return f"roundtable_{scope}"


def require_same_site(connection: HTTPConnection, public_url: str | None) -> None:
    """Raise Forbidden when a foreign page sent this request.

    Programs send no Origin and no cookies of ours; a browser always sends Origin with a websocket and with an unsafe
    request. A request that a browser marks as cross-site is refused even where an old proxy dropped the Origin. A token
    changes nothing: who joins or starts a lesson needs none, and the answer sets cookies.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        own_page = connection.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    else:
        own = {connection.headers.get("host", "")}
        if public_url is not None:
            own.add(urlsplit(public_url).netloc)
        site = origin.partition("://")[2]
        own_page = site != "" and site in own
    if not own_page:
        raise Forbidden(
            "This request came from another website. Open the lesson's own link and try again.", reason="origin"
        )


def load_secret(settings: Settings) -> str:
    """Give the secret that signs tokens: the one set, or the one made at first start and kept for the owner alone.

    Raises SettingsError when the file cannot be made or others may read it.
    """
    if settings.secret is not None:
        return settings.secret
    path = settings.data / "secret"
    try:
        return _read_secret(path) if path.exists() else _make_secret(path)
    except OSError as error:
        raise SettingsError(
            f"The secret at {path} cannot be used ({error.strerror}). Set ROUNDTABLE_DATA to a folder that the server "
            "may write to, or set ROUNDTABLE_SECRET."
        ) from None


async def shared_secret(settings: Settings, links: Links) -> str:
    """Give the secret that signs tokens: the one set, or the one that the first process made for all.

    Whoever reads it in Redis can read every lesson there, too. Raises Unavailable when Redis is away.
    """
    if settings.secret is not None:
        return settings.secret
    made = secrets.token_urlsafe(48)
    try:
        (kept,) = await links.ask(("SET", "roundtable:secret", made, "NX", "GET"))
    except FAILURES as error:
        raise Unavailable("Redis does not give the secret that signs tokens. Start again when it is back.") from error
    return made if kept is None else str(kept, "ascii")


def _read_secret(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"Others on this machine may read {path}. Run: chmod 600 {path}")
    secret = path.read_text().strip()
    if len(secret) < 32:
        raise SettingsError(f"{path} is not a whole secret. Delete it; a new one is made, and everyone joins again.")
    return secret


def _make_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(48)
    # Whole or not at all: a disk that is full at the first start must not leave half a secret for the second.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink()
        raise
    return secret
