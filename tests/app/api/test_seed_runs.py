import pytest

from app.api.seed_runs import consecutive, written


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


@pytest.mark.parametrize(("first", "n"), [(0, 1), (5, 2), (5, 3), (2**32 - 1, 1), (2**32 - 1, 4), (2**32 - 3, 3)])
def test_consecutive_ones_need_no_list(first: int, n: int) -> None:
    assert consecutive(first, n) == written([(first + i) % 2**32 for i in range(n)])
