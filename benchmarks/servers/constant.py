"""The least that a FastAPI route costs: constant bytes, nothing around it, under the service's own uvicorn settings.

BODY_BYTES of the environment says how many; TESSERA_HOST and TESSERA_PORT where to listen.
"""

import os

import uvicorn
from fastapi import FastAPI, Response

from app import server
from app.front.slow_sockets import LimitedProtocol
from app.settings import Settings

BODY = bytes(int(os.environ.get("BODY_BYTES", "8192")))

app = FastAPI()


@app.get("/constant.png")
async def constant() -> Response:
    return Response(BODY, media_type="image/png")


if __name__ == "__main__":
    settings = Settings()
    protocol = LimitedProtocol.with_limit(settings.request_receive_timeout_s)
    uvicorn.Server(server.config(app, settings, protocol)).run()
