"""Checkpoints: one safetensors file a checkpoint, complete or absent, whatever happens while it is written.

The nested state (tensors, and numbers or strings between them) is flattened into the file's tensors and a JSON
document in its metadata. The file is written under a temporary name, flushed, read back, and only then renamed; the
previous checkpoint is removed after that, so that a valid one exists at every moment.
"""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from training import ranks

PATTERN = "checkpoint-*.safetensors"
UNFINISHED = f".{PATTERN}.*.tmp"
State = dict[str, Any]


class CheckpointError(Exception):
    """A checkpoint that cannot be written or read; the message names the file."""


def flatten(state: Any, prefix: str = "") -> tuple[dict[str, Tensor], Any]:
    """Splits nested dicts and lists into named tensors and a JSON-able skeleton that refers to them by name."""
    if isinstance(state, Tensor):
        return {prefix: state.detach().contiguous()}, {"tensor": prefix}
    if isinstance(state, dict):
        tensors: dict[str, Tensor] = {}
        items = []
        for key, value in state.items():
            inner, skeleton = flatten(value, f"{prefix}/{key}" if prefix else str(key))
            tensors |= inner
            items.append([key, skeleton])
        return tensors, {"dict": items}
    if isinstance(state, list | tuple):
        tensors = {}
        skeletons = []
        for index, value in enumerate(state):
            inner, skeleton = flatten(value, f"{prefix}/{index}")
            tensors |= inner
            skeletons.append(skeleton)
        return tensors, {"list": skeletons}
    return {}, {"value": state}


def unflatten(tensors: dict[str, Tensor], skeleton: Any) -> Any:
    """The inverse of `flatten` (tuples come back as lists)."""
    kind, content = next(iter(skeleton.items()))
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unflatten(tensors, value) for key, value in content}
    if kind == "list":
        return [unflatten(tensors, value) for value in content]
    return content


def write(path: Path, state: State) -> None:
    """Writes `state` to `path` whole, or raises CheckpointError (a full disk, say) and leaves `path` as it was."""
    tensors, skeleton = flatten(state)
    # Two names may share one storage (a tied weight); the format wants each tensor to own its bytes.
    payload = save({name: t.clone() for name, t in tensors.items()}, metadata={"state": json.dumps(skeleton)})
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        read(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    except (OSError, CheckpointError) as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(
            f"{path}: could not be written ({error}); the previous checkpoint is untouched"
        ) from error


def read(path: Path) -> State:
    """Reads what `write` wrote; raises CheckpointError when the file is missing, cut short or of another kind."""
    try:
        with safe_open(path, framework="pt") as file:
            skeleton = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        state: State = unflatten(tensors, skeleton)
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: not a readable checkpoint ({error})") from error
    return state


def latest(run: Path) -> Path | None:
    """The newest readable checkpoint of a run; an unreadable one is passed over for the one before it."""
    for path in sorted(run.glob(PATTERN), reverse=True):
        try:
            read(path)
        except CheckpointError:
            continue
        return path
    return None


def path_of(run: Path, images_seen: int) -> Path:
    return run / f"checkpoint-{images_seen:010d}.safetensors"


def save_step(run: Path, images_seen: int, state: State, keep: Collection[int] = ()) -> Path:
    """Writes the run's next checkpoint, then removes all others but those at the counts of images in `keep`."""
    path = path_of(run, images_seen)
    write(path, state)
    kept = {path, *(path_of(run, count) for count in keep)}
    for other in [*run.glob(PATTERN), *run.glob(UNFINISHED)]:
        if other not in kept:
            other.unlink(missing_ok=True)
    return path


def random_state() -> State:
    """The state of every global random stream that training draws from."""
    state: State = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: State) -> None:
    """Of several ranks, which draw the same numbers, each has its GPU; the first one, on GPU 0, wrote the state."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        count = torch.cuda.device_count()  # may be another one than when it was written
        streams = state["cuda"] if ranks.size() == 1 else state["cuda"][:1] * count
        for device, stream in zip(range(count), streams, strict=False):
            torch.cuda.set_rng_state(stream, device)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
