import asyncio
from dataclasses import dataclass

import pytest

from app.errors import DeadlineExceeded, EngineFailed, QuotaExceeded
from app.sharing import Shared


@dataclass(frozen=True)
class Thing:
    body: bytes


class Maker:
    def __init__(self, size: int = 1, failures: tuple[Exception, ...] = ()) -> None:
        self.made = self.cancelled = 0
        self.size = size
        self.failures = list(failures)
        self.go = asyncio.Event()

    async def __call__(self) -> Thing:
        self.made += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failures:
            raise self.failures.pop(0)
        return Thing(bytes(self.size))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_thousand_who_ask_at_once_cost_one_making() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker()
        tasks = [asyncio.create_task(shared.get("k", maker)) for _ in range(1000)]
        await turns()
        maker.go.set()
        things = await asyncio.gather(*tasks)
        assert maker.made == 1
        assert all(thing is things[0] for thing in things)
        assert shared.kept("k") is things[0]
        assert await shared.get("k", maker) is things[0]
        assert maker.made == 1

    asyncio.run(main())


def test_different_keys_are_different_makings() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker()
        maker.go.set()
        await asyncio.gather(*(shared.get(str(i % 3), maker) for i in range(9)))
        assert maker.made == 3

    asyncio.run(main())


def test_the_memory_is_bounded_and_forgets_what_was_asked_for_longest_ago() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](10), Maker(size=4)
        maker.go.set()
        await shared.get("a", maker)
        await shared.get("b", maker)
        assert shared.kept("a")
        await shared.get("c", maker)
        assert [key for key in "abc" if shared.kept(key)] == ["a", "c"]
        assert shared.bytes == 8
        maker.size = 11
        assert len((await shared.get("large", maker)).body) == 11
        assert shared.kept("large") is None
        assert shared.bytes == 8

    asyncio.run(main())


def test_one_who_leaves_disturbs_nobody_and_the_last_one_ends_it() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker()
        tasks = [asyncio.create_task(shared.get("k", maker)) for _ in range(3)]
        await turns()
        tasks[0].cancel()
        await turns()
        assert maker.cancelled == 0
        tasks[1].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns()
        assert maker.cancelled == 1
        maker.go.set()
        await shared.get("k", maker)  # begins anew
        assert maker.made == 2

    asyncio.run(main())


def test_who_comes_as_the_last_one_leaves_is_served() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker()
        leaving = asyncio.create_task(shared.get("k", maker))
        await turns()
        leaving.cancel()
        coming = asyncio.create_task(shared.get("k", maker))
        maker.go.set()
        assert (await coming).body
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(main())


@pytest.mark.parametrize("refusal", [QuotaExceeded("yours", 1), DeadlineExceeded("late")])
def test_the_refusal_of_the_first_is_not_everybodys(refusal: Exception) -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker(failures=(refusal,))
        tasks = [asyncio.create_task(shared.get("k", maker)) for _ in range(3)]
        await turns()
        maker.go.set()
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert first is refusal
        assert all(isinstance(other, Thing) for other in others)

    asyncio.run(main())


def test_a_failure_is_told_to_all_and_not_remembered() -> None:
    async def main() -> None:
        shared, maker = Shared[Thing](100), Maker(failures=(EngineFailed("nan"),))
        tasks = [asyncio.create_task(shared.get("k", maker)) for _ in range(3)]
        await turns()
        maker.go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [EngineFailed] * 3
        assert (await shared.get("k", maker)).body
        assert maker.made == 2

    asyncio.run(main())
