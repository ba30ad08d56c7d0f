"""How many of a CPU's cores are ours, and the one thread of this process whose operators share all of them.

OpenMP keeps a team for every thread that wants one, and GNU's stops spinning between two operators as soon as all teams
together have more threads than there are cores: each operator then has to wake its own. On two cores a lone image took
half as long again. So there is one team, and it works for whoever asks.
"""

import logging
import math
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar, cast

import torch

log = logging.getLogger("tessera")

T = TypeVar("T")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_OWN = threading.local()  # threads: of the operators that this thread calls; leads: is it the one?
_ASKED: SimpleQueue[Callable[[], None]] = SimpleQueue()  # for the one; to ask through an executor took 0.1 ms more
_FREE = threading.Lock()  # held while it has something to do
_STARTING = threading.Lock()


def usable_threads() -> int:
    """PyTorch's own count (cores, affinity, OMP_NUM_THREADS), but no more than a container's CPU quota."""
    try:
        quota, period = _QUOTA.read_text().split()
        allowed = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        allowed = os.cpu_count() or 1
    return max(1, min(torch.get_num_threads(), allowed))


def use_threads(count: int, *, by_default: bool = False) -> None:
    """For operators called by the calling thread. by_default: and by those of threads to come."""
    if by_default or getattr(_OWN, "threads", 0) != count:
        torch.get_num_threads()  # a thread takes the process's number over when first asked: before, not after ours
        torch.set_num_threads(count)
        _OWN.threads = count


def on_all_cores(threads: int, action: Callable[[], T]) -> T:
    """`action` in that thread and in inference mode, its operators on so many threads. One action at a time."""
    if getattr(_OWN, "leads", False):
        use_threads(threads)
        return action()
    ended: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def led() -> None:
        try:
            use_threads(threads)
            ended.put((action(), None))
        except BaseException as error:  # raised where it was asked for
            ended.put((None, error))

    with _FREE:
        _ask(led)
        result, error = ended.get()
    if error is not None:
        try:
            raise error
        finally:
            del error  # or its traceback would hold this frame, and the frame it, and whatever did not fit into memory
    return cast(T, result)


def lead(action: Callable[[], None]) -> bool:
    """Begin with `action` in that thread and go on here. False, and nothing, if the thread has something to do."""
    if not _FREE.acquire(blocking=False):
        return False

    def led() -> None:
        try:
            action()
        except BaseException:  # nobody waits for it, and others still need the thread
            log.exception("what was to be done on all cores failed")
        finally:
            _FREE.release()

    _ask(led)
    return True


def _ask(action: Callable[[], None]) -> None:
    with _STARTING:
        _start_leader()
    _ASKED.put(action)


@cache
def _start_leader() -> None:
    threading.Thread(target=_lead, name="all-cores", daemon=True).start()


def _lead() -> None:
    _OWN.leads = True
    with torch.inference_mode():
        while True:
            _ASKED.get()()
