import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from app.api.departure import unless_gone
from app.front.leaving import Leaving
from app.front.limits import ClientGone
from app.front.presence import PRESENCE, Presence
from tests.app.inference.gated import GatedEngine, ask, entered, running, submit


async def _silent() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def test_the_result_comes_back_while_the_client_stays() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    async def main() -> int:
        before = asyncio.all_tasks()
        result = await unless_gone({}, _silent, work())
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        return result

    assert asyncio.run(main()) == 7


def test_a_client_that_leaves_cancels_the_work_and_nothing_else() -> None:
    cancelled = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        asyncio.get_running_loop().call_soon(left.set)
        with pytest.raises(ClientGone):
            await unless_gone({}, receive, work())
        await asyncio.sleep(0)  # the task itself goes on
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(main())
    assert cancelled == [True]


def test_nobody_watches_over_work_that_never_waits() -> None:
    async def never() -> dict[str, Any]:
        raise AssertionError

    async def work() -> int:
        return 7

    async def main() -> int:
        result = await unless_gone({}, never, work())
        await asyncio.sleep(0)
        return result

    assert asyncio.run(main()) == 7


def test_messages_before_the_disconnect_are_passed_over() -> None:
    messages = [{"type": "http.request"}, {"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def main() -> None:
        with pytest.raises(ClientGone):
            await unless_gone({}, receive, asyncio.Event().wait())

    asyncio.run(main())
    assert messages == []


def test_an_error_of_the_work_is_the_callers_to_see() -> None:
    async def work() -> None:
        raise ValueError("mine")

    async def main() -> None:
        with pytest.raises(ValueError, match="mine"):
            await unless_gone({}, _silent, work())

    asyncio.run(main())


def test_a_cancellation_from_outside_stays_a_cancellation() -> None:
    async def main() -> None:
        task = asyncio.create_task(unless_gone({}, _silent, asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_client_that_leaves_as_the_work_ends_does_not_cancel_what_follows() -> None:
    async def main() -> str:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def work() -> str:
            return "done"

        result = await unless_gone({}, receive, work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return result

    assert asyncio.run(main()) == "done"


async def _never() -> dict[str, Any]:
    raise AssertionError("nobody has to ask a server that tells")


def test_where_the_server_tells_a_client_that_leaves_cancels_the_work() -> None:
    async def main() -> None:
        presence = Presence(lambda: None, Leaving())
        asyncio.get_running_loop().call_soon(presence.end)
        with pytest.raises(ClientGone):
            await unless_gone({PRESENCE: presence}, _never, asyncio.Event().wait())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(main())


def test_where_it_has_told_before_nothing_is_waited_for() -> None:
    async def main() -> None:
        presence = Presence(lambda: None, Leaving())
        presence.end()
        with pytest.raises(ClientGone):
            await unless_gone({PRESENCE: presence}, _never, asyncio.Event().wait())

    asyncio.run(main())


def test_what_is_told_after_the_work_cancels_nothing() -> None:
    async def main() -> int:
        presence = Presence(lambda: None, Leaving())
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_soon(done.set_result, 7)

        async def work() -> int:
            result: int = await done
            return result

        result = await unless_gone({PRESENCE: presence}, _never, work())
        presence.end()
        await asyncio.sleep(0)
        return result

    assert asyncio.run(main()) == 7


def test_a_cancellation_from_outside_stays_one_where_the_server_tells() -> None:
    async def main() -> None:
        task = asyncio.create_task(
            unless_gone({PRESENCE: Presence(lambda: None, Leaving())}, _never, asyncio.Event().wait())
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_no_handler_answers_a_client_that_has_gone() -> None:
    answered = []

    async def leave(request: Request) -> Response:
        raise ClientGone

    async def answer(request: Request, error: Exception) -> Response:
        answered.append(error)
        return Response(status_code=500)

    app = FastAPI(exception_handlers={Exception: answer, 500: answer})
    app.add_route("/", leave)

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            with pytest.raises(ClientGone):
                await client.get("/")

    asyncio.run(main())
    assert answered == []


def test_the_images_of_who_has_gone_are_dropped_before_their_tasks_have_ended() -> None:
    async def main() -> None:
        engine, leaving = GatedEngine(), Leaving()
        async with running(engine, max_queue_images=1000) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            presences = [Presence(lambda: None, leaving) for _ in range(100)]
            asking = [
                asyncio.create_task(unless_gone({PRESENCE: presence}, _never, ask(batcher, 2)))
                for presence in presences
            ]
            await asyncio.sleep(0)
            assert batcher.queued_images == 100
            for presence in presences:
                presence.end()
            assert batcher.queued_images == 0
            assert not any(task.done() for task in asking)
            ends = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(end) for end in ends} == {ClientGone}
            engine.open()
            await first
        assert engine.computed == [(1, 0)]

    asyncio.run(main())
