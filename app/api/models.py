"""GET /models and /models/{name}: what is loaded, what it was trained on, how it runs here."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import errors
from app.api import problems
from app.api.schemas import EngineFacts, ImageShape, ModelFacts, ModelList, ModelSummary
from app.registry.registry import Registry, ServedModel


def router(registry: Registry) -> APIRouter:
    routes = APIRouter(tags=["models"])

    @routes.get("/models", response_model=ModelList)
    async def models() -> JSONResponse:
        """The loaded models, by name and version."""
        default = _default(registry)
        listed = [summary(served, default) for served in registry.models()]
        return JSONResponse(ModelList(default=default, models=listed).model_dump())

    @routes.get("/models/{name}", response_model=ModelFacts, responses=problems.documented(errors.UnknownModel))
    async def model(name: str) -> JSONResponse:
        """All that is known of one model; `name` or `name@version`."""
        return JSONResponse(facts(registry.get(name), _default(registry)).model_dump())

    return routes


def summary(served: ServedModel, default: str | None) -> ModelSummary:
    manifest = served.manifest
    return ModelSummary(
        name=manifest.name,
        version=manifest.version,
        ref=manifest.ref,
        default=manifest.ref == default,
        family=manifest.family,
        digest=served.digest,
        image=ImageShape(height=manifest.image.height, width=manifest.image.width, channels=manifest.image.channels),
        classes=list(manifest.classes),
        capabilities=list(manifest.capabilities),
    )


def facts(served: ServedModel, default: str | None) -> ModelFacts:
    engine = served.engine
    return ModelFacts(
        **summary(served, default).model_dump(),
        engine=EngineFacts(
            device=engine.device_class,
            batching=engine.batching,
            buckets=list(engine.buckets),
            images_per_second=round(engine.images_per_second, 1),
            fallback=engine.fallback,
        ),
        manifest=served.manifest.model_dump(mode="json"),
    )


def _default(registry: Registry) -> str | None:
    try:
        return registry.get(None).manifest.ref
    except errors.TesseraError:
        return None
