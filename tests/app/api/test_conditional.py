import pytest

from app.api.conditional import matches


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*", " * "])
def test_it_names_the_tag(header: str) -> None:
    assert matches(header, "a")


@pytest.mark.parametrize("header", [None, "", '"b"', '"ab"', "a", '"b", "c"', '"*"'])
def test_it_does_not(header: str | None) -> None:
    assert not matches(header, "a")
