"""GET /v1/models and /v1/models/{model}: the loaded models, as OpenAI's clients list them."""

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import errors
from app.api import dialects, problems
from app.api.openai.schemas import OpenAIModel, OpenAIModelList
from app.registry.registry import Registry, ServedModel


def router(registry: Registry) -> APIRouter:
    routes = APIRouter(tags=["models"])

    @routes.get("/v1/models", response_model=OpenAIModelList)
    async def models() -> JSONResponse:
        """The loaded models."""
        listed = [_listed(served, served.manifest.ref) for served in registry.models()]
        return JSONResponse(OpenAIModelList(data=listed).model_dump())

    @routes.get(
        "/v1/models/{model}",
        response_model=OpenAIModel,
        responses=problems.documented(errors.UnknownModel, errors.NotLoaded, dialect=dialects.OPENAI),
    )
    async def model(model: str) -> JSONResponse:
        """One model; `name` or `name@version`."""
        return JSONResponse(_listed(registry.get(model), model).model_dump())

    return routes


def _listed(served: ServedModel, name: str) -> OpenAIModel:
    return OpenAIModel(id=name, created=int(datetime.fromisoformat(served.manifest.created).timestamp()))
