"""Every exception the service raises on purpose, on one screen.

    TesseraError
    |-- RequestError            the caller's fault; names the field
    |   |-- InvalidField
    |   |-- InvalidFields       several fields at once
    |   |-- InvalidJSON
    |   |-- InvalidForm
    |   |-- UnknownModel
    |   |-- CannotEncode
    |   |-- PayloadTooLarge
    |   |-- ReceiveTimeout
    |   |-- UnsupportedMedia
    |   |-- NotAcceptable
    |   `-- Unauthorized
    |-- Overloaded              right request, wrong moment; carries retry_after
    |   |-- QueueFull
    |   `-- QuotaExceeded
    |-- Unavailable             the service itself cannot take work; carries retry_after
    |   |-- Draining
    |   `-- NotLoaded
    |-- DeadlineExceeded        accepted, but not finished in time
    |-- EngineFailed            the forward pass failed for this request
    |-- DeviceLost              the accelerator is gone; only a restart helps
    `-- ModelRejected           a published model that must not be served

What each means in HTTP is said in one table, app/api/problems.py; this file knows no HTTP.
"""

from collections.abc import Sequence
from pathlib import Path


class TesseraError(Exception):
    """Root of the tree. `code` is the stable, machine-readable name of the error."""

    code = "error"


class RequestError(TesseraError):
    """The request cannot be served as sent; `field` names the part to change (empty: the whole)."""

    code = "bad_request"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class InvalidField(RequestError):
    code = "invalid_field"


class InvalidFields(RequestError):
    """Several fields are wrong; `errors` holds each as (field, message)."""

    code = "invalid_field"

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        first = f"{errors[0][0]}: {errors[0][1]}" if errors[0][0] else errors[0][1]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first + more, errors[0][0])
        self.errors = tuple(errors)


class InvalidJSON(RequestError):
    code = "invalid_json"


class InvalidForm(RequestError):
    """A multipart/form-data body that cannot be taken apart."""

    code = "invalid_form"


class UnknownModel(RequestError):
    code = "unknown_model"


class CannotEncode(RequestError):
    code = "cannot_encode"


class PayloadTooLarge(RequestError):
    code = "payload_too_large"


class ReceiveTimeout(RequestError):
    """The request did not arrive whole in time."""

    code = "receive_timeout"


class UnsupportedMedia(RequestError):
    code = "unsupported_media"


class NotAcceptable(RequestError):
    """No media type of the Accept header can be made here."""

    code = "not_acceptable"


class Unauthorized(RequestError):
    code = "unauthorized"


class Overloaded(TesseraError):
    """Refused at once because it could not be finished in time; try again after `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Overloaded):
    code = "queue_full"


class QuotaExceeded(Overloaded):
    code = "quota_exceeded"


class Unavailable(TesseraError):
    """The service takes no work now; try again after `retry_after` seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Draining(Unavailable):
    code = "draining"


class NotLoaded(Unavailable):
    code = "not_loaded"


class DeadlineExceeded(TesseraError):
    code = "deadline_exceeded"


class EngineFailed(TesseraError):
    code = "engine_failed"


class DeviceLost(TesseraError):
    code = "device_lost"


class ModelRejected(TesseraError):
    """A model folder that fails its own manifest. The others go on serving."""

    code = "model_rejected"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder}: {reason}")
        self.folder = folder
        self.reason = reason
