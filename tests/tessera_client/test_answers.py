import pytest

from app.api.seed_runs import written
from tessera_client import answers


@pytest.mark.parametrize(
    "seeds", [[], [7], [7, 9], [1, 2, 3], [7, 9, *range(100, 164)], [2**32 - 2, 2**32 - 1, 0, 1, 2], [3, 3, 3]]
)
def test_seeds_are_read_as_the_service_writes_them(seeds: list[int]) -> None:
    assert answers.seeds(written(seeds)) == seeds
