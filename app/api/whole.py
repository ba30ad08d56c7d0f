"""An answer that is all there, its head as it is sent: the framework's own way to a head takes some thirty calls."""

from starlette.responses import Response

Headers = list[tuple[bytes, bytes]]


class Whole(Response):
    """headers: besides type and length."""

    def __init__(self, status: int, body: bytes, media_type: str, headers: Headers) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        about = (b"content-length", b"%d" % len(body)), (b"content-type", media_type.encode())
        self.raw_headers = [*headers, *about]
