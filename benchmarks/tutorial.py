"""The model of the benchmarks: the tutorial's generator, untrained, published into a temporary folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "tutorial"
Z_DIM = 100
_PASSES, _BATCH = 30, 64


@contextmanager
def models_folder(chosen: Path | None = None) -> Iterator[Path]:
    """`chosen`, or a new folder of published models that holds only the tutorial's generator."""
    if chosen is not None:
        yield chosen.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        publish_tutorial(Path(folder))
        yield Path(folder)


def publish_tutorial(models: Path, resolution: int = 64, width: int = 64) -> Path:
    """models/tutorial/1. The same weights every time; the tutorial's own sizes by default.

    With BatchNorm statistics of its start the untrained network draws plain grey, which any PNG encoder and any
    comparison of pixels finds too easy: some passes in training mode settle them first.
    """
    import torch  # here, so that commands which are given a folder do not wait for it

    from training.facts import Dataset, TrainingFacts
    from training.networks.dcgan import Generator
    from training.publish import publish

    torch.manual_seed(0)
    generator = Generator(resolution, 3, Z_DIM, width)
    with torch.no_grad():
        for _ in range(_PASSES):
            generator(torch.randn(_BATCH, Z_DIM), torch.zeros(_BATCH, dtype=torch.int64))
    facts = TrainingFacts(
        family="dcgan",
        dataset=Dataset("none", "0" * 64, 2, 1),
        recipe="dcgan",
        config={},
        seed=0,
        images_seen=0,
        seconds=0.0,
        cpu_hours=0.0,
        commit="",
        device="cpu",
        versions={},
    )
    return publish(generator.eval(), facts, models, NAME, data_licence="CC0-1.0", weights_licence="CC0-1.0")
