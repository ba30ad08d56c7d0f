"""What a request wants made, once it was understood: what the routes hand to the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.mixing import Mix
from app.rendering import Form, Layout


@dataclass(frozen=True, slots=True)
class Order:
    """What to make. seeds: one an image, or what `mix` makes the images of.

    labels: empty, or one an image; label_fields: what the caller called each of them. prompt: instead of labels, words
    that mean classes.

    deadline: time.monotonic() by which the images must be computed. client: whose share of the engine this takes.
    """

    model: str | None
    seeds: NDArray[np.uint32]
    labels: Sequence[int | str]
    label_fields: Sequence[str]
    truncation_psi: float
    layout: Layout
    form: Form
    deadline: float
    client: str
    mix: Mix | None = None
    prompt: str = ""

    @property
    def n(self) -> int:
        return len(self.seeds) if self.mix is None else self.mix.n

    @property
    def media_type(self) -> str:
        """Of the answer."""
        animated_png = self.form is Form.PNG and self.layout.frame_ms is not None
        return "image/apng" if animated_png else self.form.media_type

    @property
    def told(self) -> NDArray[np.uint32]:
        """The seeds that name the images to the caller."""
        return self.seeds if self.mix is None else self.seeds[self.mix.told]
