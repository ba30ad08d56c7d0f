"""Plain FastAPI, as its documentation has blocking work done: a `def` route, which runs in the thread pool."""

from typing import Annotated

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from benchmarks.servers.drawing import draw, load, png_grid, port

app = FastAPI()
model = load()


class GenerateRequest(BaseModel):
    n: Annotated[int, Field(ge=1, le=256)] = 1


@app.post("/generate")
def generate(request: GenerateRequest) -> Response:
    return Response(png_grid(draw(model, request.n)), media_type="image/png")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port(), access_log=False)
