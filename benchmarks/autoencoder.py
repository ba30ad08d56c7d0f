"""The autoencoder recipe for so many minutes of processor time, on one core: how well does it reconstruct and sample?

    python -m benchmarks.autoencoder data/avatars --minutes 20

Trains, measures the peak signal-to-noise ratio of held-out images that went through the code, and the kernel distances
(KID) of its samples to them with both extractors, beside the floor (training images against the held-out ones); prints
a Markdown table. The run's folder keeps `reconstructions.png`: held-out images, each beside what came back.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from training.evaluation.reconstruction import reconstructed
from training.fit import FitOptions, fit, images_of
from training.measure import measure
from training.sheet import png, sheet
from training.snapshot import load_generator
from training.subject import of_run

SHOWN = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark/autoencoder"))
    parser.add_argument("--judge", action="store_true", help="the folder is a finished run: only measure it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = options.folder
    if not options.judge:
        asked = FitOptions(options.folder, "autoencoder", options.minutes, processor_time=True)
        run, _ = fit(asked, options.out)
    show(run)
    print("| data | images seen | minutes | PSNR | KID efficientnet-lite0 (floor) | KID open-nsfw (floor) |")
    print("|---|--:|--:|--:|--:|--:|")
    print(judge(run))


def show(run: Path) -> None:
    """Held-out images and their reconstructions in pairs, as reconstructions.png."""
    images = images_of(run)
    chosen = images.held_out[:: max(1, len(images.held_out) // SHOWN)][:SHOWN]
    real = np.asarray(images.images[chosen])
    back = reconstructed(load_generator(run).generator, real, images.labels[chosen])
    pairs = np.stack([real, back], 1).reshape(-1, *real.shape[1:])
    (run / "reconstructions.png").write_bytes(png(sheet(pairs)))


def judge(run: Path) -> str:
    """The row of the table."""
    snapshot, metrics = load_generator(run), measure(of_run(run))
    cells = [
        snapshot.options["dataset"]["name"],
        f"{snapshot.images_seen:,}",
        f"{snapshot.cpu_seconds / 60:.1f}",
        f"{metrics['psnr'].value:.2f} dB",
    ]
    for name in ("kid_efficientnet_lite0", "kid_open_nsfw"):
        cells.append(f"{metrics[name].value:.4f} ({metrics[name].floor:.4f})")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
