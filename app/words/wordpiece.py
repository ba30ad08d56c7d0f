"""Text into the tokens of an uncased BERT: cleaned, lower case, accents off, split at punctuation, cut by WordPiece.

Source: Devlin et al. 2019 and its reference tokeniser; tests compare with ids that the `transformers` library gave.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_CJK = re.compile("([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ceaf\U0002f800-\U0002fa1f])")


class WordPiece:
    """vocabulary: token -> id; what continues a word begins with ##."""

    def __init__(self, vocabulary: Mapping[str, int], max_tokens: int) -> None:
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens

    def ids(self, text: str) -> list[int]:
        """At most max_tokens, the first and last of which frame the text."""
        tokens = [token for word in _words(text) for token in self._pieces(word)]
        framed = [_BEGIN, *tokens[: self._max_tokens - 2], _END]
        return [self._vocabulary[token] for token in framed]

    def _pieces(self, word: str) -> list[str]:
        """The longest pieces from the left; a word that cannot be cut so is unknown as a whole."""
        if len(word) > _LONGEST_WORD:
            return [_UNKNOWN]
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._vocabulary), None)
            if end is None:
                return [_UNKNOWN]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces


def _words(text: str) -> Iterator[str]:
    cleaned = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_written(char))
    for word in _CJK.sub(r" \1 ", cleaned).split():
        plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        part = ""
        for char in plain:
            if _is_punctuation(char):
                yield from filter(None, (part, char))
                part = ""
            else:
                part += char
        if part:
            yield part


def _is_written(char: str) -> bool:
    return char != "\ufffd" and not unicodedata.category(char).startswith("C")


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char).startswith("P") or (char.isascii() and not char.isalnum())
