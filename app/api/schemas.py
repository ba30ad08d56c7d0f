"""What travels over HTTP: the request of POST /generate, the JSON answers, the problem document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SEED_MAX = 2**32 - 1
MAX_PADDING = 64
MAX_SCALE = 16
MAX_PROMPT = 200

Seed = Annotated[int, Field(ge=0, le=SEED_MAX, description="0 to 2^32-1.")]
Label = Annotated[int | Annotated[str, Field(min_length=1, max_length=200)], Field(description="Class name or index.")]
Prompt = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT)]
Format = Literal["png", "webp", "jpeg", "json", "zip"]

EXAMPLES: dict[str, dict[str, Any]] = {
    "grid": {"summary": "An 8x8 grid", "value": {"n": 64, "seed": 1}},
    "one": {"summary": "Tile 3 of that grid, alone", "value": {"n": 1, "seed": 4, "padding": 0}},
    "seeds": {"summary": "Chosen seeds in a row", "value": {"seeds": [7, 7007, 70707], "columns": 3, "format": "webp"}},
    "calm": {"summary": "Closer to the average", "value": {"n": 16, "seed": 1, "truncation_psi": 0.7, "scale": 2}},
    "json": {"summary": "Single images as base64", "value": {"n": 2, "seed": 1, "format": "json"}},
    "zip": {"summary": "Single files and metadata.jsonl", "value": {"n": 10, "seed": 1, "format": "zip"}},
}


class GenerateRequest(BaseModel):
    """All fields may be left out: `{}` is one image of the default model, from a seed the service picks and reports."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="GenerateRequest")

    model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="`name` (its newest version) or `name@version`; default: the service's default model."
    )
    n: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Number of images; default: the length of `seeds` or `labels`, else 1."
    )
    seed: Seed | None = Field(
        default=None, description="Image i uses seed + i (mod 2^32). Default: random, reported in X-Tessera-Seeds."
    )
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = Field(
        default=None, description="One seed an image, instead of `seed`."
    )
    label: Label | None = Field(default=None, description="Class of every image, by name or index.")
    labels: Annotated[list[Label], Field(min_length=1)] | None = Field(
        default=None, description="One class an image, instead of `label`."
    )
    prompt: Prompt | None = Field(
        default=None, description="Words that name or mean classes of the model, instead of `label` or `labels`."
    )
    truncation_psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="1: full variety; towards 0: closer to the average image."
    )
    columns: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Columns of the grid; default: ceil(sqrt(n)). More than n counts as n."
    )
    padding: Annotated[int, Field(ge=0, le=MAX_PADDING)] = Field(
        default=2, description="Pixels around and between the tiles of a grid; `scale` leaves it as it is."
    )
    background: Annotated[str, Field(pattern=r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$")] = Field(
        default="#ffffff", description="Colour of the padding: #rgb, #rrggbb or #rrggbbaa."
    )
    scale: Annotated[int, Field(ge=1, le=MAX_SCALE)] = Field(
        default=1, description="Whole-number enlargement without smoothing."
    )
    format: Format | None = Field(default=None, description="Wins over the Accept header. Default: png.")
    timeout_ms: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Deadline in milliseconds from arrival; default and upper limit: the server's."
    )


class GeneratedImage(BaseModel):
    """One image of a JSON answer."""

    seed: Seed
    label: str | None = Field(description="Class name; null for a model without classes.")
    b64_png: str = Field(description="The image as a PNG file in base64; it carries its own provenance.")


class Generated(BaseModel):
    """The JSON answer of POST /generate."""

    model: str = Field(description="`name@version`.")
    digest: str = Field(description="SHA-256 of the generator: with a seed and the parameters it fixes the pixels.")
    truncation_psi: float
    label_shares: dict[str, float] | None = Field(
        default=None, description="Of a `prompt`: the classes that it took, and their shares."
    )
    width: int
    height: int
    images: list[GeneratedImage]


class ImageShape(BaseModel):
    height: int
    width: int
    channels: int


class ModelSummary(BaseModel):
    """A loaded model, as listed by GET /models."""

    name: str
    version: int
    ref: str = Field(description="`name@version`, usable as `model`.")
    default: bool
    family: str
    digest: str
    image: ImageShape
    classes: list[str]
    capabilities: list[str]


class EngineFacts(BaseModel):
    """How this process computes the model."""

    device: str
    batching: str = Field(
        description="`natural`: any batch size proved identical here; `fixed`: padded to one of `buckets`."
    )
    buckets: list[int]
    images_per_second: float = Field(description="Measured at warm-up.")
    fallback: str = Field(description="Why the published module runs instead of its faster form; empty: it does not.")


class ModelFacts(ModelSummary):
    """Everything the manifest says, and how the model runs here."""

    engine: EngineFacts
    manifest: dict[str, Any]


class ModelList(BaseModel):
    default: str | None = Field(description="`name@version` of the model used when none is named.")
    models: list[ModelSummary]


class Health(BaseModel):
    status: str = Field(description="`ok`, or the reason in one sentence.")


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. Branch on `code`; `detail` is for people and may change."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None = None
    field: str | None = Field(default=None, description="The first field to change.")
    errors: list[FieldError] | None = Field(default=None, description="Every field to change.")
    retry_after: int | None = Field(default=None, description="Seconds, as in the Retry-After header.")
