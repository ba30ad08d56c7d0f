"""What a service answers instead of what was asked for.

    ServiceError
    |-- InvalidRequest    the request has to change; `fields` says where
    |   |-- Unauthorized
    |   |-- UnknownModel
    |   `-- CannotEncode
    |-- Busy              429: too much at once, and still so when patience was over
    |-- Unavailable       503: it takes no work now, and still did not when patience was over
    `-- Failed            any other 5xx: it broke, or was too late

A connection that fails or ends too early is httpx's to tell: httpx.TransportError.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from tessera_client.patience import retry_after

_SHOWN = 200


class ServiceError(Exception):
    """From a problem document (RFC 9457), or from whatever a proxy on the way said instead (then `code` is empty).

    code: stable; what to branch on. detail: a sentence for people. fields: field -> what is wrong with it.
    retry_after: seconds. request_id: what the service's log calls the request.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(f"{status} {code}: {detail}" if code else f"{status}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = dict(fields or {})
        self.retry_after = retry_after
        self.request_id = request_id


class InvalidRequest(ServiceError):
    pass


class Unauthorized(InvalidRequest):
    pass


class UnknownModel(InvalidRequest):
    pass


class CannotEncode(InvalidRequest):
    pass


class Busy(ServiceError):
    pass


class Unavailable(ServiceError):
    pass


class Failed(ServiceError):
    pass


_BY_CODE = {"unauthorized": Unauthorized, "unknown_model": UnknownModel, "cannot_encode": CannotEncode}
_BY_STATUS = {401: Unauthorized, 429: Busy, 503: Unavailable}


def of_response(response: httpx.Response) -> ServiceError:
    """The response must have been read."""
    wait = retry_after(response.headers)
    identity = response.headers.get("x-request-id", "")
    problem = _problem(response)
    if problem is None:
        detail = response.text.strip()[:_SHOWN] or response.reason_phrase
        return _kind(response.status_code)(response.status_code, detail, retry_after=wait, request_id=identity)
    return of_problem(problem, wait, identity)


def of_problem(problem: Mapping[str, Any], wait: float | None = None, identity: str = "") -> ServiceError:
    """A problem document: of a response, or of one request of a batch."""
    status, code = int(problem["status"]), str(problem.get("code", ""))
    return _kind(status, code)(
        status,
        str(problem.get("detail", "")),
        code=code,
        fields={error["field"]: error["message"] for error in problem.get("errors", ())},
        retry_after=problem.get("retry_after", wait),
        request_id=problem.get("request_id", identity),
    )


def _kind(status: int, code: str = "") -> type[ServiceError]:
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or (InvalidRequest if status < 500 else Failed)


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        document = json.loads(response.content)
    except ValueError:
        return None
    return document if isinstance(document, dict) and isinstance(document.get("status"), int) else None
