"""What travels over HTTP under /v1: the names are those of OpenAI's API, where `null` counts as left out."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api.schemas import Seed

EXAMPLES: dict[str, dict[str, Any]] = {
    "one": {"summary": "One image", "value": {"prompt": "portrait"}},
    "bags": {
        "summary": "Of a class, larger, the same each time",
        "value": {"prompt": "bag", "model": "fashion", "n": 4, "size": "256x256", "seed": 7},
    },
}


def _false(value: bool) -> bool:
    """Literal[False] would take 0 for it."""
    if value:
        raise ValueError("can only be false")
    return value


class ImagesRequest(BaseModel):
    """Those of OpenAI's fields that can be obeyed, some that change nothing, and two of our own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="ImagesRequest")

    prompt: Annotated[str, Field(max_length=32_000)] = Field(
        description="Words that mean classes, as in POST /generate; empty: each seed draws one. "
        "A model without classes does not read it."
    )
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="`name` or `name@version`; default: the service's default model."
    )
    n: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Number of images; default: 1.")
    size: Annotated[str, Field(pattern=r"^(auto|[1-9][0-9]{0,3}x[1-9][0-9]{0,3})$")] | None = Field(
        default=None,
        description="`WIDTHxHEIGHT` in the model's proportions, resampled smoothly; `auto`: its own pixels.",
    )
    output_format: Literal["png", "webp", "jpeg"] | None = Field(default=None, description="Default: png.")
    background: Literal["auto", "transparent", "opaque"] | None = Field(
        default=None, description="What the images of this model have; anything else is an error."
    )
    response_format: Literal["b64_json"] | None = Field(default=None, description="Images come in the answer.")
    output_compression: Literal[100] | None = Field(default=None, description="The quality of a format is fixed.")
    stream: Annotated[bool, AfterValidator(_false), Field(json_schema_extra={"const": False})] | None = Field(
        default=None, description="Images come whole."
    )
    partial_images: Annotated[int, Field(ge=0, le=0)] | None = Field(default=None, description="Images come whole.")
    quality: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="Without effect.")
    style: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="Without effect.")
    moderation: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="Without effect.")
    user: Annotated[str, Field(max_length=1000)] | None = Field(default=None, description="Without effect.")
    safety_identifier: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="Without effect."
    )
    seed: Seed | None = Field(default=None, description="Ours: image i is seed + i (mod 2^32). Default: random.")
    truncation_psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None, description="Ours: 1 (the default): full variety; towards 0: closer to the average image."
    )


class ImagesImage(BaseModel):
    """seed is ours."""

    b64_json: str = Field(description="The image as a file in base64; it carries its own provenance.")
    revised_prompt: str | None = Field(default=None, description="The class that was drawn, if the model has classes.")
    seed: Seed


class ImagesResponse(BaseModel):
    """model and digest are ours."""

    created: int = Field(description="Unix time.")
    background: Literal["transparent", "opaque"]
    output_format: Literal["png", "webp", "jpeg"]
    size: str = Field(description="`WIDTHxHEIGHT`.")
    model: str = Field(description="`name@version`.")
    digest: str = Field(description="SHA-256 of the generator: with a seed and the parameters it fixes the pixels.")
    data: list[ImagesImage]


class OpenAIModel(BaseModel):
    id: str = Field(description="`name@version`, usable as `model`.")
    object: Literal["model"] = "model"
    created: int = Field(description="When the version was published, Unix time.")
    owned_by: str = "tessera"


class OpenAIModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[OpenAIModel]


class OpenAIErrorFacts(BaseModel):
    message: str
    type: str
    param: str | None = Field(description="The first field to change.")
    code: str = Field(description="As in a problem document; stable.")


class OpenAIError(BaseModel):
    error: OpenAIErrorFacts
