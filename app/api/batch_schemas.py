"""What travels over HTTP in POST /generate/batch."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Problem

MAX_ITEMS = 256

EXAMPLES: dict[str, dict[str, Any]] = {
    "two": {"summary": "Two requests", "value": {"requests": [{"n": 4, "seed": 1}, {"seed": 9, "format": "webp"}]}},
    "zip": {"summary": "As files", "value": {"requests": [{"seed": 1}, {"seed": 2}], "format": "zip"}},
}


class BatchRequest(BaseModel):
    """Several requests in one call. What is wrong with one of them is told in its place and stops no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="BatchRequest")

    # Validated one by one, so that one mistake is not everybody's.
    requests: Annotated[list[Any], Field(min_length=1, max_length=MAX_ITEMS)] = Field(
        description="Each as the body of POST /generate."
    )
    format: Literal["json", "zip", "multipart"] | None = Field(
        default=None, description="Form of the whole; wins over the Accept header. Default: json."
    )


class BatchResult(BaseModel):
    """One request's answer: `status` 200 and all but `problem`, or another status and `problem`."""

    status: int
    model: str | None = Field(default=None, description="`name@version`.")
    seeds: list[int] | None = Field(default=None, description="The seed of each image.")
    media_type: str | None = None
    etag: str | None = Field(default=None, description="As POST /generate would give it for this request alone.")
    b64: str | None = Field(default=None, description="The body that POST /generate would give, in base64.")
    problem: Problem | None = None


class BatchResponse(BaseModel):
    """The JSON answer of POST /generate/batch: one result a request, in their order."""

    results: list[BatchResult]
