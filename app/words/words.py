"""From a prompt to classes of a model: by their names, and where the encoder is installed by meaning."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np

from app.errors import InvalidField
from app.words import naming
from app.words.encoder import PACKAGE, Encoder, Float32s, installed
from app.words.mixture import Mixture, mixture

FIELD = "prompt"

_REMEMBERED = 4096
# Of cosines of a class and a prompt: unrelated words reach 0.25; a step of _SCALE is a factor of e in the share.
_RELATED, _SCALE, _LEAST_SHARE = 0.27, 0.07, 0.1

Classes = tuple[str, ...]


class Words:
    """For one event loop. folder: the encoder's files, None where it is not installed; they are read at first use."""

    def __init__(self, folder: Callable[[], Path | None] = installed) -> None:
        self._folder = folder()
        self._known: OrderedDict[tuple[str, Classes], Mixture] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="words")
        self._vectors: dict[Classes, Float32s] = {}

    async def choose(self, prompt: str, classes: Sequence[str]) -> Mixture:
        """The same prompt and classes are the same mixture. Raises InvalidField: no classes, or none that it means."""
        key = prompt, tuple(classes)
        found = self._known.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._known[key] = await loop.run_in_executor(self._thread, self._chosen, *key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    # In the thread.

    def _chosen(self, prompt: str, classes: Classes) -> Mixture:
        called = naming.keys(classes)
        weights: dict[int, float] = {}
        for part in naming.parts(prompt):
            for index, share in self._shares(part, classes, called).items():
                weights[index] = weights.get(index, 0.0) + share
        if not weights:
            raise InvalidField(self._refusal(classes), FIELD)
        return mixture(weights)

    def _shares(self, part: str, classes: Classes, called: dict[str, int]) -> dict[int, float]:
        """Of 1; empty if the part means none of the classes."""
        found = naming.named(part, called)
        if not found and self._folder is not None:
            return self._by_meaning(part, classes)
        found = found or naming.nearly_named(part, called)
        return {index: 1 / len(found) for index in found}

    def _by_meaning(self, part: str, classes: Classes) -> dict[int, float]:
        if classes not in self._vectors:
            self._vectors[classes] = np.stack([self._encoder.encode(_spoken(name)) for name in classes])
        near = self._vectors[classes] @ self._encoder.encode(part)
        if near.max() < _RELATED:
            return {}
        shares = np.exp((near - near.max()) / _SCALE)
        shares /= shares.sum()
        kept = {index: float(share) for index, share in enumerate(shares) if share >= _LEAST_SHARE}
        kept = kept or {int(shares.argmax()): 1.0}
        return {index: share / sum(kept.values()) for index, share in kept.items()}

    @cached_property
    def _encoder(self) -> Encoder:
        assert self._folder is not None
        return Encoder(self._folder)

    def _refusal(self, classes: Classes) -> str:
        shown = ", ".join(classes[:20])
        if self._folder is not None:
            return f"means none of this model's classes: {shown}"
        return (
            f"names none of this model's classes: {shown}; to pick by meaning, install {PACKAGE} (docs/http.md, Words)"
        )


def _spoken(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").replace("/", " or ")
