"""A pipeline over two painted models, and everything it is wired to."""

import asyncio
import io
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from app.lifecycle import Lifecycle
from app.order import Order
from app.pipeline import Answer, Pipeline
from app.rendering import Form, Layout
from app.telemetry import Telemetry

GRID = Layout(None, 2, (255, 255, 255), 1)
BARE = Layout(None, 0, (255, 255, 255), 1)


class Open:
    """An admission that lets everything in, or refuses everything."""

    def __init__(self) -> None:
        self.refuses: Exception | None = None
        self.asked: list[tuple[Any, ...]] = []

    def refusal(self, *facts: Any) -> Exception | None:
        self.asked.append(facts)
        return self.refuses


@dataclass
class Kitchen:
    """fashion has three classes, avatars none. registry: of both."""

    registry: Any
    fashion: Any
    avatars: Any
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    telemetry: Telemetry = field(default_factory=Telemetry)
    admission: Open = field(default_factory=Open)

    def __post_init__(self) -> None:
        self.lifecycle.ready()
        self.pipeline = Pipeline(
            self.registry,
            self.admission,
            self.lifecycle,
            self.telemetry,
            4_000_000,  # type: ignore[arg-type]
        )


def order(seeds: list[int], **changes: Any) -> Order:
    facts: dict[str, Any] = {
        "model": None,
        "seeds": np.array(seeds, np.uint32),
        "labels": (),
        "label_fields": (),
        "truncation_psi": 1.0,
        "layout": BARE,
        "form": Form.PNG,
        "deadline": time.monotonic() + 30,
        "client": "c",
    }
    return Order(**facts | changes)


def run(kitchen: Kitchen, wanted: Order) -> Answer:
    answer: Answer = asyncio.run(kitchen.pipeline.generate(wanted))
    return answer


def pixels(file: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(file)))
