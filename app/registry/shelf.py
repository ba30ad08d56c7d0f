"""The models that serve at one moment, and which of them a request means."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import NotLoaded, UnknownModel
from app.registry.manifest import Manifest

if TYPE_CHECKING:
    from app.inference.batcher import Batcher
    from app.inference.engine import Engine

PREFERRED_DEFAULT = "avatars"

_RETRY_AFTER_S = 60.0
_SHOWN = 100


@dataclass(frozen=True)
class ServedModel:
    """digest: SHA-256 of the generator, hexadecimal. filtered: how its pictures go into a PNG (images/scanlines.py)."""

    manifest: Manifest
    digest: str
    engine: "Engine"
    batcher: "Batcher"
    filtered: bool | None = None


class Shelf:
    """Replaced as a whole, never changed: whoever holds one sees one moment.

    default: name or name@version of the model for requests that name none; empty: `avatars`, else the first by name.
    """

    def __init__(self, models: Iterable[ServedModel], default: str) -> None:
        by_version = sorted(models, key=lambda model: (model.manifest.name, model.manifest.version))
        self.models = {model.manifest.ref: model for model in by_version}
        self._latest = {model.manifest.name: model for model in by_version}
        preferred = PREFERRED_DEFAULT if PREFERRED_DEFAULT in self._latest else next(iter(self._latest), "")
        self._default = default or preferred

    def find(self, ref: str | None) -> ServedModel:
        """ref: "name" (its highest version), "name@version", or None (the default).

        Raises NotLoaded if nothing serves, UnknownModel, with the nearest name, if that does not.
        """
        if not self.models:
            raise NotLoaded("no model is loaded", _RETRY_AFTER_S)
        asked = self._default if ref is None else ref
        found = self.models.get(asked) or self._latest.get(asked)
        if found is None:
            which = "the default model" if ref is None else "model"
            raise UnknownModel(f"{which} {asked[:_SHOWN]!r} is not loaded here; {self._hint(asked)}", "model")
        return found

    def _hint(self, asked: str) -> str:
        name = asked.partition("@")[0]
        if name in self._latest:
            versions = [str(m.manifest.version) for m in self.models.values() if m.manifest.name == name]
            return f"versions of {name}: {', '.join(versions)}"
        near = difflib.get_close_matches(name[:_SHOWN], self._latest, n=1)
        return f"did you mean {near[0]}?" if near else f"loaded: {', '.join(self._latest)}"
