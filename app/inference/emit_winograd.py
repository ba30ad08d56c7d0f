"""The TorchScript of a Winograd step, in buffers that are kept and stay in a core's cache: a loop over a few
images at a time, or, where an image is small and its weights are not, over a sixth of the groups at a time for the
whole batch.

What costs here, beside the products, is moving numbers and calling: there are few operators and each copies long runs,
columns before rows on the way in, rows before columns on the way out, and the groups ordered (row kind, row phase,
column kind, column phase). All three kinds are one operator, x[c] + sign x[c - 1 + kind], the sign of the middle one
being 0. Which part of a buffer it reads and writes is composed here, on tensors without memory, and written out as one
`as_strided`. Several images are one high image to the convolutions where they can be: oneDNN never has pixels of two
images in one product.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from app.inference.program import Winograd

MANY = 16  # images, from where oneDNN is better at a high one
SIGNS = torch.tensor([-1.0, 0.0, -1.0]).view(3, 1, 1)

_ALONE = 2  # images: so few are quicker one by one
_TURNS = (4, 2)  # images: calling oneDNN takes a tenth of the time of one's products, ...
_CACHED = 5 << 17  # ... but more numbers than so many in groups leave the cache
_AS_STRIDED = "torch.ops.aten.as_strided"

Products = list[str]  # the convolutions of `spread`, channels last
Add = Callable[[str, str, str], list[str]]  # left, right, out: put the activation of their sum into `out`
Kept = Callable[[str, Tensor], str]  # a buffer's name, and a part of it: the expression of that part, which is kept


def turns(step: Winograd) -> list[int]:
    """How many images may have a turn together, descending."""
    groups = _buffers(step, 1)["groups"].numel()
    return [*(images for images in _TURNS if not step.parts and images * groups <= _CACHED), 1]


def lines(
    step: Winograd, x: str, signs: str, whole: dict[int, str], parts: Products, high: Products, add: Add, kept: Kept
) -> list[str]:
    """Leave the result in `pixels`, [B, 2 H, 2 W, out].

    x and signs: names of the input and of SIGNS. The step's convolutions of `spread`, channels last: whole, by the
    images of a turn, which are one high image; parts; and high, the parts where the batch is one, if it may be.
    """
    _, outside, height, width = step.out.shape
    pixels = f"pixels = {x}.new_empty([B, {height}, {width}, {outside}])"
    in_turns = partial(_in_turns, step, x, signs, whole, add, kept)
    if not parts:
        return [pixels, _blocks(step), *_largest_first(in_turns, list(whole))]
    by_rows = partial(_by_rows, step, x, signs, add)
    return [
        *(pixels, f"if B <= {_ALONE}:", *_indented([_blocks(step), *in_turns(1, "B")])),
        *((f"elif B < {MANY}:", *_indented(by_rows(parts, as_one=False))) if high else ()),
        *("else:", *_indented(by_rows(high or parts, as_one=bool(high)))),
    ]


def _largest_first(in_turns: Callable[[int, str], list[str]], sizes: list[int]) -> list[str]:
    """Turns of the largest size, and of each smaller one for what is left."""
    written, left = [], "B"
    for images in sizes:
        turn = in_turns(images, f"B - {left}, B - {images - 1}, {images}")
        written += [f"if {left} >= {images}:", *_indented(turn)]
        left = f"B % {images}"
    return written


def _blocks(step: Winograd) -> str:
    """The result as the last operator of a turn writes it."""
    _, outside, height, width = step.out.shape
    return f"blocks = pixels.view([B, {height // 4}, 2, 2, {width // 4}, 2, 2, {outside}])"


def _in_turns(
    step: Winograd, x: str, signs: str, whole: dict[int, str], add: Add, kept: Kept, images: int, firsts: str
) -> list[str]:
    """So many images at a time. firsts: the range of the first of them."""
    buffers = _buffers(step, images)
    return [
        *(f"{name} = {kept(buffer, view)}" for name, (buffer, view) in _views(buffers).items()),
        f"for i in range({firsts}):",
        *_indented(_of_one_turn(buffers["products"], x, signs, whole[images], add, images)),
    ]


def _of_one_turn(products: Tensor, x: str, signs: str, product: str, add: Add, images: int) -> list[str]:
    above, below = (_part("products", products[:, :, :, kinds]) for kinds in (slice(0, 2), slice(1, 3)))
    return [
        f"torch.ops.aten.copy_(centre, torch.ops.aten.slice({x}, 0, i, i + {images}))",
        f"torch.ops.aten.addcmul(column, column_near, {signs}, value=1, out=across)",
        f"torch.ops.aten.addcmul(row, row_near, {signs}, value=1, out=grouped)",
        f"products = {product}",
        f"torch.ops.aten.add({above}, {below}, alpha=1, out=summed)",
        f"block = torch.ops.aten.slice(blocks, 0, i, i + {images})",
        *add("left", "right", "block"),
    ]


def _by_rows(step: Winograd, x: str, signs: str, add: Add, products: Products, *, as_one: bool) -> list[str]:
    _, inside, height, width = step.x.shape
    outside, rows, across = step.out.shape[1], height // 2, width // 2
    padded = _empty(1, height + 2, width + 2, inside)
    columns = _empty(1, height + 2, across, 3, 2, inside)
    column = padded.unfold(2, 3, 1).view(1, height + 2, across, 2, inside, 3).permute(0, 1, 2, 5, 3, 4)
    centre = _of_all("padded", padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2))
    middle = _of_all("padded", column[:, :, :, 1:2].expand_as(column))
    images = f"1, {rows} * B" if as_one else f"B, {rows}"
    return [
        f"padded = {x}.new_zeros([B, {height + 2}, {width + 2}, {inside}])",
        f"columns = {x}.new_empty([B, {height + 2}, {across}, 3, 2, {inside}])",
        f"groups = {x}.new_empty([B, {rows}, {across}, {6 * inside}])",
        f"spread = groups.view([{images}, {across}, {6 * inside}]).permute([0, 3, 1, 2])",
        f"torch.ops.aten.copy_({centre}, {x})",
        f"torch.ops.aten.addcmul({middle}, {_of_all('padded', column)}, {signs}, value=1, out=columns)",
        *_of_phase(0, products[:3], columns.flatten(3), _empty(1, rows, 2, 2, across, 2, 2, outside), add),
        *_of_phase(1, products[3:], columns.flatten(3), _empty(1, rows, 2, 2, across, 2, 2, outside), add),
    ]


def _of_phase(phase: int, products: Products, columns: Tensor, pixels: Tensor, add: Add) -> list[str]:
    """One row phase of the whole batch: Q, which both rows of a pair share, then P for one and R for the other."""
    _, rows, _, _, across, _, _, outside = pixels.shape
    made = _empty(1, rows, across, 3, 2, outside)
    left, right = _of_all("products", made[:, :, :, :2]), _of_all("products", made[:, :, :, 1:])
    last = phase + 2 * rows
    middle = _of_all("columns", columns[:, phase + 1 : last : 2])
    written = [f"torch.ops.aten.copy_(groups, {middle})", f"shared = {products[0]}"]
    for row, product in enumerate(products[1:]):
        near = _of_all("columns", columns[:, phase + 2 * row : last + 2 * row - 1 : 2])
        written += [
            f"torch.ops.aten.sub({middle}, {near}, alpha=1, out=groups)",
            f"products = {product}.add_(shared)",
            f"block = {_of_all('pixels', pixels[:, :, row, phase])}",
            *add(left, right, "block"),
        ]
    return written


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def _buffers(step: Winograd, images: int) -> dict[str, Tensor]:
    """By name, axes in the order of memory."""
    _, inside, height, width = step.x.shape
    outside, rows, columns = step.out.shape[1], height // 2, width // 2
    shapes = {
        "padded": (height + 2, width + 2, inside),
        "columns": (height + 2, columns, 3, 2, inside),
        "groups": (rows, columns, 3, 2, 3, 2, inside),
        "products": (rows, columns, 3, 2, 3, 2, outside),
        "sums": (rows, columns, 2, 2, 3, 2, outside),
    }
    return {name: _empty(images, *shape) for name, shape in shapes.items()}


def _views(buffers: dict[str, Tensor]) -> dict[str, tuple[str, Tensor]]:
    """By name: a buffer's name, and what the operators of the loop see of it. Their first axis is the image."""
    padded, columns, groups, _, sums = buffers.values()
    framed = f"padded {list(padded.shape[1:])}"  # of this shape alone: nothing ever writes into its frame of zeros
    images, rows, width, inside = *groups.shape[:3], groups.shape[-1]
    # [H + 2, W / 2, kind, phase, in], [H / 2, W / 2, kind, phase, (kind and phase of the column, in)]
    column = padded.unfold(2, 3, 1).view(images, -1, width, 2, inside, 3).permute(0, 1, 2, 5, 3, 4)
    row = columns.flatten(3).unfold(1, 3, 1).view(images, rows, 2, width, 6 * inside, 3).permute(0, 1, 3, 5, 2, 4)
    # [H / 2, row, row phase, W / 2, column kind, column phase, out]: rows are those of the image already
    half = sums.permute(0, 1, 3, 4, 2, 5, 6, 7)
    return {
        "centre": (framed, padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)),
        "column": (framed, column[:, :, :, 1:2].expand_as(column)),
        "column_near": (framed, column),
        "across": ("columns", columns),
        "row": ("columns", row[:, :, :, 1:2].expand_as(row)),
        "row_near": ("columns", row),
        "grouped": ("groups", groups.flatten(5)),
        "spread": ("groups", groups.view(1, images * rows, width, 36 * inside).permute(0, 3, 1, 2)),
        "summed": ("sums", sums),
        "left": ("sums", half[:, :, :, :, :, :2]),
        "right": ("sums", half[:, :, :, :, :, 1:]),
    }


def _part(name: str, view: Tensor) -> str:
    return f"{_AS_STRIDED}({name}, {list(view.shape)}, {list(view.stride())}, {view.storage_offset()})"


def _of_all(name: str, view: Tensor) -> str:
    """The same of every image: the first axis is the batch."""
    shape = ", ".join(["B", *map(str, view.shape[1:])])
    return f"{_AS_STRIDED}({name}, [{shape}], {list(view.stride())}, {view.storage_offset()})"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
