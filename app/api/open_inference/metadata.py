"""GET /v2, /v2/health/... and /v2/models/{model}: what clients of the Open Inference Protocol ask before they infer."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import errors
from app.api import dialects, problems
from app.api.open_inference.schemas import Live, ModelMetadata, ModelReady, Ready, ServerMetadata, TensorMetadata
from app.lifecycle import Lifecycle, Stage
from app.registry.registry import Registry, ServedModel

_NO_MODEL = problems.documented(errors.UnknownModel, errors.NotLoaded, dialect=dialects.INFERENCE)


def router(registry: Registry, lifecycle: Lifecycle, stuck: Callable[[], str], version: str) -> APIRouter:
    """stuck: one sentence when an engine thread no longer moves, else empty. The protocol's "no" is a 4xx."""
    routes = APIRouter()

    @routes.get("/v2", response_model=ServerMetadata, tags=["operations"])
    async def server() -> JSONResponse:
        """Name, version and extensions of the server."""
        about = ServerMetadata(name="tessera", version=version, extensions=["binary_tensor_data"])
        return JSONResponse(about.model_dump())

    @routes.get("/v2/health/live", response_model=Live, responses={400: {"model": Live}}, tags=["operations"])
    async def live() -> JSONResponse:
        """As GET /livez, in this protocol's words."""
        moves = not stuck()
        return JSONResponse({"live": moves}, 200 if moves else 400)

    @routes.get("/v2/health/ready", response_model=Ready, responses={400: {"model": Ready}}, tags=["operations"])
    async def ready() -> JSONResponse:
        """As GET /readyz, in this protocol's words."""
        return JSONResponse({"ready": is_ready()}, 200 if is_ready() else 400)

    @routes.get(
        "/v2/models/{model}/ready",
        response_model=ModelReady,
        responses={400: {"model": ModelReady}, **_NO_MODEL},
        tags=["models"],
    )
    async def model_ready(model: str) -> JSONResponse:
        """Whether the model takes work."""
        name = registry.get(model).manifest.name
        return JSONResponse({"name": name, "ready": is_ready()}, 200 if is_ready() else 400)

    @routes.get(
        "/v2/models/{model}/versions/{version}/ready",
        response_model=ModelReady,
        responses={400: {"model": ModelReady}, **_NO_MODEL},
        tags=["models"],
    )
    async def version_ready(model: str, version: str) -> JSONResponse:
        """Whether this version takes work."""
        return await model_ready(f"{model}@{version}")

    @routes.get("/v2/models/{model}", response_model=ModelMetadata, responses=_NO_MODEL, tags=["models"])
    async def model(model: str) -> JSONResponse:
        """The tensors that the model takes and gives."""
        return JSONResponse(_described(registry.get(model), registry).model_dump())

    @routes.get(
        "/v2/models/{model}/versions/{version}", response_model=ModelMetadata, responses=_NO_MODEL, tags=["models"]
    )
    async def model_version(model: str, version: str) -> JSONResponse:
        """The tensors that this version takes and gives."""
        return JSONResponse(_described(registry.get(f"{model}@{version}"), registry).model_dump())

    def is_ready() -> bool:
        return lifecycle.stage is Stage.READY

    return routes


def _described(served: ServedModel, registry: Registry) -> ModelMetadata:
    """`seed` is left out: a client that fills in all inputs would send both it and `z`."""
    manifest = served.manifest
    image = manifest.image
    inputs = [TensorMetadata(name="z", datatype="FP32", shape=[-1, manifest.latent.dim])]
    if manifest.classes:
        inputs.append(TensorMetadata(name="label", datatype="INT64", shape=[-1]))
    shape = [-1, image.height, image.width, image.channels]
    same_name = [other.manifest for other in registry.models() if other.manifest.name == manifest.name]
    return ModelMetadata(
        name=manifest.name,
        versions=[str(other.version) for other in same_name],
        platform="pytorch_libtorch",
        inputs=inputs,
        outputs=[TensorMetadata(name="images", datatype="UINT8", shape=shape)],
    )
