"""manifest.json before it is a Manifest: whether it is one clean JSON document, by which rules, and what is wrong."""

import json
import math
from typing import Any

from pydantic import ValidationError

_SHOWN_ERRORS = 3


def schema_version(data: bytes) -> Any:
    """The value of `schema_version`, whatever it is. Raises ValueError unless `data` is one clean JSON object."""
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_key_twice, parse_constant=_finite, parse_float=_finite
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document.get("schema_version")


def sentence(error: ValidationError) -> str:
    """The first few problems as `field: what it should be`, in one line."""
    problems = []
    for problem in error.errors(include_url=False, include_context=False)[:_SHOWN_ERRORS]:
        place = ".".join(str(part) for part in problem["loc"] if part != "[key]")[:200]
        text = problem["msg"].removeprefix("Value error, ")[:200]
        problems.append(f"{place}: {text}" if place else text)
    more = error.error_count() - len(problems)
    return "; ".join(problems) + (f" (and {more} more)" if more else "")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers differ in which of the two they take, so what one checked another could load.
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return keys


def _finite(number: str) -> float:
    # NaN and Infinity are Python's own addition to JSON; 1e999 would become one of them.
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number[:40]} is no number")
    return value
