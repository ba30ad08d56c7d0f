"""From the caller's class names and indices to a model's class indices."""

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidFields


def resolve(labels: Sequence[int | str], classes: Sequence[str], fields: Sequence[str]) -> NDArray[np.int64]:
    """Class indices, int64 [len(labels)].

    fields: what the caller called each label ("label", "labels.3"). Raises InvalidFields naming every wrong one.
    """
    indices = {name: index for index, name in enumerate(classes)}
    folded = {name.casefold(): index for name, index in indices.items()}
    found, wrong = [], {}
    for label, field in zip(labels, fields, strict=True):
        index = indices.get(label, folded.get(label.casefold(), -1)) if isinstance(label, str) else label
        if 0 <= index < len(classes):
            found.append(index)
        else:
            wrong[field] = _complaint(label, classes)
    if wrong:
        raise InvalidFields(list(wrong.items()))
    return np.array(found, np.int64)


def _complaint(label: int | str, classes: Sequence[str]) -> str:
    if not classes:
        return "this model has no classes"
    if not isinstance(label, str):
        return f"{label} is not a class index; this model has 0 to {len(classes) - 1}"
    near = difflib.get_close_matches(label[:100], classes, n=1)
    hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(classes[:20])}"
    return f"{label[:100]!r} is not a class of this model; {hint}"
