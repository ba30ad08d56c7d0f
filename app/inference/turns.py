"""How an engine's threads take turns with the event loop where all cores are busy: it goes first, theirs are long.

With equal shares it got half of a core whenever it had most to do, and lanes slept meanwhile for want of work. And each
time it interrupts a lane, it finds that the engine's memory has taken the place of its own in the caches, and the lane
finds the opposite afterwards: so what comes for it in a lane's turn waits, and is done in one go. A turn may end early
between two batches, when a lane has nothing in the caches that it still needs. Where a core is free nothing waits.

Linux only. A niceness for each thread: setpriority(2). Long turns: sched_setattr(2), whose `sched_runtime` is how long
a turn a thread of the usual policies asks for, from Linux 6.12 on; before, it is ignored. Their end: sched_yield(2).
"""

import ctypes
import os
import platform
import struct
import sys
import threading
from contextlib import suppress

NICENESS = 5  # above the rest of the process's: a third of its weight
TURN_S = 0.014

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # its number, for C libraries that have no function for it
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, runtime, deadline, period: 48 bytes


def share_cores() -> None:
    """To be called in a thread of an engine; what the system does not have or not allow is left as it is."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
    _ask_for_turns(TURN_S)


def give_way() -> None:
    """Between two batches: whatever waits for this core has it now, not in the middle of the next one.

    Nor while this thread holds the interpreter lock, as it does around a batch, and lets go of here: who is interrupted
    with it has the event loop wait for the lock, and afterwards for one more turn to end.
    """
    if sys.platform == "linux":
        os.sched_yield()


def _ask_for_turns(seconds: float) -> None:
    policy = os.sched_getscheduler(0)
    call = _SCHED_SETATTR.get(platform.machine())
    if call is None or policy not in (os.SCHED_OTHER, os.SCHED_BATCH):  # or somebody has chosen another
        return
    nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, nice, 0, round(seconds * 1e9), 0, 0)
    ctypes.CDLL(None).syscall(call, 0, attributes, 0)
