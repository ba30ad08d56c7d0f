"""Which images are held out: decided by their pixels alone, so neither file names nor the order of the folder matter,
the same image is on the same side in every run, and what is nearly the same is never on both sides."""

import hashlib

import numpy as np


def hold_out(
    pixel_hashes: list[bytes], groups: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """-> (train, held_out): int64 indices, ascending, disjoint, together all.

    pixel_hashes: one a image; groups int64 [N]: images of one number stay together (near duplicates). Groups are drawn
    in the order of their hash until round(fraction * N) images are held out, at least one unless fraction is 0; adding
    images to a set moves few of the others. Raises ValueError for a fraction outside [0, 0.5].
    """
    if not 0 <= fraction <= 0.5:
        raise ValueError(f"held_out_fraction must be between 0 and 0.5, not {fraction}")
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(index)
    wanted = max(1, round(fraction * len(pixel_hashes))) if fraction > 0 else 0
    salt = seed.to_bytes(8, "little", signed=True)
    drawn = sorted(
        members.values(), key=lambda group: hashlib.sha256(salt + min(pixel_hashes[i] for i in group)).digest()
    )
    held_out: list[int] = []
    for group in drawn:
        if len(held_out) + len(group) <= wanted:
            held_out += group
    is_held_out = np.zeros(len(pixel_hashes), bool)
    is_held_out[held_out] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
