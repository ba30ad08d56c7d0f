"""A client of a Tessera service, for programs that want its images: `Client`, and `AsyncClient` for asyncio.

It needs httpx and nothing of the service. docs/http.md of the service explains every field.
"""

from tessera_client.answers import Image, Model, Picture, Reconstruction, Tiles
from tessera_client.async_client import AsyncClient
from tessera_client.client import Client
from tessera_client.errors import (
    Busy,
    CannotEncode,
    Failed,
    InvalidRequest,
    ServiceError,
    Unauthorized,
    Unavailable,
    UnknownModel,
)

__all__ = [
    "AsyncClient",
    "Busy",
    "CannotEncode",
    "Client",
    "Failed",
    "Image",
    "InvalidRequest",
    "Model",
    "Picture",
    "Reconstruction",
    "ServiceError",
    "Tiles",
    "Unauthorized",
    "Unavailable",
    "UnknownModel",
]
