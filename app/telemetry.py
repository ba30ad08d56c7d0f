"""Metrics of one application (Prometheus), recorded through plain calls: nobody else imports the library."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST

M = TypeVar("M", Counter, Histogram)

_SECONDS = tuple(0.0005 * 2**power for power in range(17))  # 0.5 ms to 33 s
_SIZES = tuple(2**power for power in range(13))
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MOST_UNCOUNTED = 256


class Telemetry:
    """Each has its own registry, so that two applications in one process do not mix."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = self._counter("requests", "Requests answered.", "route", "method", "status")
        self._request_seconds = self._histogram("request_seconds", "Time to answer a request.", "route")
        self._over: dict[tuple[str, str, int], _Over] = {}
        self._observers: dict[str, ModelObserver] = {}
        self._encode = self._histogram("encode_seconds", "Time to assemble and encode an answer.", "format")
        self._images = self._counter("images_generated", "Images computed and answered.", "model")
        self._wait = self._histogram("queue_wait_seconds", "Time a request waited for the engine.", "model")
        self._batch_size = self._histogram("batch_size", "Images in a forward pass.", "model", buckets=_SIZES)
        self._forward = self._histogram("forward_seconds", "Time of a forward pass.", "model")
        self._rejected = self._counter("images_rejected", "Images refused.", "model", "reason")
        self._rejections: dict[tuple[str, str], int] = {}
        self._cancelled = self._counter("images_cancelled", "Images dropped before they were computed.", "model")
        self._oom_splits = self._counter("oom_splits", "Batches halved for want of device memory.", "model")
        self._queue = self._gauge("queue_images", "Images waiting for the engine.", "model")
        self._memory = self._gauge(
            "device_memory_bytes", "Memory of an accelerator held for a model's device.", "model"
        )
        self._arrived = 0
        self.watch("requests_in_flight", "Requests being received or answered.", self._in_flight)

    def exposition(self) -> bytes:
        """The text that GET /metrics answers with."""
        for over in self._over.values():
            over.count()
        for labels, images in self._rejections.items():
            _series(self._rejected, *labels).inc(images)
        self._rejections.clear()
        return generate_latest(self._registry)

    def arrived(self) -> None:
        self._arrived += 1

    def answered(self, route: str, method: str, status: int) -> Callable[[float], None]:
        """What is told of such a request when it is over: its seconds."""
        # An invented method would otherwise be a new time series.
        kind = route, method if method in _METHODS else "other", status
        over = self._over.get(kind)
        if over is None:
            requests, took = self._requests.labels(*kind), self._request_seconds.labels(route)
            over = self._over[kind] = _Over(requests, took)
        return over

    def encoded(self, form: str, seconds: float) -> None:
        _series(self._encode, form).observe(seconds)

    def generated(self, model: str, n: int) -> None:
        _series(self._images, model).inc(n)

    def rejected(self, model: str, reason: str, n: int) -> None:
        """In the event loop only; counted, like what is over, when somebody wants to know."""
        labels = model, reason
        self._rejections[labels] = self._rejections.get(labels, 0) + n

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A gauge read anew at every scrape."""
        Gauge(f"tessera_{name}", documentation, registry=self._registry).set_function(read)

    def watch_model(self, model: str, queue: Callable[[], float], memory: Callable[[], float]) -> None:
        """The model's own gauges, likewise; a newer one of the same name takes them over."""
        self._queue.labels(model).set_function(queue)
        self._memory.labels(model).set_function(memory)

    def observer(self, model: str) -> "ModelObserver":
        """What the engine and the batcher of this model (`name@version`) report to: the same for both."""
        if (known := self._observers.get(model)) is not None:
            return known
        self._observers[model] = observer = ModelObserver(
            self._batch_size.labels(model),
            self._forward.labels(model),
            self._wait.labels(model),
            self._cancelled.labels(model),
            self._oom_splits.labels(model),
            lambda reason, n: _series(self._rejected, model, reason).inc(n),
        )
        return observer

    def _in_flight(self) -> int:
        return self._arrived - sum(over.total for over in self._over.values())

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"tessera_{name}", documentation, labels, registry=self._registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"tessera_{name}", documentation, labels, registry=self._registry)

    def _histogram(self, name: str, documentation: str, *labels: str, buckets: Sequence[float] = _SECONDS) -> Histogram:
        return Histogram(f"tessera_{name}", documentation, labels, buckets=buckets, registry=self._registry)


@lru_cache(maxsize=1024)
def _series(metric: M, *labels: str | int) -> M:
    """Remembered, because finding a series by its labels costs more than counting."""
    return metric.labels(*labels)


class _Over:
    """Requests of one kind that are over: counted some at a time, and when somebody wants to know.

    In an overload that takes the engine's time, and each by itself would find nothing of all this in a cache.
    """

    def __init__(self, requests: Counter, took: Histogram) -> None:
        self._requests = requests
        self._took = took
        self._counted = 0
        self._seconds: list[float] = []

    @property
    def total(self) -> int:
        return self._counted + len(self._seconds)

    def __call__(self, seconds: float) -> None:
        self._seconds.append(seconds)
        if len(self._seconds) == _MOST_UNCOUNTED:
            self.count()

    def count(self) -> None:
        self._counted += len(self._seconds)
        self._requests.inc(len(self._seconds))
        for seconds in self._seconds:
            self._took.observe(seconds)
        self._seconds.clear()


class ModelObserver:
    """The batcher's and engine's events of one model; safe to call from any thread."""

    def __init__(
        self,
        batch_size: Histogram,
        forward: Histogram,
        wait: Histogram,
        cancelled: Counter,
        oom_splits: Counter,
        reject: Callable[[str, int], None],
    ) -> None:
        self._batch_size = batch_size
        self._forward = forward
        self._wait = wait
        self._cancelled = cancelled
        self._oom_splits = oom_splits
        self.rejected = reject

    def batch(self, size: int, seconds: float) -> None:
        self._batch_size.observe(size)
        self._forward.observe(seconds)

    def waited(self, seconds: float, n: int) -> None:
        self._wait.observe(seconds)

    def cancelled(self, n: int) -> None:
        self._cancelled.inc(n)

    def oom_split(self) -> None:
        self._oom_splits.inc()
