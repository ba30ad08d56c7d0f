"""Every setting of the service, read once from TESSERA_* environment variables (docs/settings.md explains each)."""

import difflib
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TESSERA_"

# What Kubernetes adds to every pod when a Service happens to be named "tessera" (Docker links look the same).
_SERVICE_LINK = re.compile(r"TESSERA_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_\w+|NAME|ENV_\w+)")


class Settings(BaseSettings):
    """Immutable; unknown names are reported by `unknown_variables`, not refused, because platforms inject their own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field(default="0.0.0.0", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 lets the system choose one.")
    models_dir: Path = Field(
        default=Path("models"), description="Folder of published models: NAME/VERSION/manifest.json."
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda|cuda:\d+)$",
        description="`auto` (CUDA if there is one), `cpu`, `cuda` or `cuda:N`.",
    )
    default_model: str = Field(
        default="",
        description="Model of requests that name none. Empty: `avatars` if it is loaded, else the first by name.",
    )
    max_batch_size: int = Field(default=64, ge=1, le=4096, description="Most images in one forward pass.")
    max_wait_ms: float = Field(
        default=0, ge=0, le=1000, description="Longest wait for a fuller batch, milliseconds; 0: none."
    )
    max_queue_images: int = Field(
        default=4096, ge=1, le=1_000_000, description="Images that may wait, all clients together."
    )
    max_images: int = Field(default=256, ge=1, le=1024, description="Most images in one request (`n`).")
    max_archive_images: int = Field(
        default=100_000, ge=1, le=1_000_000, description="Most images in one archive (POST /generate/archive)."
    )
    max_pixels: int = Field(
        default=16_777_216, ge=1, le=268_435_456, description="Most pixels in one answer, after padding and scale."
    )
    timeout_ms: int = Field(
        default=30_000, ge=1, le=600_000, description="Longest and default deadline of a request, milliseconds."
    )
    request_receive_timeout_s: float = Field(
        default=9,  # so that slow sockets are gone within ten
        gt=0,
        le=600,
        description="Longest time to receive a request, or to take none of an answer, seconds.",
    )
    max_body_bytes: int = Field(default=1_048_576, ge=1024, le=268_435_456, description="Largest request body, bytes.")
    drain_notice_s: float = Field(
        default=1,
        ge=0,
        le=300,
        description="After SIGTERM: how long new work is answered 503 before the port closes, seconds.",
    )
    shutdown_grace_s: float = Field(
        default=30, ge=0, le=3600, description="After SIGTERM: longest time to answer what was accepted, seconds."
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""), description="Comma-separated keys; when set, generating needs one (Bearer or X-API-Key)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line logged."
    )
    allow_tf32: Annotated[bool, Field(description="Let CUDA round products to TF32: faster, other low bits.")] = False

    @field_validator("port", mode="before")
    @classmethod
    def _not_a_service_link(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                f"is {value!r}: Kubernetes sets TESSERA_PORT for a Service named tessera; "
                "set enableServiceLinks: false in the pod, or set TESSERA_PORT to a number"
            )
        return value

    @field_validator("api_keys")
    @classmethod
    def _printable_keys(cls, value: SecretStr) -> SecretStr:
        for key in _split(value):
            if len(key) < 8 or not key.isascii() or not key.isprintable() or " " in key:
                raise ValueError("each key needs at least 8 printable ASCII characters and no space")
        return value

    def client_keys(self) -> dict[bytes, str]:
        """SHA-256 of each key -> the client name used for fairness and logs (never the key itself)."""
        digests = [hashlib.sha256(key.encode()).digest() for key in _split(self.api_keys)]
        return {digest: f"key-{digest.hex()[:8]}" for digest in digests}


def _split(keys: SecretStr) -> list[str]:
    return [key for part in keys.get_secret_value().split(",") if (key := part.strip())]


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """One sentence for each TESSERA_* variable that is no setting, with the nearest name that is."""
    known = [name.upper() for name in Settings.model_fields]
    names = os.environ if environment is None else environment
    sentences = []
    for name in sorted(names):
        upper = name.upper()
        setting = upper.removeprefix(PREFIX)
        if upper.startswith(PREFIX) and setting not in known and not _SERVICE_LINK.fullmatch(upper):
            near = difflib.get_close_matches(setting, known, n=1)
            sentences.append(f"{name} is not a setting" + (f"; did you mean {PREFIX}{near[0]}?" if near else ""))
    return sentences
