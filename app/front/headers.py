"""One header of a request, for what asks for one or two: the framework's Headers object costs ten times as much."""

from app.front.limits import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first of this name, which is written in lower case; None: there is none."""
    for known, value in scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None
