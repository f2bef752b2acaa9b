"""Built files: packed for whoever takes them packed, plain for everyone else, and kept by the browser either way."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.types import Scope

from server.app import BuiltFiles

SCRIPT = b"export const words = 1;\n"


@pytest.fixture
def files(tmp_path: Path) -> BuiltFiles:
    (tmp_path / "page-1.js").write_bytes(SCRIPT)
    (tmp_path / "page-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "licenses.txt").write_bytes(b"MIT")
    return BuiltFiles(directory=tmp_path)


def asking(encodings: str) -> Scope:
    headers = [(b"accept-encoding", encodings.encode())] if encodings else []
    return {"type": "http", "method": "GET", "path": "/", "headers": headers}


async def test_a_browser_gets_the_packed_copy(files: BuiltFiles) -> None:
    response = await files.get_response("page-1.js", asking("gzip, deflate, br"))
    assert isinstance(response, FileResponse)
    assert Path(response.path).name == "page-1.js.gz"
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize(("path", "encodings"), [("page-1.js", ""), ("page-1.js", "br"), ("licenses.txt", "gzip")])
async def test_everyone_else_gets_the_file_itself(files: BuiltFiles, path: str, encodings: str) -> None:
    response = await files.get_response(path, asking(encodings))
    assert isinstance(response, FileResponse)
    assert Path(response.path).name == path
    assert "content-encoding" not in response.headers
    assert "immutable" in response.headers["cache-control"]


async def test_what_is_not_there_is_not_there_packed(files: BuiltFiles) -> None:
    with pytest.raises(HTTPException) as refused:
        await files.get_response("page-2.js", asking("gzip"))
    assert refused.value.status_code == 404
