"""The two ways of asking: closed (ask, wait, ask again) and open (ask on time, whatever the answers)."""

import heapq
import itertools
import math
import random
import selectors
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.line import Line
from benchmarks.plan import CUT, REFUSED, Plan, Stream
from benchmarks.tally import Record
from benchmarks.wire import get, post

_PAUSE_S = 0.05  # before a connection is made again
LONGEST_ANSWER_S = 60.0


class Run(ABC):
    """One stream, as it runs. clock: seconds since the plan began. wake_at: when `wake` is wanted next, on that clock.

    records: what came of every request so far.
    """

    def __init__(self, plan: Plan, stream: Stream, selector: selectors.BaseSelector, clock: Callable[[], float]):
        self.records: list[Record] = []
        self.wake_at = stream.start_s
        self._address = plan.host, plan.port
        self._clock = clock
        self._stream = stream
        self._selector = selector
        self._requests = requests(plan.host, stream)
        self._begun = 0
        self._waiting: set[Line] = set()  # for an answer

    @property
    def over(self) -> bool:
        """Nothing is under way, and nothing more will be."""
        return not self._waiting and self.wake_at == math.inf

    @abstractmethod
    def wake(self) -> None:
        """Ask what is due by now."""

    def lose_patience(self) -> None:
        """Hang up where no answer comes; to be called once in a while."""
        now = self._clock()
        for line in [line for line in self._waiting if now - line.asked > LONGEST_ANSWER_S]:
            line.hang_up()

    @abstractmethod
    def _next(self, line: Line) -> None:
        """What was asked on this line is over."""

    @property
    def _ended(self) -> bool:
        """Nothing more is to be asked."""
        stream = self._stream
        return self._clock() >= stream.start_s + stream.seconds or 0 < stream.requests <= self._begun

    def _line(self) -> Line:
        return Line(self._selector, self._address, self._told)

    def _ask(self, line: Line, due: float) -> None:
        request, line.n = next(self._requests)
        line.due, line.asked = due, self._clock()
        self._waiting.add(line)
        line.ask(request)

    def _told(self, line: Line) -> None:
        self._waiting.remove(line)
        images = line.n if line.status > 0 else 0
        self.records.append(Record(line.due, self._clock(), line.status, images, line.size, line.retry_after))
        self._next(line)


class Closed(Run):
    """Each connection asks again as soon as it was answered."""

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        self._paused = [self._stream.start_s] * self._stream.connections  # connections to be made, and when: a heap

    def wake(self) -> None:
        while self._paused and self._paused[0] <= self._clock():
            heapq.heappop(self._paused)
            self._go_on(None)
        self.wake_at = self._paused[0] if self._paused else math.inf

    def _next(self, line: Line) -> None:
        if self._stream.until_status and line.status in (self._stream.until_status, CUT, REFUSED):
            line.hang_up()
        elif line.status in (CUT, REFUSED) and not self._ended:
            heapq.heappush(self._paused, self._clock() + _PAUSE_S)
            self.wake_at = self._paused[0]
        else:
            self._go_on(line)

    def _go_on(self, line: Line | None) -> None:
        if not self._ended:
            self._begun += 1
            self._ask(line if line is not None and line.open else self._line(), self._clock())
        elif line is not None:
            line.hang_up()


class Open(Run):
    """Requests on time, on the connection that was used last of those that are free, or as soon as one is."""

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        self._free: list[Line] = []
        self._late: deque[float] = deque()  # when what waits for a connection was due
        self._arrivals = arrivals(self._stream)
        self.wake_at = next(self._arrivals)

    def wake(self) -> None:
        while not self._ended:
            if self.wake_at > self._clock():
                return
            self._begun += 1
            if len(self._waiting) < self._stream.connections:
                self._ask_on_one(self.wake_at)
            else:
                self._late.append(self.wake_at)
            self.wake_at = next(self._arrivals)
        self.wake_at = math.inf
        if not self._waiting:
            self._hang_up()

    def _next(self, line: Line) -> None:
        if line.open:
            self._free.append(line)
        if self._late:
            self._ask_on_one(self._late.popleft())
        elif self.over:
            self._hang_up()

    def _ask_on_one(self, due: float) -> None:
        while self._free:
            if (line := self._free.pop()).open:
                self._ask(line, due)
                return
        self._ask(self._line(), due)

    def _hang_up(self) -> None:
        for line in self._free:
            line.hang_up()


def requests(host: str, stream: Stream) -> Iterator[tuple[bytes, int]]:
    """Request bytes and the number of images in the answer, for ever."""
    made = [(post(stream.path, body, host, stream.headers), images(body)) for body in stream.bodies]
    return itertools.cycle(made or [(get(stream.path, host, stream.headers), 1)])


def arrivals(stream: Stream) -> Iterator[float]:
    """When the requests of an open loop are due, for ever."""
    assert stream.rate is not None
    chance, due = random.Random(0), stream.start_s
    while True:
        due += 1 / stream.rate if stream.even else chance.expovariate(stream.rate)
        yield due


def images(body: Mapping[str, Any]) -> int:
    """How many images such a request asks for."""
    return int(body.get("n") or len(body.get("seeds", ())) or len(body.get("labels", ())) or 1)
