import pytest

from app.api.negotiation import choose
from app.errors import NotAcceptable
from app.rendering import Form


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Form.PNG),
        ("", Form.PNG),
        ("*/*", Form.PNG),
        ("image/*", Form.PNG),
        ("image/png", Form.PNG),
        ("image/webp", Form.WEBP),
        ("IMAGE/JPEG", Form.JPEG),
        ("application/json", Form.JSON),
        ("application/zip", Form.ZIP),
        ("application/*", Form.JSON),
        ("application/json, */*;q=0.5", Form.JSON),
        ("image/webp;q=0.3, image/jpeg;q=0.9", Form.JPEG),
        ("image/png;q=0, image/*", Form.WEBP),
        ("image/*;q=0.5, image/jpeg", Form.JPEG),
        ("text/html, image/avif, image/webp, */*;q=0.8", Form.WEBP),
        ("image/webp, image/png", Form.PNG),
        ("image/png;q=2", Form.PNG),
        ("image/webp;charset=x", Form.WEBP),
        ("nonsense, image/webp", Form.WEBP),
        ("image/jpeg;q=high, image/webp", Form.WEBP),
    ],
)
def test_the_accept_header_picks(accept: str | None, form: Form) -> None:
    assert choose(None, accept) is form


@pytest.mark.parametrize(
    "accept", ["text/html", "image/gif", "*/*;q=0", "image/*;q=0", "nonsense", ";;;,", "image/png;q=x"]
)
def test_what_cannot_be_made_is_said(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="image/png, image/webp, image/jpeg, application/json, application/zip"):
        choose(None, accept)


@pytest.mark.parametrize("field", ["png", "webp", "jpeg", "json", "zip"])
def test_the_field_wins_over_the_header(field: str) -> None:
    assert choose(field, "text/html").value == field
