"""What travels over HTTP in POST /interpolate, /variations, /reconstruct and /evolve."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import MAX_PADDING, MAX_SCALE, Format, Label, Prompt, Seed
from app.images.fitting import Fit

MAX_SEEDS = 64

Code = Annotated[
    list[Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]],
    Field(min_length=1, max_length=4096, description="A latent vector, as POST /reconstruct gives it."),
]

INTERPOLATE_EXAMPLES: dict[str, dict[str, Any]] = {
    "strip": {"summary": "From one to the other", "value": {"seeds": [1, 2], "n": 8}},
    "loop": {"summary": "Endless", "value": {"seeds": [1, 2, 3], "n": 24, "loop": True, "layout": "animation"}},
}
VARIATIONS_EXAMPLES: dict[str, dict[str, Any]] = {
    "near": {"summary": "Near a seed", "value": {"seed": 7, "n": 9}},
    "far": {"summary": "Far from it", "value": {"seed": 7, "n": 9, "strength": 0.8, "format": "json"}},
}
EVOLVE_EXAMPLES: dict[str, dict[str, Any]] = {
    "liked": {"summary": "More like these", "value": {"liked": [1, 5]}},
    "both": {"summary": "And less like those", "value": {"liked": [1, 5, 9], "disliked": [2, 3], "n": 4}},
}


class Asked(BaseModel):
    """What every latent tool may be told."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="`name` or `name@version`; default: the service's default model."
    )
    label: Label | None = Field(default=None, description="Class of every image, by name or index.")
    prompt: Prompt | None = Field(
        default=None, description="Words that name or mean classes of the model, instead of `label`."
    )
    truncation_psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="1: full variety; towards 0: closer to the average image."
    )
    background: Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")] = Field(
        default="#ffffff", description="Colour of the padding: #rgb, #rrggbb or #rrggbbaa."
    )
    scale: Annotated[int, Field(ge=1, le=MAX_SCALE)] = Field(
        default=1, description="Whole-number enlargement without smoothing."
    )
    timeout_ms: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Deadline in milliseconds from arrival; default and upper limit: the server's."
    )


class Gridded(Asked):
    """What every one may be told that makes several images."""

    columns: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Columns of the grid.")
    padding: Annotated[int, Field(ge=0, le=MAX_PADDING)] = Field(
        default=2, description="Pixels around and between the tiles."
    )


class InterpolateRequest(Gridded):
    """Frames on the way from seed to seed, or code to code, along great circles. One of `seeds` and `codes`."""

    seeds: Annotated[list[Seed], Field(min_length=2, max_length=MAX_SEEDS)] | None = Field(
        default=None, description="Where the way leads."
    )
    codes: Annotated[list[Code | Seed], Field(min_length=2, max_length=MAX_SEEDS)] | None = Field(
        default=None, description="Where the way leads, each a code, or a seed, which stands for its latent."
    )
    n: Annotated[int, Field(ge=2)] = Field(default=16, description="Frames in all; at least as many as points.")
    loop: bool = Field(default=False, description="Back to the first point, which is not repeated at the end.")
    layout: Literal["strip", "grid", "animation"] = Field(
        default="strip", description="One row, a grid, or an animation."
    )
    frame_ms: Annotated[int, Field(ge=10, le=10_000)] = Field(
        default=80, description="Of an animation: milliseconds a frame."
    )
    format: Literal["png", "webp", "jpeg", "apng"] | None = Field(
        default=None, description="Animations are webp (default) or apng; else png (default), webp or jpeg."
    )


class _Around(Gridded):
    n: Annotated[int, Field(ge=1)] = Field(default=8, description="Number of variations.")
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=0.3, description="0: the image itself; 1: that of the variation's seed."
    )
    variation_seed: Seed | None = Field(
        default=None, description="Variation i is drawn towards variation_seed + i. Default: seed + 1, or 0."
    )
    format: Format | None = Field(default=None, description="Wins over the Accept header. Default: png.")


class VariationsRequest(_Around):
    """Images around that of a seed or a code, one of the two."""

    seed: Seed | None = Field(default=None, description="The seed to stay near.")
    code: Code | None = Field(default=None, description="The code to stay near.")


class VariationsForm(_Around):
    """Images around an uploaded one, by a model that can encode."""

    fit: Fit = Field(default="crop", description="crop: the centre of the upload; pad: the whole, on white.")


class ReconstructForm(Asked):
    """An uploaded image as a model that can encode sees it, and its code."""

    fit: Fit = Field(default="crop", description="crop: the centre of the upload; pad: the whole, on white.")
    format: Literal["png", "webp", "jpeg", "json"] | None = Field(
        default=None, description="Wins over the Accept header. Default: png; json holds the code as well."
    )


class Reconstructed(BaseModel):
    """The JSON answer of POST /reconstruct."""

    model: str = Field(description="`name@version`.")
    digest: str = Field(description="SHA-256 of the generator, whose code this is.")
    label: str | None = Field(description="Class name; null for a model without classes.")
    truncation_psi: float
    width: int
    height: int
    code: list[float] = Field(description="The latent vector, for `code` and `codes` of the other routes.")
    b64_png: str = Field(description="What the model makes of the code, as a PNG file in base64.")


class EvolveRequest(Gridded):
    """Children of what was liked, away from what was disliked."""

    liked: Annotated[list[Seed], Field(min_length=1, max_length=MAX_SEEDS)] = Field(description="The parents.")
    disliked: Annotated[list[Seed], Field(max_length=MAX_SEEDS)] = Field(default=[], description="What to leave.")
    n: Annotated[int, Field(ge=1)] = Field(default=16, description="Number of children.")
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=0.2, description="How far a child is drawn towards its own seed; 0: only its parents count."
    )
    seed: Seed | None = Field(
        default=None, description="Child i has seed + i. Default: drawn from `liked` and `disliked`."
    )
    format: Format | None = Field(default=None, description="Wins over the Accept header. Default: png.")
