"""Whatever clients do and whatever the engine does: every request ends exactly once, with its own images or a reason.

A state machine drives a real batcher, its real threads and a real event loop; only the engine is held at a gate.
"""

import asyncio
import threading
import time

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from app.errors import DeadlineExceeded, EngineFailed, QueueFull
from app.front.begun import Begun
from app.inference.batcher import Batcher
from app.inference.cores import lead

MAX_BATCH, MAX_QUEUE = 8, 60
PATIENCE_S = 20.0


class Engine:
    """Computes one batch for each permit. A latent is (number of the request, number of the image, poisoned)."""

    def __init__(self):
        self.permits = threading.Semaphore(0)
        self.open = False
        self.batches = []
        self.faults = 0

    def __call__(self, z, label):
        rows = [tuple(row) for row in z.astype(int).tolist()]
        assert [row[0] for row in rows] == label.tolist()
        self.batches.append(rows)
        if not self.open:
            self.permits.acquire()
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a passing fault")
        if any(poisoned for _, _, poisoned in rows):
            raise RuntimeError("poisoned")
        return np.array([[row[0] % 256, row[0] // 256, row[1]] for row in rows], np.uint8).reshape(-1, 1, 1, 3)


class Order:
    def __init__(self, number, n, seconds, poisoned):
        self.number, self.n, self.poisoned = number, n, poisoned
        self.deadline = time.monotonic() + seconds
        self.hurried = seconds < PATIENCE_S
        self.cancelled = False
        self.ends = 0
        self.task = None
        self.begun = None
        self.computed_when_cancelled = None


class Machine(RuleBasedStateMachine):
    orders = Bundle("orders")
    lanes, lead = 1, None

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = Engine()
        self.batcher = Batcher(
            self.engine, max_batch_size=MAX_BATCH, lanes=self.lanes, max_queue_images=MAX_QUEUE, lead=self.lead
        )
        self.loop.run_until_complete(self.batcher.start())
        self.all = []
        self.faulted = 0
        self.submitted = 0

    def turn(self, seconds=0.0):
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def count(self, number):
        return sum(row[0] == number for batch in self.engine.batches for row in batch)

    @rule(
        target=orders,
        n=st.one_of(st.just(1), st.integers(1, 25)),
        client=st.sampled_from("abc"),
        hurried=st.booleans(),
        poisoned=st.integers(0, 9).map(lambda draw: draw == 0),
    )
    def submit(self, n, client, hurried, poisoned):
        self.submitted += 1
        order = Order(self.submitted, n, 0.004 if hurried else 1000.0, poisoned)
        z = np.stack([np.full(n, order.number), np.arange(n), np.full(n, poisoned)], axis=1).astype(np.float32)
        label = np.full(n, order.number, np.int64)
        fits = self.batcher.queued_images + n <= MAX_QUEUE

        async def go():
            try:
                order.begun = Begun(self.batcher.submit(z, label, deadline=order.deadline, client=client))
                return await order.begun
            finally:
                order.ends += 1

        order.task = self.loop.create_task(go())
        self.turn()
        if order.task.done() and isinstance(order.task.exception(), QueueFull):
            assert not fits
        else:
            self.all.append(order)
        return order

    @rule(order=orders)
    def hang_up(self, order):
        if order.task.done():
            return
        order.cancelled = True
        order.task.cancel()
        self.turn()
        self.turn()
        assert order.task.cancelled()

    @rule(order=orders)
    def forsake(self, order):
        """Where many hang up together: the images are dropped at once, the task is cancelled some time later."""
        if not order.task.done():
            order.cancelled = True
            order.begun.forsake()

    @rule(batches=st.integers(1, 4))
    def compute(self, batches):
        for _ in range(batches):
            self.engine.permits.release()
        self.turn(0.001)

    @rule()
    def fault(self):
        self.engine.faults = 1
        self.faulted += 1

    @rule()
    def time_passes(self):
        self.turn(0.005)

    @invariant()
    def the_queue_keeps_its_limit(self):
        assert 0 <= self.batcher.queued_images <= MAX_QUEUE
        assert self.batcher.queued_images <= self.batcher.backlog.images

    @invariant()
    def batches_keep_their_limit(self):
        assert all(len(batch) <= MAX_BATCH for batch in self.engine.batches)

    @invariant()
    def the_backlog_is_what_is_open(self):
        unfinished = [order for order in self.all if not order.task.done()]
        assert self.batcher.backlog.images <= sum(order.n for order in unfinished)
        assert self.batcher.backlog.images == sum(
            request.n - request.computed for request in self.batcher._open.values()
        )

    @invariant()
    def what_was_hung_up_on_is_not_begun_any_more(self):
        for order in self.all:
            if order.cancelled:
                begun = self.count(order.number)
                if order.computed_when_cancelled is None:
                    order.computed_when_cancelled = begun
                # The batches under way, retried after a fault.
                assert begun <= order.computed_when_cancelled + self.lanes * MAX_BATCH

    def teardown(self):
        self.engine.open = True
        for _ in range(1000):
            self.engine.permits.release()
        try:
            self.loop.run_until_complete(asyncio.wait_for(self.batcher.drain(), PATIENCE_S))
            for order in self.all:
                if order.cancelled:
                    order.task.cancel()
                self.loop.run_until_complete(asyncio.wait([order.task], timeout=PATIENCE_S))
                self.check(order)
            assert self.batcher.queued_images == 0
            assert self.batcher.backlog.images == 0
            assert not any(thread.is_alive() for thread in self.batcher._worker._threads)
        finally:
            self.loop.close()

    def check(self, order):
        assert order.task.done()
        assert order.ends == 1
        if order.task.cancelled():
            assert order.cancelled
            return
        error = order.task.exception()
        if error is None:
            assert not order.poisoned
            images = order.task.result()
            assert images.shape == (order.n, 1, 1, 3)
            assert images[:, 0, 0, 0].tolist() == [order.number % 256] * order.n
            assert images[:, 0, 0, 1].tolist() == [order.number // 256] * order.n
            assert images[:, 0, 0, 2].tolist() == list(range(order.n))
        elif isinstance(error, EngineFailed):
            assert order.poisoned or self.faulted > 1  # a fault may meet the retry of another
        else:
            assert isinstance(error, DeadlineExceeded)
            assert order.hurried
            assert time.monotonic() >= order.deadline


class MachineOfThreeLanes(Machine):
    lanes = 3


class MachineWithALeader(Machine):
    lanes, lead = 2, staticmethod(lead)


TestBatcherMachine = Machine.TestCase
TestBatcherMachineOfThreeLanes = MachineOfThreeLanes.TestCase
TestBatcherMachineWithALeader = MachineWithALeader.TestCase
for case in (TestBatcherMachine, TestBatcherMachineOfThreeLanes, TestBatcherMachineWithALeader):
    case.settings = settings(
        max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
del case  # or it would be collected, and run, once more
