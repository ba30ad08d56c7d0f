"""What both clients have in common: where the service is, and how long they go on asking."""

import time
from typing import Any

import httpx

from tessera_client import calls, errors
from tessera_client.fields import File, Label
from tessera_client.patience import Patience


class Base:
    def __init__(self, url: str, patience_s: float) -> None:
        self._url = url.rstrip("/")
        self._patience_s = patience_s

    def image_url(
        self,
        model: str,
        key: str,
        *,
        size: int | None = None,
        label: Label | None = None,
        psi: float | None = None,
        form: File = "png",
    ) -> str:
        """The address of the image of a key, which is any string. Nothing is asked."""
        return self._url + calls.image_path(model, key, form, size, label, psi)

    def _options(self, api_key: str | None, timeout_s: float) -> dict[str, Any]:
        """Arguments for httpx."""
        headers = {} if api_key is None else {"authorization": f"Bearer {api_key}"}
        return {"base_url": self._url, "headers": headers, "timeout": timeout_s}

    def _patience(self) -> Patience:
        return Patience(time.monotonic() + self._patience_s)

    def _seconds(self, response: httpx.Response, patience: Patience) -> float:
        """How long to wait before asking again. Raises ServiceError when that is not worth it."""
        seconds = patience.wait(response, time.monotonic())
        if seconds is None:
            raise errors.of_response(response)
        return seconds
