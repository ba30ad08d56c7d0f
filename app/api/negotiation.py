"""Which form an answer takes: the `format` field, else the Accept header (RFC 9110, 12.5.1), else PNG."""

from collections.abc import Sequence
from typing import TypeVar

from app.errors import NotAcceptable
from app.rendering import Form

T = TypeVar("T")

# In the service's own order of preference, which decides between equal qualities.
_OFFERS: tuple[tuple[str, Form], ...] = tuple((form.media_type, form) for form in Form)


def choose(field: str | None, accept: str | None) -> Form:
    """Raises NotAcceptable when the header admits none of the forms; the field, when given, wins."""
    return Form(field) if field is not None else prefer(accept, _OFFERS)


def prefer(accept: str | None, offers: Sequence[tuple[str, T]]) -> T:
    """The offer (media type, what it stands for) that the Accept header likes best, the first of equals.

    Raises NotAcceptable when it admits none.
    """
    best = offers[0][1]
    if not accept or accept == "*/*":
        return best
    ranges = [parsed for part in accept.split(",") if (parsed := _parse(part)) is not None]
    quality = 0.0
    for media_type, form in offers:
        offered = _quality(media_type, ranges)
        if offered > quality:
            best, quality = form, offered
    if quality <= 0:
        listed = ", ".join(media_type for media_type, _ in offers)
        raise NotAcceptable(f"cannot make {accept[:200]}; this route offers {listed}", "Accept")
    return best


def _parse(part: str) -> tuple[str, float] | None:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                return None
    return (media_range, quality) if "/" in media_range else None


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The most specific range that matches decides, whatever the order."""
    family = media_type.partition("/")[0]
    for wanted in (media_type, f"{family}/*", "*/*"):
        matching = [quality for media_range, quality in ranges if media_range == wanted]
        if matching:
            return max(matching)
    return 0.0
