"""The body of an upload: multipart/form-data (RFC 7578), as `curl -F` and browsers send it, held in memory.

The image is the one file, called `image`; every other part is a field of the request's model, written as text. What the
client says of the file (its name, its Content-Type) is not looked at: the bytes say what they are.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api import bodies
from app.errors import InvalidFields, InvalidForm
from app.images.decode import MAX_BYTES
from app.images.uploads import FIELD

T = TypeVar("T", bound=BaseModel)

MAX_BODY = MAX_BYTES + 65_536  # the image, the fields, and what stands between them
_MAX_FILES, _MAX_FIELDS = 8, 64
_MAX_TEXT = 65_536

_IMAGE = {"type": "string", "format": "binary", "description": "A PNG, JPEG or WebP file: at most 16 MP and 10 MB."}


class _Parser(MultiPartParser):
    spool_max_size = MAX_BODY  # never to a file: the whole body is in memory already


@dataclass(frozen=True)
class _Parts:
    fields: dict[str, str]
    images: list[bytes]
    wrong: list[tuple[str, str]]


def is_form(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "multipart/form-data"


async def read(kind: type[T], request: Request) -> tuple[T, bytes]:
    """The fields, validated, and the image's bytes. Raises InvalidForm, InvalidFields."""
    parts = await _parts(await _parse(request))
    wrong = list(parts.wrong)
    if len(parts.images) != 1 and not any(field == FIELD for field, _ in wrong):
        wrong.append((FIELD, f"one file is wanted, not {len(parts.images)}" if parts.images else "is required"))
    try:
        fields = kind.model_validate_strings(parts.fields)
    except ValidationError as error:
        raise InvalidFields([*wrong, *bodies.named(error)]) from None
    if wrong:
        raise InvalidFields(wrong)
    return fields, parts.images[0]


def documented(kind: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads `kind` and the image."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def with_image(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a model, and of the file beside its fields."""
    return schema | {
        "properties": {FIELD: _IMAGE, **schema["properties"]},
        "required": [FIELD, *schema.get("required", ())],
    }


async def _parse(request: Request) -> FormData:
    parser = _Parser(
        request.headers, request.stream(), max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_TEXT
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidForm(f"the form cannot be read: {error.message}") from None
    except FormParserError as error:
        raise InvalidForm(f"the form cannot be read: {error}") from None


async def _parts(form: FormData) -> _Parts:
    fields: dict[str, str] = {}
    images: list[bytes] = []
    wrong: list[tuple[str, str]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name == FIELD:
                images.append(await value.read())
            else:
                wrong.append((name, f"is no file of this request; the image is called {FIELD}"))
            await value.close()
        elif name == FIELD:
            wrong.append((name, f"must be a file: curl -F {FIELD}=@FILE"))
        elif name in fields:
            wrong.append((name, "is given twice"))
        else:
            fields[name] = value
    return _Parts(fields, images, wrong)
