"""The results of a batch as one body: JSON, a ZIP of files, or multipart/mixed (RFC 2046, 5.1)."""

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.api import problems
from app.api.seed_runs import written
from app.pipeline import Answer
from app.rendering import entry

_EXTENSIONS = {
    "image/png": "png",
    "image/webp": "webp",
    "image/jpeg": "jpg",
    "application/json": "json",
    "application/zip": "zip",
}


class BatchForm(Enum):
    """In order of preference."""

    JSON = "json"
    ZIP = "zip"
    MULTIPART = "multipart"

    @property
    def media_type(self) -> str:
        return "multipart/mixed" if self is BatchForm.MULTIPART else f"application/{self.value}"


@dataclass(frozen=True, slots=True)
class Result:
    """An answer and its seeds, or a problem document."""

    answer: Answer | None
    seeds: list[int]
    problem: dict[str, Any] | None = None


def write(form: BatchForm, results: list[Result]) -> bytes:
    """Equal results give equal bytes."""
    return {BatchForm.JSON: _json, BatchForm.ZIP: _zip, BatchForm.MULTIPART: _multipart}[form](results)


def content_type(form: BatchForm, content: bytes) -> str:
    """Of a body that `write` made: multipart names its boundary, which the body begins with."""
    if form is not BatchForm.MULTIPART:
        return form.media_type
    boundary = content[2 : content.index(b"\r\n")].decode("ascii")
    return f'multipart/mixed; boundary="{boundary}"'


def _json(results: list[Result]) -> bytes:
    rows = [
        _facts(result) | ({"b64": base64.b64encode(result.answer.body).decode("ascii")} if result.answer else {})
        for result in results
    ]
    return json.dumps({"results": rows}, separators=(",", ":")).encode()


def _zip(results: list[Result]) -> bytes:
    """The answers as files, and results.jsonl: one line a request. Stored: what can be compressed already is."""
    buffer = io.BytesIO()
    rows = []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for i, result in enumerate(results):
            row = _facts(result)
            if result.answer is not None:
                name = f"{i:03d}.{_EXTENSIONS[result.answer.media_type]}"
                archive.writestr(entry(name), result.answer.body)
                row = {"file_name": name, **row}
            rows.append(json.dumps(row))
        archive.writestr(entry("results.jsonl"), "\n".join(rows) + "\n")
    return buffer.getvalue()


def _multipart(results: list[Result]) -> bytes:
    parts = [_part(result) for result in results]
    # Long and drawn from the content: no part can hold it by accident, and equal results keep equal bytes.
    digest = hashlib.sha256()
    for head, body in parts:
        digest.update(head)
        digest.update(body)
    mark = b"--tessera-" + digest.hexdigest()[:40].encode()
    pieces = [piece for head, body in parts for piece in (mark, b"\r\n", head, b"\r\n", body, b"\r\n")]
    return b"".join((*pieces, mark, b"--\r\n"))


def _part(result: Result) -> tuple[bytes, bytes]:
    if result.answer is None:
        lines = {"Content-Type": problems.MEDIA_TYPE}
        body = json.dumps(result.problem).encode()
    else:
        lines = {
            "Content-Type": result.answer.media_type,
            "ETag": f'"{result.answer.etag}"',
            "X-Tessera-Model": result.answer.model,
            "X-Tessera-Seeds": written(result.seeds),
        }
        body = result.answer.body
    lines["Content-Length"] = str(len(body))
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("latin-1"), body


def _facts(result: Result) -> dict[str, Any]:
    if result.answer is None:
        assert result.problem is not None
        return {"status": result.problem["status"], "problem": result.problem}
    answer = result.answer
    return {
        "status": 200,
        "model": answer.model,
        "seeds": result.seeds,
        "media_type": answer.media_type,
        "etag": answer.etag,
    }
