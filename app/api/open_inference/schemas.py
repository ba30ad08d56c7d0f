"""What travels over HTTP under /v2, by the names of the Open Inference Protocol."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

EXAMPLES: dict[str, dict[str, Any]] = {
    "seeds": {
        "summary": "From seeds",
        "value": {"inputs": [{"name": "seed", "datatype": "UINT32", "shape": [2], "data": [7, 8]}]},
    },
    "calm": {
        "summary": "Closer to the average",
        "value": {
            "id": "mine",
            "parameters": {"truncation_psi": 0.7},
            "inputs": [{"name": "seed", "datatype": "UINT32", "shape": [1], "data": [7]}],
            "outputs": [{"name": "images", "parameters": {"binary_data": False}}],
        },
    },
}

Size = Annotated[int, Field(ge=0, le=2**31)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InputParameters(_Part):
    binary_data_size: Size | None = Field(default=None, description="Bytes of this tensor after the JSON.")


class InferInput(_Part):
    name: Literal["z", "label", "seed"]
    shape: Annotated[list[Size], Field(min_length=1, max_length=2)]
    datatype: Annotated[str, Field(max_length=20)]
    parameters: InputParameters | None = None
    data: list[Any] | None = Field(default=None, description="Row by row, flat or nested.")


class OutputParameters(_Part):
    binary_data: bool | None = Field(default=None, description="After the JSON instead of in it.")


class InferOutput(_Part):
    name: Literal["images"]
    parameters: OutputParameters | None = None


class InferParameters(_Part):
    binary_data_output: bool = Field(default=False, description="`binary_data` of outputs that do not say.")
    timeout: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Deadline, microseconds.")
    truncation_psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        default=1.0, description="Ours. 1: full variety; towards 0: closer to the average image."
    )


class InferRequest(_Part):
    """Inputs: `z` FP32 [B, z_dim] or `seed` UINT32 [B], and `label` INT64 [B] for a model with classes."""

    model_config = ConfigDict(title="InferRequest")

    id: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="Comes back in the answer.")
    parameters: InferParameters = InferParameters()
    inputs: Annotated[list[InferInput], Field(min_length=1, max_length=3)]
    outputs: Annotated[list[InferOutput], Field(max_length=1)] | None = None


class TensorMetadata(BaseModel):
    name: str
    datatype: str
    shape: list[int] = Field(description="-1: any number.")


class InferredTensor(TensorMetadata):
    parameters: dict[str, Any] | None = None
    data: list[int] | None = None


class InferResponse(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    parameters: dict[str, Any]
    outputs: list[InferredTensor]


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(BaseModel):
    live: bool


class Ready(BaseModel):
    ready: bool


class ModelReady(BaseModel):
    name: str
    ready: bool


class InferenceError(BaseModel):
    error: str
