"""Class names that stand in a prompt, whole or nearly."""

import difflib
import re
from collections.abc import Mapping, Sequence

_LONGEST_NAME = 4  # words
_NEAR = 0.75

# What joins things that are wanted side by side.
_JOINTS = re.compile(r"[,;+&\n]|\b(?:and|or)\b", re.IGNORECASE)


def parts(prompt: str) -> list[str]:
    """The things that a prompt asks for, each to get an equal share."""
    return [part.strip() for part in _JOINTS.split(prompt) if re.search(r"\w", part)]


def keys(classes: Sequence[str]) -> dict[str, int]:
    """What the classes are called by here -> index: names, and what stands on either side of a slash in them, without
    case, spaces, signs and plural."""
    found: dict[str, int] = {}
    for index, name in enumerate(classes):
        for called in (name, *name.split("/")):
            found.setdefault(_key(re.split(r"[\s_]+", called)), index)
    found.pop("", None)
    return found


def named(part: str, called: Mapping[str, int]) -> list[int]:
    """The classes whose whole names stand in it, longer names before the shorter ones inside them."""
    words, found, start = part.split(), [], 0
    while start < len(words):
        for count in range(min(_LONGEST_NAME, len(words) - start), 0, -1):
            index = called.get(_key(words[start : start + count]))
            if index is not None:
                found.append(index)
                start += count - 1
                break
        start += 1
    return list(dict.fromkeys(found))


def nearly_named(part: str, called: Mapping[str, int]) -> list[int]:
    """The class whose name the part, or else a word of it, comes closest to; none if none is close."""
    for text in (_key(part.split()), *(_key([word]) for word in part.split())):
        if near := difflib.get_close_matches(text, called, n=1, cutoff=_NEAR):
            return [called[near[0]]]
    return []


def _key(words: Sequence[str]) -> str:
    return "".join(_singular(re.sub(r"[\W_]", "", word.casefold())) for word in words)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
