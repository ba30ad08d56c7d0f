"""Pydantic's error list as (field, message) pairs in the caller's words."""

import re
from collections.abc import Iterable
from typing import Any

# Pydantic puts the tried member of a union into the location; the caller knows no such field.
_UNION_MEMBER = re.compile(r"int|str|float|bool|none|nullable|(constrained-|function-|literal\[|list\[|tagged-).*")

_WORDS = {
    "extra_forbidden": "is not a field of this request",
    "missing": "is required",
}


def named_errors(found: Iterable[Any]) -> list[tuple[str, str]]:
    """One pair a field, in order of appearance; a field is written like `labels.3` (empty: the body itself)."""
    messages: dict[str, list[str]] = {}
    for error in found:
        said = messages.setdefault(_path(error["loc"]), [])
        message = _WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
        if message not in said:
            said.append(message)
    return [(field, "; or: ".join(said)) for field, said in messages.items()]


def _path(location: tuple[int | str, ...]) -> str:
    inside = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    parts = [str(part) for i, part in enumerate(inside) if i == 0 or not _is_union_member(part)]
    return ".".join(parts)


def _is_union_member(part: int | str) -> bool:
    return isinstance(part, str) and _UNION_MEMBER.fullmatch(part) is not None
