"""Seeds as a header value: `7,9,100-163`. A run of three or more consecutive seeds is written first-last."""

from collections.abc import Sequence

from app.api.schemas import SEED_MAX


def written(seeds: Sequence[int]) -> str:
    """A grid of 256 consecutive seeds stays a few bytes long; proxies refuse headers of more than about 4 kB."""
    parts: list[str] = []
    start = 0
    for end in range(1, len(seeds) + 1):
        if end < len(seeds) and seeds[end] == seeds[end - 1] + 1:
            continue
        parts.append(_run(seeds[start:end]))
        start = end
    return ",".join(parts)


def consecutive(first: int, n: int) -> str:
    """The same of n seeds from `first` on (modulo 2^32), n >= 1, without a look at each."""
    end = first + n
    beyond = end - SEED_MAX - 1
    runs = [range(first, min(end, SEED_MAX + 1))] + ([range(beyond)] if beyond > 0 else [])
    return ",".join(map(_run, runs))


def _run(run: Sequence[int]) -> str:
    return f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run))
