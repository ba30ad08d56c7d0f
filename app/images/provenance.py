"""What a generated image says about itself: the recipe that gives it again, and the labels of synthetic media.

Everything here is a function of the recipe alone, so that equal requests have equal bytes and the strong ETag is
honest: the instance id is a name-based UUID, and the only date is the one that the caller puts in. The caller should
put in the model's publication date: model and seed fix the image, so nothing about it was decided later. The time of
serving is HTTP's to say.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from app.images import xmp
from app.images.png import international_text

SCHEMA = 1
RECIPE_KEYWORD = "tessera"
XMP_KEYWORD = "XML:com.adobe.xmp"
_SYSTEM = "Tessera"
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), sort_keys=True)
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, xmp.RECIPE_NAMESPACE)
_XMP_CHUNK, _RECIPE_CHUNK = (international_text(keyword, "") for keyword in (XMP_KEYWORD, RECIPE_KEYWORD))
_XMP_RECIPE_LIMIT = 60_000  # bytes of escaped JSON: with the rest of the packet, JPEG's one segment for XMP

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None


class Recipe(NamedTuple):
    """All that it takes to make these pixels again.

    digest: SHA-256 of the model's weights, hex. seeds: uint32, one an image, in the order of the tiles.
    labels: one an image, by name or index; empty for a model without classes.
    parameters: whatever else shaped the answer (columns, padding, background, scale ...), as JSON.
    created: RFC 3339, or empty for no date. producer: who answers for the service, as the AIGC label asks.
    filtered: how its pictures go into a PNG (scanlines.py); None: each as suits it. Not told: the pixels are the same.
    """

    model: str
    version: int
    digest: str
    seeds: Sequence[int]
    labels: Sequence[int | str] = ()
    truncation_psi: float = 1.0
    parameters: Mapping[str, Json] = MappingProxyType({})
    created: str = ""
    producer: str = _SYSTEM
    filtered: bool | None = None

    def json(self) -> str:
        """Canonical ASCII JSON: sorted keys, no spaces. Raises ValueError for NaN or infinity."""
        labels = [label if isinstance(label, str) else int(label) for label in self.labels]
        return self._json({"seeds": [int(seed) for seed in self.seeds], "labels": labels})

    def instance_id(self, media_type: str) -> str:
        """A UUID (version 5) of these pixels in this format: the same for the same request, everywhere."""
        return self._instance_id(media_type, self.json())

    def png_chunks(self) -> list[tuple[bytes, bytes]]:
        """The chunks for png.encode_png: the XMP packet, and the recipe in a chunk of its own."""
        recipe = self.json()
        packet = self._packet(self._instance_id("image/png", recipe), recipe="")
        (kind, xmp_begins), (_, recipe_begins) = _XMP_CHUNK, _RECIPE_CHUNK
        return [(kind, xmp_begins + packet), (kind, recipe_begins + recipe.encode())]

    def xmp(self, media_type: str) -> bytes:
        """The packet for WebP and JPEG, UTF-8, with the recipe inside.

        A recipe too long for JPEG's one segment (some 4,000 images) leaves out seeds and labels and says how many there
        were, as "images".
        """
        recipe = self.json()
        instance = self._instance_id(media_type, recipe)
        if len(xmp.text(recipe)) > _XMP_RECIPE_LIMIT:
            recipe = self._json({"images": len(self.seeds)})
        return self._packet(instance, recipe)

    def _json(self, images: Mapping[str, Json]) -> str:
        content = {
            "schema": SCHEMA,
            "model": self.model,
            "version": self.version,
            "digest": self.digest,
            "truncation_psi": float(self.truncation_psi),
            "parameters": dict(self.parameters),
            **images,
        }
        return _ENCODER.encode(content)

    def _instance_id(self, media_type: str, recipe: str) -> str:
        return _name_based(f"{media_type} {self.created} {self.producer} {recipe}")

    def _packet(self, instance: str, recipe: str) -> bytes:
        return xmp.packet(
            system=f"{_SYSTEM} {self.model}",
            version=f"{self.version} (sha256 {self.digest[:12]})",
            instance=instance,
            producer=self.producer,
            created=self.created,
            recipe=recipe,
        )


def _name_based(name: str) -> str:
    """str(uuid.uuid5(_NAMESPACE, name)) by its definition (RFC 9562, 5.5), at a third of the price."""
    digest = bytearray(hashlib.sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    written = digest.hex()
    return f"{written[:8]}-{written[8:12]}-{written[12:16]}-{written[16:20]}-{written[20:]}"
