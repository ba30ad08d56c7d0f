"""report.html of a run: reads the run's folder and nothing else, least of all the images it was trained on."""

import json
from html import escape
from pathlib import Path
from typing import Any

from training import judgement
from training import run as runs
from training.card import duration
from training.report.curves import chart, grouped
from training.report.pictures import moments, picture
from training.report.style import facts, page, paragraph, section, table
from training.snapshot import Snapshot, load_generator
from training.weights import weights_sha256

REPORT = "report.html"
NAMES_SHOWN = 20


def write_report(run: Path) -> Path:
    """Writes RUN/report.html and returns it.

    Raises FileNotFoundError where there is no run, CheckpointError where it has no checkpoint yet.
    """
    snapshot, stats = load_generator(run), _stats(run)
    weights = weights_sha256(snapshot.generator)
    body = "\n".join(
        part
        for part in (
            _head(run, snapshot),
            _samples(run),
            section("How it went", _charts(stats)),
            section("Samples over time", _over_time(run, stats)),
            section("How good it is", _quality(runs.read_json(run / judgement.EVALUATION), weights, run)),
            section("Does it copy?", _copying(runs.read_json(run / judgement.AUDIT), weights, run)),
            section("What it learned from", _data(snapshot.options["dataset"], runs.read_json(run / runs.LINT))),
            section("What was asked for", _asked(snapshot.options)),
        )
        if part
    )
    file = run / REPORT
    runs.replace_file(file, page(f"{run.name}: training report", body).encode())
    return file


def _head(run: Path, snapshot: Snapshot) -> str:
    options = snapshot.options
    gpu, ranks = str(options["device"]).startswith("cuda"), options.get("ranks", 1)
    return (
        f"<h1>{escape(run.name)}</h1>"
        + paragraph(f"Begun {options['started']}. Every sample is synthetic, and none was picked.", "faint")
        + facts(
            {
                "recipe": options["recipe"],
                "images seen": f"{snapshot.images_seen:,}",
                "training time": duration(snapshot.seconds),
                "CPU time": duration(snapshot.cpu_seconds * ranks),
                "GPU time": duration(snapshot.seconds * ranks) if gpu else "none",
                "energy": "not measured" if snapshot.energy_wh is None else f"{snapshot.energy_wh:.3g} Wh",
                "device": str(options["device"]),
                "seed": str(options["seed"]),
            }
        )
    )


def _samples(run: Path) -> str:
    shown = [
        f"<figure><figcaption><strong>{title}</strong></figcaption>{image}</figure>"
        for title, image in (
            ("what it draws", picture(moments(run)[-1][1], "64 generated images") if moments(run) else ""),
            ("what it learned from", picture(run / "reals.png", "64 training images")),
        )
        if image
    ]
    return section("Samples", f'<div class="two">{"".join(shown)}</div>') if shown else ""


def _charts(stats: list[dict[str, float]]) -> str:
    charts = "".join(chart(title, curves) for title, curves in sorted(grouped(stats).items()))
    return charts and f'<div class="charts">{charts}</div>' + paragraph("Over the images seen.", "faint")


def _over_time(run: Path, stats: list[dict[str, float]]) -> str:
    shown = []
    for seen, file in moments(run):
        times = [line["seconds"] for line in stats if "seconds" in line and line["images"] <= seen]
        when = f", {duration(times[-1])}" if times else ""
        label = f"<figcaption><strong>{seen:,}</strong> images{when}</figcaption>"
        shown.append(f"<figure>{label}{picture(file, f'the same 64 seeds after {seen:,} images')}</figure>")
    return f'<div class="moments">{"".join(shown)}</div>' if shown else ""


def _quality(kept: dict[str, Any] | None, weights: str, run: Path) -> str:
    if kept is None:
        return paragraph(f"Not measured yet: python -m training evaluate {run.name}", "faint")
    rows = [
        [
            name,
            metric.extractor_sha256[:12] if metric.extractor_sha256 else "",
            _figure(metric.value),
            _figure(metric.floor),
        ]
        for name, metric in judgement.metrics_from(kept["found"]).items()
    ]
    return (
        _outdated(kept, weights)
        + table(["measure", "seen through", "generated", "floor"], rows, 2)
        + paragraph(
            "The floor is what held-out images score against the images of training: the nearer to it, the better. "
            f"At most {kept['count']:,} images of each kind.",
            "faint",
        )
    )


def _copying(kept: dict[str, Any] | None, weights: str, run: Path) -> str:
    if kept is None:
        return paragraph(f"Not audited yet: python -m training audit {run.name}", "faint")
    found = kept["found"]
    verdict = escape(found["verdict"])
    tests = [
        [test["test"], test["space"], f"{test['effect']:.3f}", f"{test['p']:.2g}", ("no", "yes")[test["suspicious"]]]
        for test in found["findings"]
    ]
    return (
        _outdated(kept, weights)
        + f'<p><strong class="{verdict}">{verdict.capitalize()}.</strong> {escape(found["summary"])}</p>'
        + (table(["test", "space", "effect", "p", "suspicious"], tests, 3) if tests else "")
        + (_pairs(run) if found["closest"] else "")
    )


def _pairs(run: Path) -> str:
    shown = picture(run / judgement.CLOSEST, "generated images, each beside the nearest training image", exact=True)
    said = paragraph("The closest pairs: left the generated image, right the training image nearest to it.", "faint")
    return said + f'<div class="pairs">{shown}</div>' if shown else ""


def _outdated(kept: dict[str, Any], weights: str) -> str:
    if kept["weights_sha256"] == weights:
        return ""
    return paragraph("This was found of an earlier state of the run; it has been trained since.", "failed")


def _data(dataset: dict[str, Any], lint: dict[str, Any] | None) -> str:
    count, held_out = dataset["count"], dataset["held_out"]
    text = paragraph(
        f"{dataset['name']}: {count:,} images at {dataset['resolution']}x{dataset['resolution']} pixels, of which "
        f"{held_out:,} were held out and never trained on."
    )
    text += f"<p>SHA-256 of the images: <code>{escape(dataset['sha256'])}</code></p>"
    if lint is None:
        return text
    text += "".join(paragraph(f"Warning: {warning}") for warning in lint["warnings"])
    if lint["classes"]:
        text += table(["class", "images"], [[name, f"{n:,}"] for name, n in lint["classes"].items()], 1)
    if rejects := lint["rejects"]:
        rows = [[reject["name"], reject["reason"]] for reject in rejects[:NAMES_SHOWN]]
        more = f", of which {NAMES_SHOWN} are shown" if len(rejects) > NAMES_SHOWN else ""
        text += paragraph(f"{len(rejects)} files could not be used{more}:") + table(["file", "reason"], rows, 0)
    return text


def _asked(options: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in options["versions"].items())
    asked = {"budget": options["budget"], "config": options["config"]}
    return (
        paragraph(f"Commit {options['commit'] or 'unknown'}; {versions}.", "faint")
        + f"<pre>{escape(json.dumps(asked, indent=2, ensure_ascii=False))}</pre>"
    )


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _stats(run: Path) -> list[dict[str, float]]:
    """Lines of stats.jsonl. A killed run may have left half of one, and a resumed run some steps twice."""
    found = []
    file = run / "stats.jsonl"
    for line in file.read_text().splitlines() if file.is_file() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
