"""Errors in the words of the protocol that a path belongs to, so that the protocol's own clients understand them.

A problem document (RFC 9457) is what the service says everywhere else; the other protocols' errors are made from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """prefix: of the paths that speak it. schema: its name in the OpenAPI document. told: from the problem document."""

    prefix: str
    media_type: str
    schema: str
    told: Callable[[Document], Document]


def _sentence(problem: Document) -> str:
    """Every wrong field by its name, where the protocol's error has room for one sentence."""
    if problem["code"] != "invalid_field":
        return str(problem["detail"])
    errors = problem.get("errors") or [{"field": "", "message": problem["detail"]}]
    return "; ".join(": ".join(filter(None, (error["field"], error["message"]))) for error in errors)


def _openai(problem: Document) -> Document:
    return {
        "error": {
            "message": _sentence(problem),
            "type": _OPENAI_TYPES.get(problem["status"], "invalid_request_error"),
            "param": problem.get("field"),
            "code": problem["code"],
        }
    }


_OPENAI_TYPES = {
    401: "authentication_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}

PROBLEM = Dialect("/", "application/problem+json", "Problem", lambda problem: problem)
OPENAI = Dialect("/v1/", "application/json", "OpenAIError", _openai)
INFERENCE = Dialect("/v2/", "application/json", "InferenceError", lambda problem: {"error": _sentence(problem)})


def spoken_at(path: str) -> Dialect:
    whole = f"{path}/"
    for dialect in (OPENAI, INFERENCE):
        if whole.startswith(dialect.prefix):
            return dialect
    return PROBLEM
