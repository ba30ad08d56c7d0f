"""The models folder: which versions lie there, and whether one is what its manifest says, before anything is parsed."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import ModelRejected
from app.registry.files import read
from app.registry.manifest import FILE, NAME, Manifest

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_AGAIN = "copy the whole folder again, or publish again"


@dataclass(frozen=True)
class VerifiedModel:
    """The bytes that were hashed, for whoever loads them: nobody reads the files a second time.

    digest: SHA-256 of the generator, hexadecimal. golden: the PNG that the golden seeds must give.
    """

    manifest: Manifest
    folder: Path
    digest: str
    generator: bytes = field(repr=False)
    golden: bytes = field(repr=False)


def discover(models_dir: Path) -> list[Path]:
    """Every folder that stands where a version would, by name and number; those that are none fail in `verify`.

    Hidden folders (a publish at work) and files are passed over. Raises ModelRejected if `models_dir` cannot be listed.
    """
    found: list[Path] = []
    for name in _folders(models_dir):
        try:
            # A manifest beside no version: somebody copied one a level too high, and verify says so.
            found += _folders(name) or ([name] if (name / FILE).exists() else [])
        except ModelRejected:
            found.append(name)
    return sorted(found, key=_by_name_and_number)


def verify(folder: Path) -> VerifiedModel:
    """The model of models/NAME/VERSION, every byte checked. Raises ModelRejected(folder) with a sentence.

    Each file is read once; size, then SHA-256 are compared with the manifest's before any of it is parsed.
    """
    _check_no_link(folder)
    manifest = Manifest.load(folder)
    _check_place(folder, manifest)
    _check_listing(folder, manifest)
    files = {name: _hashed(folder, name, facts.bytes, facts.sha256) for name, facts in manifest.files.items()}
    return VerifiedModel(
        manifest, folder, manifest.files["generator.pt"].sha256, files["generator.pt"], files["golden.png"]
    )


def _folders(parent: Path) -> list[Path]:
    try:
        # A link counts as a folder here, so that it is refused by name instead of overlooked.
        return [p for p in parent.iterdir() if not p.name.startswith(".") and (p.is_dir() or p.is_symlink())]
    except OSError as error:
        raise ModelRejected(parent, f"the folder cannot be listed: {error.strerror}") from error


def _by_name_and_number(folder: Path) -> tuple[str, int, str]:
    number = int(folder.name) if _VERSION.fullmatch(folder.name) else 0
    return folder.parent.name, number, folder.name


def _check_no_link(folder: Path) -> None:
    for path in (folder, folder.parent):
        try:
            link = path.is_symlink()
        except OSError as error:
            raise ModelRejected(folder, f"{path.name} cannot be examined: {error.strerror}") from error
        if link:
            raise ModelRejected(folder, f"{path.name} is a symbolic link; put the folder itself there")


def _check_place(folder: Path, manifest: Manifest) -> None:
    name, version = folder.parent.name, folder.name
    if not re.fullmatch(NAME, name) or not _VERSION.fullmatch(version):
        raise ModelRejected(folder, "a model lies at NAME/VERSION with VERSION 1, 2, 3 ...; move the folder there")
    if (manifest.name, str(manifest.version)) != (name, version):
        raise ModelRejected(
            folder, f"the manifest is of {manifest.ref}, the folder is {name}/{version}; do not rename, publish again"
        )


def _check_listing(folder: Path, manifest: Manifest) -> None:
    listed = {FILE, *manifest.files}
    try:
        present = set(os.listdir(folder))  # noqa: PTH208 - names are what is compared
    except OSError as error:
        raise ModelRejected(folder, f"the folder cannot be listed: {error.strerror}") from error
    if missing := sorted(listed - present):
        raise ModelRejected(folder, f"{', '.join(missing)} missing; {_AGAIN}")
    if strange := sorted(present - listed):
        shown = ", ".join(name[:80] for name in strange[:5])
        raise ModelRejected(folder, f"{shown!r} is not in the manifest; remove it, nothing else may lie here")


def _hashed(folder: Path, name: str, size: int, sha256: str) -> bytes:
    data = read(folder / name, limit=size)
    if len(data) != size:
        raise ModelRejected(folder, f"{name} has {len(data)} bytes, the manifest says {size}; {_AGAIN}")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ModelRejected(folder, f"{name} has SHA-256 {found}, the manifest says {sha256}; {_AGAIN}")
    return data
