"""The encoder against what sentence-transformers 6.2 gave for the same files (torch 2.14, CPU)."""

import numpy as np
import pytest

from app.words.encoder import Encoder, installed

# Text -> token ids by transformers' BertTokenizer, the first four numbers by SentenceTransformer.encode.
REFERENCE = {
    "something for a rainy day": (
        [101, 2242, 2005, 1037, 16373, 2154, 102],
        [-0.05443057, 0.0259404, 0.07300314, 0.09232143],
    ),
    "Déjà vu: crème-brûlée!": (
        [101, 2139, 3900, 24728, 1024, 13675, 21382, 1011, 7987, 9307, 2063, 999, 102],
        [-0.03405146, 0.00018933, 0.05906726, -0.00701373],
    ),
    "a 東京 tower 😀 naïve co-op": (
        [101, 1037, 1879, 1755, 3578, 100, 15743, 2522, 1011, 6728, 102],
        [0.0293557, 0.07397965, 0.00024358, -0.04270691],
    ),
    "x" * 150: ([101, 100, 102], [-0.04159648, -0.02468183, 0.07789319, -0.00614954]),
    "": ([101, 102], [-0.11883841, 0.04829881, -0.00254804, -0.01101118]),
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    folder = installed()
    assert folder is not None, "the development environment has the encoder"
    return Encoder(folder)


@pytest.mark.parametrize("text", REFERENCE)
def test_tokens_and_vectors_are_the_references(encoder: Encoder, text: str) -> None:
    ids, start = REFERENCE[text]
    assert encoder._tokens.ids(text) == ids
    vector = encoder.encode(text)
    assert (vector.shape, vector.dtype) == ((384,), np.float32)
    np.testing.assert_allclose(vector[:4], start, atol=2e-6)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_near_in_meaning_is_near(encoder: Encoder) -> None:
    gown, dress, boot = (encoder.encode(text) for text in ("evening gown", "dress", "ankle boot"))
    assert gown @ dress > 0.6 > gown @ boot + 0.2


def test_a_long_text_is_cut(encoder: Encoder) -> None:
    ids = encoder._tokens.ids("fox " * 1000)
    assert (len(ids), ids[-1]) == (256, 102)


def test_what_is_not_written_is_left_out(encoder: Encoder) -> None:
    assert encoder._tokens.ids("an\x00kle\u200b\tboot\ufffd") == encoder._tokens.ids("ankle boot")
