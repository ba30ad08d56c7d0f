"""Seeds as a header value: `7,9,100-163`. A run of three or more consecutive seeds is written first-last."""

from collections.abc import Sequence


def written(seeds: Sequence[int]) -> str:
    """A grid of 256 consecutive seeds stays a few bytes long; proxies refuse headers of more than about 4 kB."""
    parts: list[str] = []
    start = 0
    for end in range(1, len(seeds) + 1):
        if end < len(seeds) and seeds[end] == seeds[end - 1] + 1:
            continue
        run = seeds[start:end]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(seed) for seed in run]
        start = end
    return ",".join(parts)
