import asyncio

import pytest

from app.front.begun import Begun


async def seven() -> int:
    return 7


async def after(*waits: "asyncio.Future[int]") -> list[int]:
    return [await wait for wait in waits]


def test_what_never_waits_is_over_without_an_event_loop() -> None:
    begun = Begun(seven())
    assert (begun.waits, begun.result) == (False, 7)


def test_what_it_raises_at_once_is_raised_at_once() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Begun(fail())


def test_what_waits_goes_on_when_it_is_awaited() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        begun = Begun(after(first, second))
        assert begun.waits
        loop.call_soon(first.set_result, 1)
        loop.call_later(0.001, second.set_result, 2)
        result = await begun
        assert (begun.waits, await begun) == (False, result)
        return result

    assert asyncio.run(main()) == [1, 2]


def test_what_fails_or_is_cancelled_while_it_waits_does_so_inside() -> None:
    seen: list[str] = []

    async def patient(wait: "asyncio.Future[int]") -> int:
        try:
            return await wait
        except (asyncio.CancelledError, ValueError) as error:
            seen.append(type(error).__name__)
            await asyncio.sleep(0)
            return 0

    async def main() -> None:
        loop = asyncio.get_running_loop()
        failing = loop.create_future()
        loop.call_soon(failing.set_exception, ValueError())
        assert await Begun(patient(failing)) == 0

        async def waiting() -> int:
            return await Begun(patient(loop.create_future()))

        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == 0

    asyncio.run(main())
    assert seen == ["ValueError", "CancelledError"]


def test_a_timeout_around_the_rest_ends_it() -> None:
    async def main() -> None:
        begun = Begun(after(asyncio.get_running_loop().create_future()))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await begun

    asyncio.run(main())


def test_what_it_waits_for_is_told_that_nobody_wants_it() -> None:
    class Told(asyncio.Future[int]):
        forsaken = False

        def forsake(self) -> None:
            self.forsaken = True

    async def main() -> None:
        result = Told()
        begun = Begun(after(result))
        begun.forsake()
        assert result.forsaken
        assert not result.done()
        result.set_result(1)
        await begun

    asyncio.run(main())


def test_what_cannot_be_told_is_waited_for_as_before() -> None:
    async def main() -> None:
        result = asyncio.get_running_loop().create_future()
        begun = Begun(after(result))
        begun.forsake()
        result.set_result(1)
        await begun

    asyncio.run(main())
