"""Templates, message catalogues and built assets: how a page becomes HTML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import jinja2
import msgspec
import segno
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from server.core.patch import JSON
from server.errors import Refused, fill
from server.settings import Assets

LANGUAGES = ("en", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})
_SHARED_CATALOGUES = {"teach": ("evidence",), "report": ("evidence",), "document": ("evidence",)}


class _Built(msgspec.Struct):
    """One page's files, as the build lists them."""

    file: str = ""
    css: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class Pages:
    """Renders templates with the messages of the reader's language."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._manifest = msgspec.json.decode((assets.dist / "manifest.json").read_bytes(), type=dict[str, _Built])
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(assets.templates),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._environment.globals["asset"] = self._asset
        self._environment.globals["imports"] = self._imports
        self._environment.globals["later"] = self._later
        self._messages = lru_cache(maxsize=64)(self._read_messages)
        self._refusals = {
            language: _read_catalogue(assets.messages / language / "refusals.json") for language in LANGUAGES
        }

    def render(
        self,
        request: Request,
        page: str,
        boot: Mapping[str, JSON] | None = None,
        *,
        language: str | None = None,
        status: int = 200,
        **values: object,
    ) -> HTMLResponse:
        """Render ``templates/<page>.html``; ``boot`` is what its script starts from."""
        language = language or preferred_language(request)
        messages = self._messages(language, page)

        def translate(key: str, **fields: object) -> str:
            return fill(messages.get(key, key), fields)

        nonce = request.state.csp_nonce
        html = self._environment.get_template(f"{page}.html").render(
            t=translate,
            lang=language,
            dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
            csp_nonce=nonce,
            boot={**(boot or {}), "messages": messages, "nonce": nonce, "language": language},
            **values,
        )
        return HTMLResponse(html, status)

    def say(self, refused: Refused, language: str) -> str:
        """Give a refusal's sentence in a language: in English, its source, where the catalogue does not have it."""
        values: dict[str, str] = {}
        for name, value in refused.values.items():
            if isinstance(value, Refused):
                values[name] = self.say(value, language)
            elif isinstance(value, str) and language in RIGHT_TO_LEFT:
                values[name] = isolated(value)
            else:
                values[name] = str(value)
        return fill(self._refusals[language].get(refused.template, refused.template), values)

    def _asset(self, name: str) -> str:
        """Give the address of a built file by its logical name, such as ``join.js`` or ``join.css``."""
        page, kind = name.rsplit(".", 1)
        built = self._manifest[page]
        return f"/static/{built.css[0] if kind == 'css' else built.file}"

    def _imports(self, page: str) -> list[str]:
        """Give the addresses of what a page's script imports, to be fetched with it and not after it."""
        return [f"/static/{each}" for each in self._manifest[page].imports]

    def _later(self, page: str) -> list[str]:
        """Give the addresses of what a page's script loads on demand, for a page that will need it for certain."""
        return [f"/static/{each}" for each in self._manifest[page].later]

    def _read_messages(self, language: str, page: str) -> dict[str, str]:
        messages: dict[str, str] = {}
        for each in dict.fromkeys(("en", language)):
            for name in ("common", *_SHARED_CATALOGUES.get(page, ()), page):
                messages |= _read_catalogue(self._assets.messages / each / f"{name}.json")
        return messages


def _read_catalogue(path: Path) -> dict[str, str]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.is_file() else {}


def isolated(text: str) -> str:
    """Keep what people wrote in its own direction: "Sam (2)" in an Arabic sentence loses its bracket otherwise."""
    return f"\u2068{text}\u2069"  # first strong isolate … pop directional isolate (UAX #9)


def preferred_language(request: HTTPConnection) -> str:
    """Give the first language of ours that the browser asks for, or English."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return asked
    for part in request.headers.get("accept-language", "").split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def qr_svg(url: str) -> str:
    """Draw an address as a QR code: an SVG element without a fixed size."""
    return str(segno.make(url, error="m").svg_inline(omitsize=True, border=2, light="#fff", dark="#000"))
