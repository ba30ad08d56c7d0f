"""The client that the README shows, both forms, against the service as it is started."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tessera_client import AsyncClient, Client, InvalidRequest, Picture, ServiceError, UnknownModel


def pixels(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_everything_that_it_can_ask(bundled: Any, tmp_path: Path) -> None:
    with Client(bundled.url) as client:
        grid = client.generate(n=4, seed=7, columns=2, padding=0)
        assert (grid.model, grid.seeds, grid.media_type) == ("avatars@3", [7, 8, 9, 10], "image/png")
        tiles = client.tiles(seeds=[7, 8, 9, 10])
        assert (tiles.model, tiles.width, tiles[3].seed) == ("avatars@3", 64, 10)
        rows = [np.concatenate([pixels(tile.png) for tile in tiles[k : k + 2]], axis=1) for k in (0, 2)]
        assert (np.concatenate(rows) == pixels(grid.save(tmp_path / "grid.png").read_bytes())).all()
        assert all(tile.label in client.model("avatars").classes for tile in tiles)

        good, bad = client.batch([{"n": 4, "seed": 7, "columns": 2, "padding": 0}, {"label": "dragon"}])
        assert isinstance(good, Picture)
        assert good.content == grid.content
        assert isinstance(bad, ServiceError)
        assert list(bad.fields) == ["label"]

        assert len(client.interpolate([1, 2], n=5).seeds) == 2
        assert client.interpolate([1, 2], n=5, layout="animation").media_type == "image/webp"
        assert client.variations(7, n=3, strength=0.5).seeds == [8, 9, 10]
        assert client.evolve([1, 5], disliked=[2], n=4).content == client.evolve([1, 5], disliked=[2], n=4).content

        url = client.image_url("avatars@3", "user 42/é", size=32)
        assert Image.open(io.BytesIO(httpx.get(url).content)).size == (32, 32)

        models = {model.ref: model for model in client.models()}
        assert (models["avatars@3"].default, models["fashion@2"].channels) == (True, 1)
        assert client.model("fashion").details["engine"]["images_per_second"] > 0

        path = client.save_archive(tmp_path / "set.zip", model="fashion", n=30, seed=1, balanced=True)
        with zipfile.ZipFile(path) as archive:
            rows = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
        assert [row["seed"] for row in rows] == list(range(1, 31))
        with client.archive(n=5, seed=1) as parts:
            assert zipfile.ZipFile(io.BytesIO(b"".join(parts))).testzip() is None


def test_errors_are_typed(bundled: Any) -> None:
    with Client(bundled.url) as client:
        with pytest.raises(InvalidRequest) as caught:
            client.generate(n=0, padding=100)
        assert set(caught.value.fields) == {"n", "padding"}
        assert caught.value.request_id
        with pytest.raises(UnknownModel):
            client.model("none")


def test_many_at_once(bundled: Any) -> None:
    async def main() -> tuple[list[Picture], Picture]:
        async with AsyncClient(bundled.url) as client:
            alone = [client.generate(seed=seed, padding=0) for seed in range(20)]
            return await asyncio.gather(*alone), await client.generate(n=20, seed=0, columns=20, padding=0)

    alone, together = asyncio.run(main())
    assert (np.concatenate([pixels(one.content) for one in alone], axis=1) == pixels(together.content)).all()
