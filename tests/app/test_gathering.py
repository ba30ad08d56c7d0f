import asyncio
from typing import Any

import numpy as np
import pytest

from app import gathering
from app.gathering import Gathering
from app.inference.latents import labels_for, latents


def seeds(*values: int) -> Any:
    return np.array(values, np.uint32)


def test_each_gets_what_it_would_have_got_alone() -> None:
    asked = [
        (seeds(1), 8, 0),
        (seeds(7, 2**32 - 1), 8, 0),
        (seeds(7), 8, 3),
        (seeds(1), 100, 0),
        (seeds(*range(40)), 8, 3),
    ]

    async def main() -> Any:
        desk = Gathering()
        return await asyncio.gather(*(desk.draw(*one) for one in asked))

    for (own, z_dim, classes), (z, drawn) in zip(asked, asyncio.run(main()), strict=True):
        assert (z == latents(own, z_dim)).all()
        assert drawn.tolist() == labels_for(own, classes).tolist()


def test_those_who_come_together_share_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counted(own: Any, z_dim: int) -> Any:
        sizes.append(own.size)
        return latents(own, z_dim)

    monkeypatch.setattr(gathering, "latents", counted)

    async def main() -> None:
        desk = Gathering()
        await asyncio.gather(*(desk.draw(seeds(i), 8, 0) for i in range(10)))
        await desk.draw(seeds(1, 2), 8, 0)

    asyncio.run(main())
    assert sizes == [10, 2]


def test_who_is_alone_waits_for_nobody() -> None:
    coroutine = Gathering().draw(seeds(5), 8, 3, alone=True)
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    z, drawn = ended.value.value
    assert (z == latents(seeds(5), 8)).all()
    assert drawn.tolist() == labels_for(seeds(5), 3).tolist()


def test_one_that_leaves_does_not_disturb_the_others() -> None:
    async def main() -> Any:
        desk = Gathering()
        gone = asyncio.ensure_future(desk.draw(seeds(1), 8, 0))
        stays = asyncio.ensure_future(desk.draw(seeds(2), 8, 0))
        await asyncio.sleep(0)
        gone.cancel()
        z, _ = await stays
        assert gone.cancelled()
        return z

    assert (asyncio.run(main()) == latents(seeds(2), 8)).all()
