"""What went wrong inside a forward pass, reduced to what has to be done about it.

Only words leave the except block: an exception holds its traceback, the traceback holds the frames, and the frames hold
the tensors that did not fit, so that whatever is tried next must begin after the exception is gone.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch

log = logging.getLogger("tessera")


class Kind(Enum):
    OUT_OF_MEMORY = "out of memory"
    LOST = "device lost"
    FAILED = "failed"


# TorchScript raises every error as a plain RuntimeError, whatever class it had inside.
_NO_MEMORY = ("CUDA out of memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED", "DefaultCPUAllocator")


@dataclass(frozen=True)
class Fault:
    kind: Kind
    message: str


def one_line(error: Exception) -> str:
    """What happened. TorchScript's errors begin with a heading and a traceback of their own, and end with that."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]


def attempt(action: Callable[[], None], device_answers: Callable[[], bool]) -> Fault | None:
    """Run `action`. device_answers: does the device still work? Asked after an error that memory does not explain.

    A CUDA error is sticky: the context is broken and every later call fails, so a device that no longer answers can
    only be had back by a new process.
    """
    try:
        action()
    except torch.OutOfMemoryError as error:
        return Fault(Kind.OUT_OF_MEMORY, str(error))
    except Exception as error:
        message = f"{type(error).__name__}: {one_line(error)}"
        if any(words in str(error) for words in _NO_MEMORY):
            return Fault(Kind.OUT_OF_MEMORY, message)
        log.warning("a forward pass failed: %s", error)  # whole: what is told the caller is its last line
    else:
        return None
    return Fault(Kind.FAILED if device_answers() else Kind.LOST, message)
