"""Results in order, a few of them made ahead of whoever takes them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


async def in_order(makes: Iterable[Callable[[], Awaitable[T]]], ahead: int) -> AsyncGenerator[T, None]:
    """What each of `makes` gives, in their order; at most `ahead` are under way or not yet taken.

    Raises what one of them raises, at its turn. Closing it, or an error, cancels those under way.
    """
    left = iter(makes)
    under_way = deque(asyncio.ensure_future(make()) for make in islice(left, ahead))
    try:
        while under_way:
            result = await under_way.popleft()  # cancelled here, it takes the task with it
            under_way.extend(asyncio.ensure_future(make()) for make in islice(left, 1))
            yield result
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
