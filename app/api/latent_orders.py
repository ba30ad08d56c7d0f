"""From the validated requests of the latent tools to orders for the pipeline: common fields, runs of seeds, codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app import errors
from app.api import orders
from app.api.latent_schemas import Asked, Gridded
from app.api.schemas import SEED_MAX
from app.codes import WithCodes
from app.mixing import Float32s, Mix
from app.order import Order
from app.rendering import Form, Layout
from app.settings import Settings

if TYPE_CHECKING:
    from app.registry.registry import ServedModel


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, and when: time.monotonic() of the arrival."""

    client: str
    arrived: float

    def deadline(self, body: Asked, settings: Settings) -> float:
        return self.arrived + (body.timeout_ms or settings.timeout_ms) / 1000


def check(body: Asked, n: int, settings: Settings, wrong: Sequence[tuple[str, str]] = ()) -> None:
    """Raises InvalidFields: `wrong`, and what is too much for this service."""
    wrong = list(wrong)
    if body.label is not None and body.prompt is not None:
        wrong.append(("prompt", "give label or prompt, not both"))
    if (body.timeout_ms or 0) > settings.timeout_ms:
        wrong.append(("timeout_ms", f"this service gives a request at most {settings.timeout_ms} ms"))
    if n > settings.max_images:
        wrong.append(("n", f"this service makes at most {settings.max_images} images a request, not {n}"))
    if wrong:
        raise errors.InvalidFields(wrong)


def order(
    body: Asked,
    seeds: Sequence[int],
    mix: Mix,
    form: Form,
    caller: Caller,
    settings: Settings,
    *,
    columns: int | None = None,
    frame_ms: int | None = None,
) -> Order:
    """body: as `check` lets it pass. columns: instead of the body's own."""
    own_columns, padding = (body.columns, body.padding) if isinstance(body, Gridded) else (None, 0)
    return Order(
        model=body.model,
        seeds=np.array(seeds, np.uint32),
        labels=[] if body.label is None else [body.label] * mix.n,
        label_fields=[] if body.label is None else ["label"] * mix.n,
        truncation_psi=body.truncation_psi,
        layout=Layout(columns or own_columns, padding, orders.colour(body.background), body.scale, frame_ms=frame_ms),
        form=form,
        deadline=caller.deadline(body, settings),
        client=caller.client,
        mix=mix,
        prompt=body.prompt or "",
    )


def run(first: int, n: int) -> list[int]:
    """n seeds from `first` on, modulo 2^32."""
    return [(first + i) & SEED_MAX for i in range(n)]


def with_codes(mix: Mix, codes: Mapping[int, Sequence[float]], points: int) -> Mix:
    """`mix` of `points` latents, those at the places of `codes` replaced."""
    return (
        WithCodes(mix, {place: np.array(code, np.float32) for place, code in codes.items()}, points) if codes else mix
    )


def check_codes(
    body: Asked, mix: Mix, codes: Mapping[int, tuple[str, Float32s | Sequence[float]]], served: "ServedModel"
) -> None:
    """codes: place among the mix's points -> what the caller called it, and its numbers. Raises InvalidFields.

    A code has no class of its own: where an image would take the class of one, the caller has to say which.
    """
    dim, ref = served.manifest.latent.dim, served.manifest.ref
    wrong = [
        (field, f"has {len(code)} numbers; a code of {ref} has {dim}")
        for field, code in codes.values()
        if len(code) != dim
    ]
    if (
        served.manifest.classes
        and body.label is None
        and body.prompt is None
        and not codes.keys().isdisjoint(mix.owners)
    ):
        wrong.append(("label", f"is required: {ref} has classes, and a code does not say which"))
    if wrong:
        raise errors.InvalidFields(wrong)
