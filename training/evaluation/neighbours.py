"""Nearest training images, and how near that is for where they lie."""

from dataclasses import dataclass

import numpy as np

BLOCK = 256
LEAST = 1e-9


@dataclass(frozen=True)
class Neighbours:
    """For each of N points. index: the nearest training point; first, second: the distances to it and to the next;
    scale: that training point's own distance to its nearest neighbour."""

    index: np.ndarray
    first: np.ndarray
    second: np.ndarray
    scale: np.ndarray

    @property
    def nearer(self) -> np.ndarray:
        """[N], about 1 for a new image and 0 for a copy (the authenticity of Alaa et al. 2022)."""
        return self.first / np.maximum(self.scale, LEAST)

    @property
    def ratio(self) -> np.ndarray:
        """[N] in [0, 1], 0 for a copy."""
        return self.first / np.maximum(self.second, LEAST)

    @property
    def measures(self) -> np.ndarray:
        """[N, 2]: nearer and ratio."""
        return np.stack([self.nearer, self.ratio], axis=1)


def neighbours(points: np.ndarray, train: np.ndarray) -> Neighbours:
    """points [N, D], train float64 [M >= 3, D]."""
    index, distance = nearest(points, train, 2)
    at, inverse = np.unique(index[:, 0], return_inverse=True)
    _, own = nearest(train[at], train, 2)  # the nearest of all is the point itself
    return Neighbours(index[:, 0], distance[:, 0], distance[:, 1], own[inverse, 1])


def leave_one_out(train: np.ndarray, count: int) -> Neighbours:
    """At most `count` of the training points, each against the others as if it were not among them. train [M >= 4,
    D]."""
    chosen = np.random.default_rng(0).permutation(len(train))[:count]
    index, distance = _without(chosen, *nearest(train[chosen], train, 3))
    at = index[:, 0]
    # Three of its neighbours, less the one left out, are two; less itself, the one that is asked for.
    others, between = _without(chosen, *nearest(train[at], train, 3))
    own = np.where(others[:, 0] == at, between[:, 1], between[:, 0])
    return Neighbours(at, distance[:, 0], distance[:, 1], own)


def _without(left_out: np.ndarray, index: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N, 3] -> [N, 2]: each row less the point left out, or less its last if that is not there."""
    drop = index == left_out[:, None]
    drop[~drop.any(axis=1), 2] = True
    return index[~drop].reshape(-1, 2), distance[~drop].reshape(-1, 2)


def nearest(points: np.ndarray, train: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest training points of each point, nearest first: (int64 [N, count], float64 [N, count])."""
    norms = (train**2).sum(axis=1)
    indices, distances = [np.empty((0, count), np.int64)], [np.empty((0, count))]
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK].astype(np.float64)
        squared = (block**2).sum(axis=1)[:, None] + norms - 2 * (block @ train.T)
        some = np.argpartition(squared, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(squared, some, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        indices.append(np.take_along_axis(some, order, axis=1))
        distances.append(np.sqrt(np.maximum(np.take_along_axis(values, order, axis=1), 0)))
    return np.concatenate(indices), np.concatenate(distances)
