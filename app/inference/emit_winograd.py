"""The TorchScript of a Winograd step: a loop over images, in buffers that are made once and stay in a core's cache.

What costs here is moving numbers, so there are few operators and each copies long runs: columns before rows on the way
in, rows before columns on the way out, and the groups ordered (row kind, row phase, column kind, column phase). All
three kinds are one operator, x[c] + sign x[c - 1 + kind], the sign of the middle one being 0. Which part of a buffer it
reads and writes is composed here, on tensors without memory, and written out as one `as_strided`.
"""

import torch
from torch import Tensor

from app.inference.program import Winograd

SIGNS = torch.tensor([-1.0, 0.0, -1.0]).view(3, 1, 1)

_AS_STRIDED = "torch.ops.aten.as_strided"


def lines(step: Winograd, x: str, signs: str, product: str, activated: str) -> list[str]:
    """Leave the result in `pixels`, [B, 2 H, 2 W, out]. x and signs: names of the input and of SIGNS. product: the
    convolution of `spread`, channels last. activated: puts the activation of `image` into it, or nothing."""
    buffers = _buffers(step)
    _, outside, height, width = step.out.shape
    blocks = [height // 4, 2, 2, width // 4, 2, 2, outside]
    return [
        f"padded = {x}.new_zeros({list(buffers['padded'].shape)})",
        *(f"{name} = {x}.new_empty({list(buffers[name].shape)})" for name in ("columns", "groups", "sums")),
        *(f"{name} = {_part(buffer, view)}" for name, (buffer, view) in _views(buffers).items()),
        f"pixels = {x}.new_empty([B, {height}, {width}, {outside}])",
        f"images = pixels.view([B, {', '.join(map(str, blocks))}])",
        "for i in range(B):",
        *(f"    {line}" for line in _of_one_image(buffers["products"], x, signs, product, activated)),
    ]


def _of_one_image(products: Tensor, x: str, signs: str, product: str, activated: str) -> list[str]:
    above, below = (_part("products", products[:, :, kinds]) for kinds in (slice(0, 2), slice(1, 3)))
    return [
        f"torch.ops.aten.copy_(centre, torch.ops.aten.select({x}, 0, i))",
        f"torch.ops.aten.addcmul(column, column_near, {signs}, value=1, out=columns)",
        f"torch.ops.aten.addcmul(row, row_near, {signs}, value=1, out=grouped)",
        f"products = {product}",
        f"torch.ops.aten.add({above}, {below}, alpha=1, out=sums)",
        "image = torch.ops.aten.select(images, 0, i)",
        "torch.ops.aten.add(left, right, alpha=1, out=image)",
        *([activated] if activated else []),
    ]


def _buffers(step: Winograd) -> dict[str, Tensor]:
    """Of one image: by name, axes in the order of memory."""
    _, inside, height, width = step.x.shape
    outside, rows, columns = step.out.shape[1], height // 2, width // 2
    shapes = {
        "padded": (height + 2, width + 2, inside),
        "columns": (height + 2, columns, 3, 2, inside),
        "groups": (rows, columns, 3, 2, 3, 2, inside),
        "products": (rows, columns, 3, 2, 3, 2, outside),
        "sums": (rows, columns, 2, 2, 3, 2, outside),
    }
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def _views(buffers: dict[str, Tensor]) -> dict[str, tuple[str, Tensor]]:
    """By name: a buffer's name, and what the operators of the loop see of it."""
    padded, columns, groups, _, sums = buffers.values()
    rows, width, inside = *groups.shape[:2], groups.shape[-1]
    # [H + 2, W / 2, kind, phase, in], [H / 2, W / 2, kind, phase, (kind and phase of the column, in)]
    column = padded.unfold(1, 3, 1).view(-1, width, 2, inside, 3).permute(0, 1, 4, 2, 3)
    row = columns.flatten(2).unfold(0, 3, 1).view(rows, 2, width, 6 * inside, 3).permute(0, 2, 4, 1, 3)
    # [H / 2, row, row phase, W / 2, column kind, column phase, out]: rows are those of the image already
    half = sums.permute(0, 2, 3, 1, 4, 5, 6)
    return {
        "centre": ("padded", padded[1:-1, 1:-1].permute(2, 0, 1)),
        "column": ("padded", column[:, :, 1:2].expand_as(column)),
        "column_near": ("padded", column),
        "row": ("columns", row[:, :, 1:2].expand_as(row)),
        "row_near": ("columns", row),
        "grouped": ("groups", groups.flatten(4)),
        "spread": ("groups", groups.view(1, rows, width, 36 * inside).permute(0, 3, 1, 2)),
        "left": ("sums", half[:, :, :, :, :2]),
        "right": ("sums", half[:, :, :, :, 1:]),
    }


def _part(name: str, view: Tensor) -> str:
    return f"{_AS_STRIDED}({name}, {list(view.shape)}, {list(view.stride())}, {view.storage_offset()})"
