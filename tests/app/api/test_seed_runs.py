import pytest

from app.api.seed_runs import written


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ([], ""),
        ([5], "5"),
        ([5, 6], "5,6"),
        ([5, 6, 7], "5-7"),
        ([7, 6, 5], "7,6,5"),
        ([1, 1, 1], "1,1,1"),
        ([4294967294, 4294967295, 0, 1, 2], "4294967294,4294967295,0-2"),
        ([9, 1, 2, 3, 4, 8, 9, 10, 3], "9,1-4,8-10,3"),
        (list(range(100, 356)), "100-355"),
    ],
)
def test_runs_are_written_short(seeds: list[int], text: str) -> None:
    assert written(seeds) == text
