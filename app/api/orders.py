"""From a validated request to an order for the pipeline: defaults, and the rules between fields."""

import random
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.api.schemas import SEED_MAX, GenerateRequest
from app.errors import InvalidFields
from app.order import Order
from app.rendering import Form, Layout
from app.settings import Settings


def order(request: GenerateRequest, form: Form, *, arrived: float, client: str, settings: Settings) -> Order:
    """arrived: time.monotonic() of the request. Raises InvalidFields naming every field that disagrees."""
    wrong: list[tuple[str, str]] = []
    n = _count(request, settings.max_images, wrong)
    timeout_ms = request.timeout_ms or settings.timeout_ms
    if timeout_ms > settings.timeout_ms:
        wrong.append(("timeout_ms", f"this service gives a request at most {settings.timeout_ms} ms"))
    if request.seed is not None and request.seeds is not None:
        wrong.append(("seeds", "give seed or seeds, not both"))
    if request.label is not None and request.labels is not None:
        wrong.append(("labels", "give label or labels, not both"))
    if request.prompt is not None and (request.label is not None or request.labels is not None):
        wrong.append(("prompt", "give label, labels or prompt, one of them"))
    if wrong:
        raise InvalidFields(wrong)
    if request.labels is not None:
        labels, label_fields = request.labels, [f"labels.{i}" for i in range(n)]
    else:
        labels, label_fields = ([], []) if request.label is None else ([request.label] * n, ["label"] * n)
    return Order(
        model=request.model,
        seeds=_seeds(request, n),
        labels=labels,
        label_fields=label_fields,
        truncation_psi=request.truncation_psi,
        layout=_layout(request.columns, request.padding, request.background, request.scale),
        form=form,
        deadline=arrived + timeout_ms / 1000,
        client=client,
        prompt=request.prompt or "",
    )


def _count(request: GenerateRequest, most: int, wrong: list[tuple[str, str]]) -> int:
    counts = {} if request.n is None else {"n": request.n}
    if request.seeds is not None:
        counts["seeds"] = len(request.seeds)
    if request.labels is not None:
        counts["labels"] = len(request.labels)
    first, n = next(iter(counts.items()), ("n", 1))
    if n > most:
        wrong.append((first, f"this service makes at most {most} images a request, not {n}"))
    wrong += [(field, f"has {count} entries, but {first} says {n}") for field, count in counts.items() if count != n]
    return n


def _seeds(request: GenerateRequest, n: int) -> NDArray[np.uint32]:
    if request.seeds is not None:
        return np.array(request.seeds, np.uint32)
    return run(request.seed, n)


def run(first: int | None, n: int) -> NDArray[np.uint32]:
    """n consecutive seeds; None: from a random one."""
    first = random.getrandbits(32) if first is None else first
    if first + n <= SEED_MAX + 1:
        return np.arange(first, first + n, dtype=np.uint32)
    return (np.arange(first, first + n, dtype=np.uint64) & SEED_MAX).astype(np.uint32)


@lru_cache(maxsize=256)
def _layout(columns: int | None, padding: int, background: str, scale: int) -> Layout:
    return Layout(columns, padding, colour(background), scale)


def colour(text: str) -> tuple[int, ...]:
    digits = text[1:] if len(text) > 4 else "".join(digit * 2 for digit in text[1:])
    return tuple(bytes.fromhex(digits))
