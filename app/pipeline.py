"""The way of a request, each stage called once: registry, admission, latents, batcher, engine, grid, encode.

The event loop does the small things itself; assembling and encoding a large answer goes to a thread, owned here.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from app import labels, rendering
from app.errors import DeviceLost, InvalidField, Overloaded
from app.gathering import Gathering
from app.images.provenance import Recipe
from app.inference.backlog import Place
from app.inference.jobs import Spent
from app.inference.latents import truncate
from app.lifecycle import Lifecycle
from app.order import Order
from app.rendering import Form, Images, Layout
from app.telemetry import Telemetry
from app.words.mixture import Mixture
from app.words.words import FIELD as PROMPT
from app.words.words import Words

if TYPE_CHECKING:
    from app.inference.admission import Admission
    from app.registry.registry import Registry, ServedModel

Latents = NDArray[np.float32]
Classes = NDArray[np.int64]
Render = Callable[[Images, Recipe, Form, Layout], bytes]
T = TypeVar("T")

# Below this many bytes of pixels the work is done sooner (about 1 ms) than a thread would be scheduled under load.
_INLINE_BYTES = 100_000
# Two cores that also compute the images have nothing to give to a thread: it is only one more to hand the work to.
_INLINE_BYTES_ON_TWO_CORES = 256_000


class Timings(NamedTuple):
    """Seconds. queue, infer: as the batcher counted them (jobs.Spent)."""

    queue: float
    infer: float
    encode: float


class Answer(NamedTuple):
    """model: `name@version`. etag: the entity tag's opaque part, a function of the body's bytes.

    taken: of a prompt, the class names that it took and their shares.
    """

    body: bytes
    media_type: str
    etag: str
    model: str
    timings: Timings
    taken: Mapping[str, float] = MappingProxyType({})


class Made(NamedTuple):
    """images: uint8 [n, H, W, C]; recipe: of all of them; queue, infer: as in Timings."""

    images: Images
    recipe: Recipe
    queue: float
    infer: float


class Pipeline:
    def __init__(
        self, registry: "Registry", admission: "Admission", lifecycle: Lifecycle, telemetry: Telemetry, max_pixels: int
    ) -> None:
        self._registry = registry
        self._admission = admission
        self._lifecycle = lifecycle
        self._telemetry = telemetry
        self._max_pixels = max_pixels
        self._gathering = Gathering()
        self._words = Words()
        cores = os.cpu_count() or 1
        self._inline_bytes = _INLINE_BYTES if cores > 2 else _INLINE_BYTES_ON_TWO_CORES
        self._encoders = ThreadPoolExecutor(cores, thread_name_prefix="encode")

    async def generate(self, order: Order, render: Render = rendering.render, judged: Place | None = None) -> Answer:
        """render: makes the body, in a thread when there is much to make. judged: as `admit` says.

        Raises RequestError, Overloaded, Unavailable, DeadlineExceeded, EngineFailed, DeviceLost.

        Cancelling the task drops what has not been computed yet.
        """
        self._lifecycle.require_ready()
        served = self._registry.get(order.model)
        self._check(served, order)
        classes = labels.resolve(order.labels, served.manifest.classes, order.label_fields) if order.labels else None
        taken = {}
        if order.prompt:
            mixture = await self._words.choose(order.prompt, served.manifest.classes)
            classes, taken = _drawn(order, mixture), mixture.named(served.manifest.classes)
        with self.admit(served, order, judged) as place:
            made = await self.compute(served, order, classes, place)
        if taken:
            parameters = {**made.recipe.parameters, "label_shares": taken}
            made = made._replace(recipe=made.recipe._replace(parameters=parameters))
        began = time.perf_counter()
        body = await self._encode(made.images, made.recipe, order, render)
        encode = time.perf_counter() - began
        ref = served.manifest.ref
        # After the answer is sent: it shall not wait for statistics.
        asyncio.get_running_loop().call_soon(self._tell, ref, order.n, order.form, encode)
        timings = Timings(made.queue, made.infer, encode)
        return Answer(body, order.media_type, _tag(body), ref, timings, taken)

    async def compute(
        self, served: "ServedModel", order: Order, classes: Classes | None, place: Place | None = None
    ) -> Made:
        """The images of an order that was checked; classes int64 [n], or None: those the seeds draw. place: if it was
        admitted; is left when the batcher takes the images in.

        Raises Overloaded, Unavailable, DeadlineExceeded, EngineFailed, DeviceLost. Cancelling as in `generate`.
        """
        manifest = served.manifest
        alone = place is not None and served.batcher.backlog.images <= order.n  # which are its own
        z, drawn = await self._gathering.draw(order.seeds, manifest.latent.dim, len(manifest.classes), alone=alone)
        if order.mix is not None:
            z, drawn = order.mix.mixed(z), drawn[list(order.mix.owners)]
        if classes is None:
            classes = drawn
        mean = None if manifest.latent.mean is None else np.array(manifest.latent.mean, np.float32)
        z = truncate(z, order.truncation_psi, mean)
        spent = Spent()
        if place is not None:
            place.leave()
        images = await self._on_device(
            served.batcher.submit(z, classes, deadline=order.deadline, client=order.client, spent=spent)
        )
        return Made(images, _recipe(served, order, classes), spent.queue, spent.infer)

    def judge(self, order: Order, timeout_s: float) -> Callable[[], Place | Overloaded | None]:
        """What becomes of this order, come again with `timeout_s` from then on: its place, or why it is refused.

        None where other models serve by then. Raises Unavailable and DeviceLost, and at once UnknownModel, as
        `generate` does.
        """
        served, exchanges = self._registry.get(order.model), self._registry.exchanges
        n, client = order.n, order.client

        def judge() -> Place | Overloaded | None:
            self._lifecycle.require_ready()
            if self._registry.exchanges != exchanges:
                return None
            return self._room(served, n, time.monotonic() + timeout_s, client)

        return judge

    def admit(self, served: "ServedModel", order: Order, judged: Place | None = None) -> Place:
        """Raises Overloaded when the images cannot be computed by their deadline.

        judged: the place that `judge` gave this order a moment ago. It is kept: judged once more, it would come after
        those who were let in since.
        """
        if judged is not None and judged.is_in(served.batcher.backlog):
            return judged
        return self._admit(served, order.n, order.deadline, order.client)

    async def encode(self, served: "ServedModel", image: Images, *, deadline: float, client: str) -> Latents:
        """The code, float32 [z_dim], of one image uint8 [H, W, C], by a model that can encode. It counts as an image.

        Raises and is cancelled as `generate`.
        """
        self._admit(served, 1, deadline, client).leave()  # the batcher takes it in at once
        codes = await self._on_device(served.batcher.encode(image[None], deadline=deadline, client=client))
        code: Latents = codes[0]
        return code

    def require_ready(self) -> None:
        """Raises Unavailable or DeviceLost when the service takes no work."""
        self._lifecycle.require_ready()

    def find(self, model: str | None) -> "ServedModel":
        """Raises UnknownModel, NotLoaded."""
        return self._registry.get(model)

    def examine(self, order: Order) -> int:
        """Pixels of the answer. Raises for a fault of the order what `generate` would raise, and computes nothing."""
        served = self._registry.get(order.model)
        if order.labels:
            labels.resolve(order.labels, served.manifest.classes, order.label_fields)
        return self._check(served, order)

    def close(self) -> None:
        self._encoders.shutdown(wait=False, cancel_futures=True)
        self._words.close()

    def _tell(self, ref: str, n: int, form: Form, encode: float) -> None:
        self._telemetry.generated(ref, n)
        self._telemetry.encoded(form.word, encode)

    def _check(self, served: "ServedModel", order: Order) -> int:
        if order.prompt and not served.manifest.classes:
            raise InvalidField("this model has no classes that a prompt could choose from", PROMPT)
        image = served.manifest.image
        shape = (image.height, image.width, image.channels)
        return rendering.check(order.form, order.layout, order.n, shape, self._max_pixels)

    def _admit(self, served: "ServedModel", n: int, deadline: float, client: str) -> Place:
        room = self._room(served, n, deadline, client)
        if isinstance(room, Overloaded):
            raise room
        return room

    def _room(self, served: "ServedModel", n: int, deadline: float, client: str) -> Place | Overloaded:
        batcher = served.batcher
        refusal = self._admission.refusal(n, deadline, client, batcher.backlog, batcher.images_per_second)
        if refusal is None:
            return batcher.backlog.hold(client, n)
        self._telemetry.rejected(served.manifest.ref, refusal.code, n)
        batcher.charge_refusal(client)
        return refusal

    async def _on_device(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except DeviceLost as loss:
            self._lifecycle.device_lost(str(loss))
            raise

    async def _encode(self, images: Images, recipe: Recipe, order: Order, render: Render) -> bytes:
        size = images.nbytes * order.layout.scale**2
        if size <= self._inline_bytes and order.form is not Form.WEBP and order.layout.size is None:
            return render(images, recipe, order.form, order.layout)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoders, render, images, recipe, order.form, order.layout)


def _drawn(order: Order, mixture: Mixture) -> Classes:
    """The class of each image: drawn by its own seed, or by that whose class it would take anyway."""
    return mixture.drawn_by(order.seeds if order.mix is None else order.seeds[list(order.mix.owners)])


def _recipe(served: "ServedModel", order: Order, classes: Classes) -> Recipe:
    manifest = served.manifest
    return Recipe(
        model=manifest.name,
        version=manifest.version,
        digest=served.digest,
        seeds=order.told.tolist(),
        labels=[manifest.classes[index] for index in classes[: len(order.told) or order.n].tolist()]
        if manifest.classes
        else (),
        truncation_psi=order.truncation_psi,
        parameters={} if order.mix is None else order.mix.parameters,
        created=manifest.created,
        filtered=served.filtered,
    )


def _tag(body: bytes) -> str:
    # Compared, not trusted: a cryptographic hash of a grid took a tenth of the event loop's time.
    return f"{isal_zlib.crc32(body):08x}{isal_zlib.adler32(body):08x}{len(body):08x}"
