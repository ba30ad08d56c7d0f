"""MODEL_CARD.md: what the manifest says, for people (after Mitchell et al. 2019, "Model Cards for Model Reporting")."""

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

FEW_IMAGES = 1000
_COLOURS = {1: "grey", 3: "RGB", 4: "RGBA (with transparency)"}
_SHOWN_CLASSES = 50


def render(manifest: Json) -> str:
    """Markdown. `manifest` is complete but for the entry of the card itself in `files`."""
    sections = [
        _head(manifest),
        _data(manifest),
        _training(manifest["training"], manifest["created"]),
        _quality(manifest["metrics"]),
        _copying(manifest["memorisation"]),
        _limits(manifest),
        _use(manifest),
        _licence(manifest["licence"]),
    ]
    return "\n\n".join(sections) + "\n"


def _head(manifest: Json) -> str:
    image, latent, dataset = manifest["image"], manifest["latent"], manifest["training"]["dataset"]
    size = f"{image['width']}x{image['height']} {_COLOURS[image['channels']]}"
    also = " It also finds the latent of a given image (`encode`)." if "encode" in manifest["capabilities"] else ""
    return (
        f"# {manifest['name']}, version {manifest['version']}\n\n"
        "![64 images, seeds 0 to 63](preview.png)\n\n"
        f"A generator of {size} images in the manner of the data set {_plain(dataset['name'])}. "
        f"A seed is an image: the same seed gives the same picture again. Family {manifest['family']}, "
        f"{latent['dim']} latent dimensions, {manifest['files']['generator.pt']['bytes'] / 1e6:.1f} MB.{also}\n\n"
        "Every image is synthetic. The grid above is seeds 0 to 63 as they came, not a selection."
    )


def _data(manifest: Json) -> str:
    dataset, classes = manifest["training"]["dataset"], manifest["classes"]
    seen = dataset["count"] - dataset["held_out"]
    text = (
        f"## What it learned from\n\n{_plain(dataset['name'])}: {dataset['count']:,} images. Training saw {seen:,}; "
        f"{dataset['held_out']:,} were held out for measuring.\n\nSHA-256 of the images: `{dataset['sha256']}`"
    )
    if not classes:
        return text + "\n\nNo classes."
    named = ", ".join(_plain(name) for name in classes[:_SHOWN_CLASSES])
    more = f" and {len(classes) - _SHOWN_CLASSES} more" if len(classes) > _SHOWN_CLASSES else ""
    return text + f"\n\n{len(classes)} classes: {named}{more}."


def _training(training: Json, created: str) -> str:
    energy, gpu_hours = training["energy_wh"], training["gpu_hours"]
    versions = ", ".join(f"{_plain(name)} {_plain(number)}" for name, number in training["versions"].items())
    rows = [
        ("Recipe", _plain(training["recipe"])),
        ("Images seen in training", f"{training['images_seen']:,}"),
        ("Time", duration(training["seconds"])),
        ("Device", _plain(training["device"])),
        ("CPU time", duration(training["cpu_hours"] * 3600)),
        ("GPU time", duration(gpu_hours * 3600) if gpu_hours else "none"),
        ("Energy", f"{energy:.3g} Wh" if energy is not None else "not measured"),
        ("Seed", str(training["seed"])),
        ("Source", f"commit `{_code(training['commit'])}`" if training["commit"] else "unknown commit"),
        ("Published", created),
        ("Made with", versions or "not recorded"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    config = json.dumps(training["config"], indent=2, sort_keys=True, ensure_ascii=False)
    return f"## How it was trained\n\n| | |\n|---|---|\n{table}\n\nConfiguration:\n\n{_fenced(config, 'json')}"


def _quality(metrics: Json) -> str:
    head = "## How good it is\n\n"
    if not metrics:
        return head + "It was not measured. Look at the preview."
    rows = "\n".join(
        f"| {_plain(name)} | {metric['value']:.4g} | {_number(metric['floor'])} | {_hash(metric['extractor_sha256'])} |"
        for name, metric in metrics.items()
    )
    return (
        f"{head}| measure | this model | floor | seen through |\n|---|---|---|---|\n{rows}\n\n"
        "The floor is what held-out images of the data set score against the images of training: the nearer to it, the "
        "better. The last column is the hash of the network that looked. Figures from another network, such as the "
        "Inception of published FIDs, cannot be compared with these."
    )


def _copying(memorisation: Json) -> str:
    said = {
        "not-audited": "**Not audited.** Nobody has checked whether it repeats images of its training set.",
        "passed": "**Passed.** The audit found no sign that it repeats images of its training set.",
        "failed": "**Failed.** The audit found that it repeats images of its training set. Treat what it makes as "
        "copies of that set.",
    }[memorisation["verdict"]]
    summary = _plain(memorisation["summary"])
    return f"## Does it copy?\n\n{said}" + (f"\n\n{summary}" if summary else "")


def _limits(manifest: Json) -> str:
    dataset = manifest["training"]["dataset"]
    limits = [
        "It knows nothing but its data set: other subjects, styles or sizes cannot be asked of it, and what is rare or "
        "missing there is rare or missing here.",
        "Some images will be malformed; nothing filters them.",
        "The same seed gives the same pixels on one kind of device. On another kind, levels may differ by "
        f"{manifest['golden']['tolerance']}.",
        "What it makes must not be passed off as photographs or as the work of a person. Files from the service carry "
        "labels that say so; do not remove them.",
        "`generator.pt` is a program. Load it only if you trust whoever published it.",
    ]
    if dataset["count"] - dataset["held_out"] < FEW_IMAGES:
        limits.insert(1, f"It saw fewer than {FEW_IMAGES:,} images: expect little variety, and near-copies of them.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _use(manifest: Json) -> str:
    ref, digest = f"{manifest['name']}@{manifest['version']}", manifest["files"]["generator.pt"]["sha256"]
    request = json.dumps({"model": ref, "n": 64, "seed": 0})
    command = f"curl http://localhost:8000/generate -H 'content-type: application/json' -d '{request}' -o grid.png"
    return (
        f"## Using it\n\n{_fenced(command, 'sh')}\n\nDigest (SHA-256 of generator.pt): `{digest}`\n\n"
        f"Seeds {_list(manifest['golden']['seeds'])} must give `golden.png`; a service that cannot make it so does not "
        "serve the model."
    )


def _licence(licence: Json) -> str:
    return f"## Licence\n\nData: {_plain(licence['data'])}. Weights: {_plain(licence['weights'])}."


def _list(seeds: list[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if seeds == list(range(seeds[0], seeds[-1] + 1)) else ", ".join(map(str, seeds))


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _hash(sha256: str | None) -> str:
    return "no network" if sha256 is None else f"`{sha256[:12]}`"


def _plain(text: str) -> str:
    """Text from outside as Markdown that shows it and does nothing else."""
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|~&#]|^[+-])", r"\\\1", one_line)


def _code(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "", text)


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
