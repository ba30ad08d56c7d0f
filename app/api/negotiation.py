"""Which form an answer takes: the `format` field, else the Accept header (RFC 9110, 12.5.1), else PNG."""

from app.errors import NotAcceptable
from app.rendering import Form

# In the service's own order of preference, which decides between equal qualities.
_OFFERS: tuple[tuple[str, Form], ...] = tuple((form.media_type, form) for form in Form)


def choose(field: str | None, accept: str | None) -> Form:
    """Raises NotAcceptable when the header admits none of the forms; the field, when given, wins."""
    if field is not None:
        return Form(field)
    if not accept or accept == "*/*":
        return Form.PNG
    ranges = [parsed for part in accept.split(",") if (parsed := _parse(part)) is not None]
    best, quality = Form.PNG, 0.0
    for media_type, form in _OFFERS:
        offered = _quality(media_type, ranges)
        if offered > quality:
            best, quality = form, offered
    if quality <= 0:
        offers = ", ".join(media_type for media_type, _ in _OFFERS)
        raise NotAcceptable(f"cannot make {accept[:200]}; this route offers {offers}", "Accept")
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
