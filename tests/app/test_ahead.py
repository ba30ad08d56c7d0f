import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from app.ahead import in_order


class Works:
    """Each waits for its own `go`."""

    def __init__(self, count: int) -> None:
        self.go = [asyncio.Event() for _ in range(count)]
        self.begun: list[int] = []
        self.cancelled: list[int] = []

    def makes(self) -> list[Callable[[], Coroutine[Any, Any, int]]]:
        return [lambda i=i: self._make(i) for i in range(len(self.go))]  # type: ignore[misc]

    async def _make(self, i: int) -> int:
        self.begun.append(i)
        try:
            await self.go[i].wait()
        except asyncio.CancelledError:
            self.cancelled.append(i)
            raise
        if i == 3:
            raise ValueError("the third")
        return i


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_results_come_in_order_whoever_ends_first() -> None:
    async def main() -> list[int]:
        works = Works(3)
        for event in reversed(works.go):
            event.set()
        return [result async for result in in_order(works.makes(), 2)]

    assert asyncio.run(main()) == [0, 1, 2]


def test_no_more_are_made_than_may_be_ahead() -> None:
    async def main() -> None:
        works = Works(10)
        for event in works.go[:3]:
            event.set()
        async with aclosing(in_order(works.makes(), 2)) as results:
            assert await anext(results) == 0
            await turns()
            assert works.begun == [0, 1, 2]  # 1 and 2 are done and wait to be taken
            assert await anext(results) == 1
            await turns()
            assert works.begun == [0, 1, 2, 3]

    asyncio.run(main())


def test_closing_cancels_what_is_under_way() -> None:
    async def main() -> None:
        works = Works(4)
        works.go[0].set()
        async with aclosing(in_order(works.makes(), 3)) as results:
            assert await anext(results) == 0
            await turns()
        assert works.cancelled == [1, 2, 3]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_whoever_is_cancelled_while_waiting_takes_all_along() -> None:
    async def main() -> None:
        works = Works(4)

        async def take() -> None:
            async with aclosing(in_order(works.makes(), 2)) as results:
                await anext(results)

        task = asyncio.create_task(take())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert works.cancelled == [0, 1]

    asyncio.run(main())


def test_an_error_comes_at_its_turn_and_ends_the_others() -> None:
    async def main() -> None:
        works = Works(6)
        for event in works.go[:4]:
            event.set()
        taken = []

        async def take() -> None:
            async for result in in_order(works.makes(), 3):
                taken.append(result)

        with pytest.raises(ValueError, match="the third"):
            await take()
        assert taken == [0, 1, 2]
        assert works.cancelled == [4, 5]

    asyncio.run(main())
