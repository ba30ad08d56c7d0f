"""What travels over HTTP in POST /generate/archive."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import MAX_SCALE, Label, Seed

EXAMPLES: dict[str, dict[str, Any]] = {
    "hundred": {"summary": "A hundred images", "value": {"n": 100, "seed": 1}},
    "chosen": {"summary": "Chosen seeds, enlarged", "value": {"seeds": [7, 7007, 70707], "scale": 4}},
}


class ArchiveRequest(BaseModel):
    """A data set: so many images of one model as single files."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="ArchiveRequest")

    model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="`name` (its newest version) or `name@version`; default: the service's default model."
    )
    n: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Number of images; default: the length of `seeds`, or else of `labels`."
    )
    seed: Seed | None = Field(
        default=None, description="Image i uses seed + i (mod 2^32). Default: random, reported in X-Tessera-Seeds."
    )
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = Field(
        default=None, description="One seed an image, instead of `seed`."
    )
    label: Label | None = Field(default=None, description="Class of every image, by name or index.")
    labels: Annotated[list[Label], Field(min_length=1)] | None = Field(
        default=None,
        description="Classes dealt to the images in turn, from the first again after the last: `[a, a, b]` makes two "
        "of `a` for each of `b`.",
    )
    balanced: bool = Field(default=False, description="All classes of the model in turn: as many images of each.")
    folders: bool = Field(default=False, description="The files of each class in a folder named after it.")
    truncation_psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="1: full variety; towards 0: closer to the average image."
    )
    scale: Annotated[int, Field(ge=1, le=MAX_SCALE)] = Field(
        default=1, description="Whole-number enlargement without smoothing."
    )
